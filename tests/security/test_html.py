"""Whoever may write a file, or a name, puts no script into the page of whoever may approve."""

from __future__ import annotations

import json
import re

import pytest

from tests.bridge.serving import Element, parsed
from tests.daemon.site import Site, eventually
from tests.security.running import PASSWORD, running

EVIL = "\"'></title></textarea><script>alert(1)</script><img src=x onerror=alert(2)><a href='javascript:alert(3)'>x</a>"
PAGES = (
    "", "/production", "/production/steps", "/production/service/carts", "/production/remediation/carts/p1",
    "/production/remediation/carts/p2", "/production/file/carts/remediation.yaml", "/-/history",
    "/production/file/ops/production/carts/problems/p1.yaml", "/production/service/nobody", "/production/no/such/page",
)  # fmt: skip


def evil(page: Element) -> list[Element]:
    """Return what a page of ours never has."""
    found = [each for each in page.all("script") if each.text or not each.attributes.get("src", "").startswith("/")]
    leads = re.compile(r"\s*(javascript|data):", re.IGNORECASE)
    found += [each for each in page.all("a") if leads.match(each.attributes.get("href", ""))]
    return found + [each for each in page.all("img") if "onerror" in each.attributes]


@pytest.mark.parametrize("query", ["", "?at=", "?q=", "?service="])
def test_no_text_becomes_a_script_of_any_page(site: Site, query: str) -> None:
    title = "Response time degradation " + EVIL
    site.push({
        "carts/remediation.yaml": json.dumps({"remediations": [{"name": title, "actions": [
            {"action": "scaling", "value": "+1", "approval": "required"},
        ]}]}),
        "ops/production/carts/problems/p1.yaml": json.dumps({
            "title": title, "state": "open", "source": EVIL, "labels": {EVIL: EVIL},
            "details": {EVIL: [EVIL]},
        }),
        "ops/production/carts/problems/p2.yaml": json.dumps({"title": EVIL, "state": "open", "url": "javascript:x()"}),
    }, EVIL)  # fmt: skip
    with running(site) as daemon:
        daemon.bridge.auth = ("ada", PASSWORD)
        own = "/sockshop/production/remediation/carts/p1"
        eventually(lambda: daemon.bridge.get(own).status_code == 200, "the bridge shows it")
        for path in PAGES:
            asked = f"/sockshop{path}{query}"
            answer = daemon.bridge.get(asked, params={query[1:-1]: EVIL} if query else {}, follow_redirects=True)
            assert answer.status_code in (200, 400, 404), (path, answer.status_code)
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert evil(parsed(answer.text)) == []
        for path in ("/" + EVIL, f"/sockshop/{EVIL}", f"/sockshop/production/service/{EVIL}"):
            answer = daemon.bridge.get(path)
            assert evil(parsed(answer.text)) == []
        assert "alert(1)" in parsed(daemon.bridge.get(own).text).text
