"""What the how-tos say of answers and ports: each request that they name is sent, to the webhooks that they show."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.daemon.inbox import Receipt
from reconciler.intake.report import Report
from reconciler.model.webhooks import Authentication, WebhookConfig, WebhooksConfig
from tests.daemon.web.kit import Site, alert, group, site, taken
from tests.docs.test_howto import PAGES, configurations, shown

TOKEN = "correct horse"
KNOWN = {"Authorization": f"Bearer {TOKEN}"}
TAGS = "keptn_project:shop, keptn_stage:production, keptn_service:"


@dataclass(frozen=True)
class Case:
    """What is sent, and the row of the page's table that tells of it: its first words, and of the middle column."""

    page: str
    row: str
    because: str
    code: int
    path: str
    body: Any
    said: str = ""
    headers: tuple[tuple[str, str], ...] = tuple(KNOWN.items())


def own(**more: Any) -> dict[str, Any]:
    """Return the body of the how-to about Datadog as it comes, with some of it otherwise."""
    body: dict[str, Any] = json.loads(shown("datadog", "json")[1])
    return body | {"stage": "production", "service": "carts", "id": "datadog-1", "url": "https://e.example.com"} | more


def event(**more: Any) -> dict[str, Any]:
    """Return the event of the how-to about CloudEvents, with some of its data otherwise."""
    body: dict[str, Any] = json.loads(shown("cloudevents", "json")[0])
    return body | {"data": body["data"] | more}


def grafanas(name: str) -> dict[str, Any]:
    """Return what Grafana's own webhook sends where it could not look: an alert of that name, which has the rule's."""
    body: dict[str, Any] = json.loads(shown("grafana", "json")[0])
    body["alerts"][0]["labels"] |= {"alertname": name, "rulename": "slow"}
    return body


def ended(reason: str) -> dict[str, Any]:
    """Return what it sends where an alert is over for a reason."""
    body: dict[str, Any] = json.loads(shown("grafana", "json")[0])
    body["alerts"][0] |= {"status": "resolved", "annotations": {"grafana_state_reason": reason}}
    return body


def notification(**more: Any) -> dict[str, Any]:
    """Return a problem as Dynatrace's template tells it."""
    return {"State": "OPEN", "PID": "-12", "ProblemID": "P-1", "ProblemTitle": "Response time degradation", **more}


OURS, KEPTN, DYNATRACE, ALERTS = (
    f"/webhooks/{name}" for name in ("problem", "cloudevents", "dynatrace", "alertmanager")
)
PLAIN = (*KNOWN.items(), ("Content-Type", "text/plain"))
CASES = [
    Case("datadog", "400", "characters such as `:`", 400, OURS, own(id="datadog:1"), "`id` is the text"),
    Case("datadog", "400", "(422 where several", 422, OURS, {"problems": [own(id="datadog:1")]}, "refused"),
    Case("datadog", "422, `refused`", "`service` is empty", 422, OURS, own(service=""), '"refused"'),
    Case("datadog", "404, `unknown`", "a service that is not there", 404, OURS, own(service="nobody"), '"unknown"'),
    Case("dynatrace", "422, `refused`", "have no tags", 422, DYNATRACE, notification(Tags=""), '"refused"'),
    Case("dynatrace", "404, `unknown`", "is not there", 404, DYNATRACE, notification(Tags=f"{TAGS}x"), '"unknown"'),
    Case("cloudevents", "401", "in `x-token`", 401, KEPTN, event(), "", (("x-token", TOKEN),)),
    Case("cloudevents", "200", "of another type", 200, KEPTN, event() | {"type": "sh.keptn.other"}, '"note"'),
    Case("cloudevents", "400", "no CloudEvent", 400, KEPTN, {"a": 1}, "expected"),
    Case("cloudevents", "415", "another content type", 415, KEPTN, event(), "", PLAIN),
    Case("cloudevents", "404", "is not known", 404, KEPTN, event(service="nobody"), "there are"),
    Case("grafana", "400, `version`", "custom payload", 400, ALERTS, {"version": "7"}, "version"),
    Case("grafana", "422, `DatasourceNoData`", "no data", 422, ALERTS, grafanas("DatasourceNoData"), '"refused"'),
    Case("grafana", "422, `Grafana says", "its series is gone", 422, ALERTS, ended("MissingSeries"), "did not see it"),
    Case("prometheus", "Alertmanager logs 401", "two files differ", 401, ALERTS, group(alert()), "", ()),
    Case("prometheus", "Alertmanager logs 404", "no such project", 404, ALERTS, group(alert("nobody")), '"unknown"'),
    Case("prometheus", "Alertmanager logs 503", "cannot be reached", 503, ALERTS, group(alert("orders")), "no Git"),
]  # fmt: skip


def rows(page: str) -> list[list[str]]:
    """Return the cells of the rows that name a status code in their first one."""
    table = PAGES[page].partition("## What goes wrong")[2]
    cells = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in cells if re.search(r"\b[245]\d\d\b", row[0])]


def served(page: str, folder: Path) -> WebhooksConfig:
    """Return the webhooks of the page, with the secret in a file that is there."""
    (config,) = configurations(page)
    secret = folder / "token"
    secret.write_text(f"{TOKEN}\n", "utf-8")

    def here(webhook: WebhookConfig | None) -> WebhookConfig | None:
        known = Authentication("bearer", secret_file=secret)
        return replace(webhook, auth=known) if webhook is not None else None

    hooks = config.webhooks
    return WebhooksConfig(
        here(hooks.alertmanager), here(hooks.dynatrace), here(hooks.cloudevents), here(hooks.problem), hooks.git
    )


def answer(report: Report) -> Receipt:
    """What is told of a project with a service `carts`, and of `orders`, whose repository is away."""
    return Receipt("unavailable", reason="no Git") if report.where.service == "orders" else taken(report)


def sent(here: Site, case: Case) -> tuple[int, str]:
    headers = {"Content-Type": "application/json"} | dict(case.headers)
    answered = here.client.post(case.path, content=json.dumps(case.body).encode(), headers=headers)
    return answered.status_code, answered.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.page}-{case.code}-{case.because}")
def test_what_goes_wrong_is_answered_as_it_is_told(case: Case, tmp_path: Path) -> None:
    told = [row for row in rows(case.page) if row[0].startswith(case.row) and case.because in "".join(row[:2])]
    assert told, "the page has no such row"
    assert str(case.code) in "".join(told[0][:2])
    with site(served(case.page, tmp_path), answer) as here:
        code, text = sent(here, case)
    assert code == case.code
    assert case.said in text


@pytest.mark.parametrize("page", sorted({case.page for case in CASES}))
def test_every_code_that_a_page_names_is_tried(page: str) -> None:
    tried = [case.row for case in CASES if case.page == page]
    assert [row[0] for row in rows(page) if not any(row[0].startswith(each) for each in tried)] == []


def test_a_test_notification_of_dynatrace_is_thanked_whatever_it_says(tmp_path: Path) -> None:
    assert "*Send test notification* at the integration gets 200 with a `note`" in PAGES["dynatrace"]
    body = notification(PID="99999", ProblemID="999", Tags="")
    with site(served("dynatrace", tmp_path), answer) as here:
        code, text = sent(here, Case("dynatrace", "", "", 200, DYNATRACE, body))
    assert (code, json.loads(text)["problems"]) == (200, [])
    assert "test notification" in json.loads(text)["note"]


def test_grafanas_test_alert_without_our_labels_is_told_what_is_missing(tmp_path: Path) -> None:
    assert "422 with what is missing means that it arrived" in PAGES["grafana"]
    body = group(alert(labels={"project": "", "stage": "", "service": "", "alertname": "TestAlert"}))
    with site(served("grafana", tmp_path), answer) as here:
        assert sent(here, Case("grafana", "", "", 422, ALERTS, body))[0] == 422


def test_the_path_of_keptns_api_is_taken_from_inside_and_outside(tmp_path: Path) -> None:
    paths = re.findall(r"`((?:/api)?/v1/event)`", PAGES["cloudevents"])
    assert set(paths) == {"/v1/event", "/api/v1/event"}
    with site(served("cloudevents", tmp_path), answer) as here:
        assert {sent(here, Case("cloudevents", "", "", 200, path, event()))[0] for path in paths} == {200}


@pytest.mark.parametrize("page", [page for page in PAGES if page != "prometheus-operator"])
def test_addresses_of_the_daemon_have_the_port_that_it_listens_on(page: str) -> None:
    """The operator's page is about the chart, whose Service has a port of its own."""
    addresses = re.findall(r"(https?)://reconciler\.example\.com(?::(\d+))?", PAGES[page])
    served_at = {
        ("https" if config.server.tls else "http", str(config.server.listen.port))
        for config in configurations(page)
        if config.server.listen is not None
    }
    assert set(addresses) == served_at
