"""A daemon that stands by serves all the same: reports are committed, pages are current, what people ask is pushed."""

from __future__ import annotations

import httpx
import pytest

from tests.bridge.serving import parsed
from tests.daemon.leases.processes import daemon, holder
from tests.daemon.site import SCALING, Site, eventually, git
from tests.daemon.test_bridge import PASSWORD, form
from tests.daemon.test_process import Running
from tests.daemon.web.kit import alert, group

pytestmark = pytest.mark.no_cover

SERVED = (
    "server: {listen: '127.0.0.1:0', status: '127.0.0.1:0'}\nwebhooks: {alertmanager: {}}\n"
    "bridge:\n  listen: 127.0.0.1:0\n  actions: true\n  auth:\n    kind: basic\n    people:\n"
    "    - {username: ada, name: Ada, email: ada@example.org, passwordFile: ada}\n"
)
BELONGS = {"project": "sockshop", "problem": "Response time degradation"}
ASKED = SCALING.replace("value: +1", "value: +1\n    approval: required")


def address(running: Running, server: str) -> str:
    return f"http://{running.logged(event='listening', server=server)[-1]['address']}"


def test_reports_pages_and_what_people_ask_for_go_by_who_stands_by(site: Site) -> None:
    (site.folder / "ada").write_text(PASSWORD)
    site.cluster.namespace("reconciler")
    site.push({"carts/remediation.yaml": ASKED})
    with daemon(site, "first"):
        eventually(lambda: holder(site) == "first", "the first has the lease")
        with daemon(site, "second", more=SERVED) as second:
            posted = httpx.post(
                f"{address(second, 'listen')}/webhooks/alertmanager", json=group(alert(labels=BELONGS)),
                trust_env=False, timeout=60,
            )  # fmt: skip
            assert posted.status_code == 200, posted.text
            (told,) = posted.json()["problems"]
            git(site.remote, "merge-base", "--is-ancestor", told["commit"], "production")
            eventually(lambda: site.events() == ["opened", "held"], "decided by the first")
            ready = httpx.get(f"{address(second, 'status')}/readyz", trust_env=False, timeout=60)
            assert ready.status_code == 200
            with httpx.Client(
                base_url=address(second, "bridge"), trust_env=False, timeout=60, auth=("ada", PASSWORD)
            ) as browser:
                page = f"/sockshop/production/remediation/carts/{told['path'].rpartition('/')[2].removesuffix('.yaml')}"
                eventually(lambda: browser.get(page).status_code == 200, "the page is there")
                fields = form(parsed(browser.get(page).text), "approve")
                origin = {"Origin": str(browser.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
                asked = browser.post("/sockshop/production/command", data=fields, headers=origin)
                assert asked.status_code == 303, asked.text
                eventually(lambda: site.events()[-1:] == ["applied"], "done by the first")
                eventually(lambda: "took effect" in browser.get(page).text, "and shown by the second")
            assert not second.logged(step="decided")
            assert holder(site) == "first"
    assert site.replicas() == 2
