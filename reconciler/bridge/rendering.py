"""From what a page is made of to its HTML: every value is escaped, and what would turn the text around is shown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reconciler.model.instant import Instant, format_instant

_MEDIA: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSEEN: Final = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_TYPED: Final = re.compile(r"`([^`\n]+)`")
_BRAKES: Final = re.compile(r"(?<=[/_.@:])(?=\S)")


class Static:
    """The styles and scripts, read once; ``version`` changes with any of them."""

    def __init__(self) -> None:
        folder = files("reconciler.bridge") / "static"
        named = sorted(folder.iterdir(), key=lambda each: each.name)
        self.files = {each.name: each.read_bytes() for each in named if each.name.rpartition(".")[2] in _MEDIA}
        self.version = hashlib.sha256(b"".join(self.files.values())).hexdigest()[:12]

    def media(self, name: str) -> str:
        """Return the content type of a file."""
        return _MEDIA[name.rpartition(".")[2]]


class Renderer:
    """Renders templates."""

    def __init__(self) -> None:
        self.static = Static()
        self._environment = Environment(
            loader=PackageLoader("reconciler.bridge"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        self._environment.filters |= {
            "seen": visible, "moment": moment, "iso": format_instant, "short": short, "left": left, "span": span,
            "breakable": breakable, "coded": coded,
        }  # fmt: skip
        self._environment.finalize = lambda value: visible(value) if isinstance(value, str) else value

    def page(self, template: str, data: Mapping[str, Any]) -> str:
        """Return a page."""
        return self._environment.get_template(template).render(data, version=self.static.version)


def visible(text: str) -> str:
    """Return a text in which nothing turns the order of others around or hides: such characters are shown as such.

    Markup of ours is left as it is.
    """
    if isinstance(text, Markup):
        return text
    return _UNSEEN.sub(lambda match: f"[U+{ord(match[0]):04X}]", _CONTROL.sub("\ufffd", text))


def breakable(text: str) -> Markup:
    """Return a long name that may be broken after its parts."""
    return Markup("<wbr>").join(escape(part) for part in _BRAKES.split(visible(text)))


def coded(text: str) -> Markup:
    """Return a text in which what stands between backticks is marked as something that is typed."""
    parts = _TYPED.split(visible(text))
    return Markup().join(
        Markup("<code>{}</code>").format(each) if odd % 2 else escape(each) for odd, each in enumerate(parts)
    )


def moment(instant: Instant) -> str:
    """Return a moment for people, in UTC."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def short(commit: str) -> str:
    """Return the beginning of a commit's id."""
    return commit[:10]


def span(seconds: int) -> str:
    """Return a length of time for people: its two largest units."""
    parts = []
    rest = abs(int(seconds))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def left(until: Instant, now: Instant) -> str:
    """Return how long it is until a moment."""
    return f"in {span(until - now)}" if until > now else f"due since {span(now - until)}" if until < now else "now"
