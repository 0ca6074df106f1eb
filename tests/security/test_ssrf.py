"""Nobody makes the daemon ask a server of their choice: not by a file, not by a report, not by a redirect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.daemon.site import Site, eventually, git, until
from tests.evidence.speaking import Request, Response, SpeakingServer
from tests.security.running import KNOWN, running

TITLE = "Response time degradation"
SLO = "spec_version: '1.0'\nobjectives:\n- {sli: latency, pass: [{criteria: ['<1']}]}\ntotal_score: {pass: '90%'}\n"


@pytest.fixture
def canary() -> Iterator[SpeakingServer]:
    """A server that only an attacker has a reason to name."""
    with SpeakingServer(lambda _: Response(body=b"{}")) as server:
        yield server


@pytest.fixture
def values(canary: SpeakingServer) -> Iterator[SpeakingServer]:
    """The server that the daemon's own configuration names, which sends whoever asks elsewhere."""
    with SpeakingServer(lambda _: Response(status=302, headers={"Location": canary.url})) as server:
        yield server


def playbook(value: object, action: str = "webhook") -> str:
    return json.dumps({"remediations": [{"name": TITLE, "actions": [{"action": action, "value": value}]}]})


def files(canary: str) -> dict[str, dict[str, str]]:
    host = canary.removeprefix("http://")
    return {
        "an endpoint that is an address": {"carts/remediation.yaml": playbook(f"{canary}/hook")},
        "an endpoint with an address": {"carts/remediation.yaml": playbook({"endpoint": "ticket", "url": canary})},
        "an endpoint whose name is a path": {"carts/remediation.yaml": playbook({"endpoint": f"../../@{host}/"})},
        "a query that is an address": {"carts/http/sli.yaml": f"indicators: {{latency: '{canary}/x'}}\n"},
        "a query of another authority": {"carts/http/sli.yaml": f"indicators: {{latency: '//{host}/x'}}\n"},
        "a query behind an at sign": {"carts/http/sli.yaml": f"indicators: {{latency: '@{host}/x#'}}\n"},
        "a query that Prometheus would take": {"carts/prometheus/sli.yaml": f"indicators: {{latency: '{canary}'}}\n"},
        "a service called so": {f"{host.replace(':', '@')}/slo.yaml": SLO},
        "a server in the stage's file": {"stage.yaml": f"evidence: {{http: {{url: '{canary}'}}}}\n"},
        "a server in the service's file": {"carts/service.yaml": f"kubernetes: {{server: '{canary}'}}\n"},
    }


NAMES = list(files("http://127.0.0.1:1"))


@pytest.mark.parametrize("name", NAMES)
def test_no_file_leads_the_daemon_elsewhere(
    site: Site, canary: SpeakingServer, values: SpeakingServer, name: str
) -> None:
    providers = f"prometheus: {{url: '{values.url}'}}, http: {{x: {{url: '{values.url}/{{service}}', jsonPath: a}}}}"
    site.config.write_text(
        f"{site.config.read_text()}        evidence: {{{providers}}}\n"
        f"        allow: {{endpoints: {{ticket: {{url: '{values.url}/ticket'}}}}}}\n"
    )
    site.push({
        "carts/slo.yaml": SLO, "stage.yaml": "wait: 0s\n", **files(canary.url)[name],
        "ops/production/carts/problems/p1.yaml": f"title: {TITLE}\nstate: open\nurl: {canary.url}/problem\n",
    })  # fmt: skip
    with site.loop() as loop:
        until(loop, lambda: site.events() or loop.conditions, "it was looked at")
        for _ in range(5):
            site.later(600)
            loop.tick()
    assert canary.requests == []


def test_no_report_leads_the_daemon_elsewhere(site: Site, canary: SpeakingServer) -> None:
    """Its addresses are shown to people, and asked by nobody; Alertmanager is where the daemon's file says."""

    def known(request: Request) -> Response:
        return Response(body=b"[]" if request.path == "/api/v2/alerts" else b"{}")

    with SpeakingServer(known) as alertmanager:
        hook = f"{{api: '{alertmanager.url}', auth: {{kind: bearer, tokenFile: hook}}}}"
        hooks = f"server: {{listen: '127.0.0.1:0', status: '127.0.0.1:0'}}\nwebhooks: {{alertmanager: {hook}}}\n"
        with running(site, hooks) as daemon:
            answer = daemon.hooks.post("/webhooks/alertmanager", json=firing(canary.url), headers=KNOWN)
            assert answer.status_code == 200, answer.text
            eventually(lambda: "applied" in site.events(), "it took effect")
        assert [each.path for each in alertmanager.requests][:1] == ["/api/v2/alerts"]
    assert canary.requests == []
    assert canary.url in git(site.remote, "show", f"production:{answer.json()['problems'][0]['path']}")


def firing(url: str) -> dict[str, Any]:
    labels = {"alertname": "x", "project": "sockshop", "stage": "production", "service": "carts", "problem": TITLE}
    alert = {
        "status": "firing", "labels": labels, "annotations": {"runbook": url, "api": url}, "fingerprint": "a" * 16,
        "startsAt": "2026-11-21T10:00:00Z", "generatorURL": f"{url}/graph", "silenceURL": url, "dashboardURL": url,
    }  # fmt: skip
    return {
        "version": "4",
        "receiver": "r",
        "externalURL": url,
        "groupLabels": {},
        "alerts": [alert],
        "truncatedAlerts": 3,
    }
