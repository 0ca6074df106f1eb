// What the pages do better with a script: they follow what happens, count down, and move in time while sliding.
(() => {
  "use strict";

  const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

  const span = (seconds) => {
    const parts = [];
    let rest = Math.abs(Math.round(seconds));
    for (const [unit, length] of UNITS) {
      const count = Math.floor(rest / length);
      rest -= count * length;
      if (count) parts.push(`${count} ${unit}`);
    }
    return parts.slice(0, 2).join(" ") || "0 s";
  };

  const countDown = () => {
    for (const time of document.querySelectorAll("time[data-countdown]")) {
      const left = time.nextElementSibling;
      if (!left || !left.hasAttribute("data-left")) continue;
      const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
      left.textContent = seconds >= 0 ? `(in ${span(seconds)})` : `(due since ${span(seconds)})`;
    }
  };

  const say = (text) => {
    const news = document.getElementById("news");
    if (news) news.textContent = text;
  };

  document.addEventListener("input", (event) => {
    const shown = document.getElementById("slid");
    if (shown && event.target.matches("[data-slider]")) shown.textContent = event.target.value;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-slider]")) event.target.form.requestSubmit();
  });

  // Parts are replaced only where they differ, and never the one in which somebody is typing or standing.
  const swap = (fresh) => {
    let changed = false;
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.getElementById(part.id);
      if (!other || other.innerHTML === part.innerHTML) continue;
      const active = document.activeElement;
      if (active && part.contains(active) && active.value !== active.defaultValue) continue;
      const inside = active && part.contains(active) ? address(active) : null;
      part.innerHTML = other.innerHTML;
      part.className = other.className;
      if (inside) (part.querySelector(inside) || document.getElementById("main")).focus({ preventScroll: true });
      changed = true;
    }
    return changed;
  };

  const address = (element) => {
    if (element.id) return `#${CSS.escape(element.id)}`;
    const href = element.getAttribute("href");
    return href ? `a[href="${CSS.escape(href)}"]` : "[tabindex='0']";
  };

  let asked = false;
  let again = false;

  const refresh = async () => {
    if (asked) { again = true; return; }
    asked = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (swap(fresh)) {
          countDown();
          say(`Updated at ${new Date().toISOString().slice(11, 19)} UTC.`);
        }
      }
    } catch {
      say("The page could not be updated; it is tried again.");
    }
    asked = false;
    if (again) { again = false; setTimeout(refresh, 300); }
  };

  const follow = () => {
    const live = document.body.dataset.live;
    if (!live || !window.EventSource) return;
    let opened = false;
    const news = new EventSource(live);
    news.addEventListener("change", refresh);
    news.addEventListener("open", () => { if (opened) refresh(); opened = true; });
    news.addEventListener("error", () => say("The connection is interrupted; what is shown may be old."));
  };

  countDown();
  setInterval(countDown, 1000);
  follow();
})();
