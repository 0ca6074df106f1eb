"""The how-tos: what they show can be typed, loaded and read, and what can be run here is run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.intake import alertmanager, cloudevents, own
from reconciler.intake.report import Payload
from reconciler.model.daemon_config import DaemonConfig, load_daemon_config
from reconciler.model.webhooks import Belonging
from tests.daemon.site import deployment
from tests.docs.guide import ROOT, Shell
from tests.evidence.speaking import Request, Response, SpeakingServer
from tests.test_docs import parsed

FOLDER = ROOT / "docs" / "howto"
PAGES = {page.stem: page.read_text("utf-8") for page in sorted(FOLDER.glob("*.md")) if page.stem != "README"}
HEADINGS = ["What you need", "Steps", "See that it works", "What goes wrong"]
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def shown(page: str, language: str) -> list[str]:
    """Return the blocks of a language, also those within lists."""
    found = []
    for indent, name, text in _BLOCK.findall(PAGES[page]):
        if name == language:
            found.append("".join(line.removeprefix(indent) for line in text.splitlines(keepends=True)))
    return found


def configurations(page: str) -> list[DaemonConfig]:
    """Return the daemon's configurations of a page, each with what is shown as more of it."""
    texts = shown(page, "yaml")
    more = "".join(text for text in texts if text.startswith("# more of reconciler.yaml"))
    wholes = [text for text in texts if text.startswith("# reconciler.yaml")]
    return [load_daemon_config((whole + more).encode(), "reconciler.yaml") for whole in wholes]


def test_every_tool_has_its_page_in_the_list() -> None:
    listed = re.findall(r"\]\(([a-z-]+)\.md\)", (FOLDER / "README.md").read_text("utf-8"))
    assert sorted(set(listed)) == sorted(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_all_its_parts(page: str) -> None:
    text = PAGES[page]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert "reconciler doctor -c" in text
    assert len(re.findall(r"^\| ", text.partition("## What goes wrong")[2], re.MULTILINE)) > 4


@pytest.mark.parametrize("page", PAGES)
def test_its_configurations_can_be_used(page: str) -> None:
    found = configurations(page)
    assert found or page == "prometheus-operator"
    assert all(list(config.projects) == ["shop"] for config in found)


@pytest.mark.parametrize("page", PAGES)
def test_its_command_lines_can_be_typed(page: str) -> None:
    lines = [line for block in shown(page, "sh") for line in block.splitlines()]
    lines += [line[2:] for block in shown(page, "console") for line in block.splitlines() if line.startswith("$ ")]
    for line in lines:
        words = shlex.split(line.partition(" #")[0].partition(" > ")[0])
        if words[:1] == ["reconciler"]:
            parsed(words[1:])


def only(payload: Payload) -> tuple[str, str, str, str, str]:
    """Return where the one report of a payload belongs, what it is called, and its state."""
    (report,) = payload.reports
    assert not payload.refused
    where = report.where
    return (f"{where.project}/{where.stage}/{where.service}", str(report.id), report.problem.title,
            report.problem.state, report.problem.source)  # fmt: skip


def test_what_datadog_sends_is_read() -> None:
    (config,) = configurations("datadog")
    assert config.webhooks.problem is not None
    header, body = shown("datadog", "json")
    assert json.loads(header)["Authorization"].startswith("Bearer ")
    values = {
        "$TAGS[env]": "production", "$TAGS[service]": "carts", "$ALERT_CYCLE_KEY": "2344560123456789",
        "$LINK": "https://app.datadoghq.com/event/event?id=1",
    }  # fmt: skip
    for name, value in values.items():
        body = body.replace(name, value)
    read = own.read(body.encode(), config.webhooks.problem.belonging)
    assert only(read) == (
        "shop/production/carts", "datadog-2344560123456789", "Response time degradation", "open", "datadog",
    )  # fmt: skip
    over = own.read(body.replace('"open"', '"resolved"').encode(), config.webhooks.problem.belonging)
    assert only(over)[1:4] == ("datadog-2344560123456789", "Response time degradation", "resolved")


def test_what_grafana_sends_is_read() -> None:
    (body,) = shown("grafana", "json")
    read = alertmanager.read(body.encode(), Belonging())
    assert only(read) == (
        "shop/production/carts", "alertmanager-0ccb298e18a222fd-20261121T100000.000Z", "Response time degradation",
        "open", "alertmanager",
    )  # fmt: skip


def test_the_event_is_read_and_ends_what_it_began() -> None:
    (body,) = shown("cloudevents", "json")
    headers = {"content-type": "application/cloudevents+json"}
    opened = only(cloudevents.read(headers, body.encode(), Belonging()))
    assert opened[0] == "shop/production/carts"
    assert opened[2:4] == ("Response time degradation", "open")
    over = only(cloudevents.read(headers, body.replace('"OPEN"', '"RESOLVED"').encode(), Belonging()))
    assert (over[1], over[3]) == (opened[1], "resolved")


def prometheus(_: Request) -> Response:
    """Answer any query with one value."""
    vector = [{"metric": {}, "value": [1, "300"]}]
    return Response(body=json.dumps({"status": "success", "data": {"resultType": "vector", "result": vector}}).encode())


@pytest.fixture
def around(tmp_path: Path) -> Iterator[str]:
    """Run what a stage acts on and is measured by; return the daemon's configuration that names it."""
    carts = deployment("carts-primary")
    carts["metadata"]["namespace"] = "shop-production"
    with EmbeddedCluster() as cluster, SpeakingServer(prometheus) as server:
        cluster.create(carts)
        cluster.write_kubeconfig(tmp_path / "kubeconfig")
        stage = {"kubernetes": {"kubeconfig": "kubeconfig"}, "evidence": {"prometheus": {"url": server.url}}}
        shop = {"repository": {"url": "shop.git"}, "stages": {"production": stage}}
        yield json.dumps({"stateDir": "state", "projects": {"shop": shop}})


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, {
        "REPOSITORY": str(tmp_path / "shop.git"), "CLONE": str(tmp_path / "clone"), "RULES": str(tmp_path / "rules"),
        "ROUTE": str(tmp_path / "route.yaml"), "SETTINGS": str(tmp_path / "settings.json"),
        "CONFIGURATION": str(tmp_path / "reconciler.yaml"), "PROFILE": "custom-alerts",
    })  # fmt: skip


def test_the_steps_of_a_plain_server_lead_to_a_hook_that_refuses(shell: Shell, tmp_path: Path, around: str) -> None:
    (tmp_path / "reconciler.yaml").write_text(around, "utf-8")
    said = [shell.run(block) for block in shown("plain-git", "sh")]
    assert (tmp_path / "shop.git" / "hooks" / "pre-receive").stat().st_mode & 0o111
    assert "git-push" in said[-2]
    assert "`mode` is `fast`" in said[-1]
    assert "production was not moved" in said[-1]


@pytest.mark.parametrize("page", ["prometheus", "prometheus-operator", "dynatrace"])
def test_the_steps_that_make_rules_make_them(page: str, shell: Shell, tmp_path: Path) -> None:
    shell.run(
        'reconciler init --bare "$REPOSITORY" --project shop && git clone -q -b production "$REPOSITORY" "$CLONE"'
    )
    (tmp_path / "rules").mkdir() if page == "prometheus" else None
    if page == "dynatrace":
        queries = (
            "indicators:\n  response_time_p90: metricSelector=builtin:service.response.time:splitBy():percentile(90)\n"
        )
        (tmp_path / "clone" / "dynatrace").mkdir()
        (tmp_path / "clone" / "dynatrace" / "sli.yaml").write_text(queries, "utf-8")
        shell.run('git -C "$CLONE" add . && git -C "$CLONE" commit -qm Dynatrace && git -C "$CLONE" push -q')
    for block in shown(page, "sh"):
        shell.run(f'cd "$CLONE"\n{block}')
    if page == "prometheus":
        assert "carts_response_time_p90" in next((tmp_path / "rules").glob("reconciler.*.yml")).read_text("utf-8")
        assert "credentials_file: /etc/alertmanager/reconciler.token" in (tmp_path / "route.yaml").read_text("utf-8")
    elif page == "prometheus-operator":
        assert "namespace: shop-production" in (tmp_path / "rules").read_text("utf-8")
        assert "name: reconciler-webhook" in (tmp_path / "route.yaml").read_text("utf-8")
    else:
        notification, event = json.loads((tmp_path / "settings.json").read_text("utf-8"))
        assert notification["value"]["alertingProfile"] == "custom-alerts"
        assert event["value"]["eventTemplate"]["eventType"] == "CUSTOM_ALERT"
