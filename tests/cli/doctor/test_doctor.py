"""`reconciler doctor` as it is typed: everything at once, in each form, with its exit codes, and no secret in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.cli.doctor import machine
from reconciler.cli.doctor.meanings import MEANINGS
from reconciler.embedded.unleash import ADMIN_TOKEN, UnleashDouble
from tests.cli.conftest import Reconciler, Site, git
from tests.evidence.speaking import Response, SpeakingServer

ROOT = Path(__file__).parents[3]
SECRET = "s3cr3t-of-prometheus"
MORE = """\
        flags: {{kind: unleash, url: "{unleash}", tokenFile: unleash.token, deadline: 60s}}
        evidence: {{prometheus: {{url: "{prometheus}", tokenEnv: PROMETHEUS_TOKEN, deadline: 60s}}}}
    notifications: [{{name: on-call, kind: webhook, url: "{prometheus}/hook"}}]
"""


@pytest.fixture
def whole(site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The site with a flag server and a Prometheus beside its cluster, all of them well."""
    monkeypatch.setenv("PROMETHEUS_TOKEN", SECRET)
    monkeypatch.setattr(machine, "LITTLE", 0)  # this test is not about the machine that it runs on
    monkeypatch.setattr(machine, "TOO_LITTLE", 0)
    (site.config.parent / "unleash.token").write_text(ADMIN_TOKEN, "utf-8")
    answer = Response(body=b'{"status": "success", "data": {}}')
    with UnleashDouble() as unleash, SpeakingServer(lambda _: answer) as prometheus:
        text = site.config.read_text("utf-8") + MORE.format(unleash=unleash.url, prometheus=prometheus.url)
        site.config.write_text(text, "utf-8")
        yield site


def told(reconciler: Reconciler, site: Site, code: int) -> dict[str, Any]:
    result = reconciler("doctor", "-c", site.config, "-o", "json")
    assert result.code == code, result.out + result.err
    assert SECRET not in result.out + result.err
    assert ADMIN_TOKEN not in result.out + result.err
    data: dict[str, Any] = json.loads(result.out)
    return data


def test_all_is_well(whole: Site, reconciler: Reconciler) -> None:
    before = git(whole.remote, "for-each-ref")
    data = told(reconciler, whole, 0)
    assert data["summary"] == {"problem": 0, "unknown": 0, "warning": 0, "ok": len(data["findings"])}
    checks = {each["check"] for each in data["findings"]}
    assert checks == {
        "git-version", "state-folder", "disk-space", "secrets", "git-reach", "stages", "git-push", "git-fetch",
        "stage-file", "allowed", "needed", "cluster-reach", "clock", "cluster-rights", "cluster-workloads",
        "flags-reach", "flags-place", "evidence-reach", "told", "notification-reach",
    }  # fmt: skip
    assert git(whole.remote, "for-each-ref") == before
    assert not (whole.config.parent / "state").exists(), "nothing is made"


def test_each_server_that_is_away_is_told_and_hides_no_other(whole: Site, reconciler: Reconciler) -> None:
    text = whole.config.read_text("utf-8")
    whole.config.write_text(
        re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:1", text).replace(
            "kubeconfig: kubeconfig", "kubeconfig: x"
        )
    )
    data = told(reconciler, whole, 1)
    wrong = {each["check"]: each for each in data["findings"] if each["verdict"] == "problem"}
    assert set(wrong) == {"cluster-reach", "flags-reach", "evidence-reach", "notification-reach"}
    for check, each in wrong.items():
        assert each["means"] == MEANINGS[check]
        assert each["do"]
    assert [each["verdict"] for each in data["findings"]][:4] == ["problem"] * 4, "the worst come first"


def test_servers_are_looked_at_where_the_repository_is_away(whole: Site, reconciler: Reconciler) -> None:
    whole.remote.rename(whole.remote.with_name("moved.git"))
    data = told(reconciler, whole, 1)
    verdicts = {each["check"]: each["verdict"] for each in data["findings"]}
    assert verdicts["git-reach"] == "problem"
    assert {verdicts[check] for check in ("cluster-reach", "flags-reach", "evidence-reach")} == {"ok"}
    everywhere = whole.config.read_text("utf-8").replace("production:", '"*":')
    whole.config.write_text(everywhere, "utf-8")
    data = told(reconciler, whole, 1)
    assert {each["check"] for each in data["findings"]} >= {"cluster-reach", "flags-reach", "evidence-reach"}


def test_what_stage_yaml_names_and_reconciler_yaml_does_not_allow(whole: Site, reconciler: Reconciler) -> None:
    (whole.clone / "stage.yaml").write_text("namespace: shop-live\nflags: {project: web, environment: live}\n", "utf-8")
    git(whole.clone, "commit", "-qam", "Another namespace")
    git(whole.clone, "push", "-q", "origin", "production")
    wrong = [each for each in told(reconciler, whole, 1)["findings"] if each["check"] == "allowed"]
    assert [each["found"] for each in wrong] == [
        "stage.yaml says `shop-live`, and `allow.namespaces` has shop-production",
        "stage.yaml says `web`, and `allow.flagProjects` has default",
        "stage.yaml says `live`, and `allow.flagEnvironments` has production",
    ]
    text = whole.config.read_text("utf-8")
    allow = (
        "        allow: {namespaces: [shop-live], flagProjects: [web], flagEnvironments: [live]}\n    notifications:"
    )
    whole.config.write_text(text.replace("    notifications:", allow), "utf-8")
    (found,) = [each for each in told(reconciler, whole, 1)["findings"] if each["check"] == "allowed"]
    assert found["verdict"] == "ok"


def test_what_a_person_reads(whole: Site, reconciler: Reconciler) -> None:
    (whole.config.parent / "unleash.token").unlink()
    result = reconciler("doctor", "-c", whole.config)
    assert result.code == 1
    assert "problem: projects.shop.stages.production.flags.tokenFile: " in result.out
    assert f"    means: {MEANINGS['secrets']}\n    do: mount it" in result.out
    assert re.search(r"^OK +CHECK +FOUND$", result.out, re.MULTILINE)
    assert re.search(r"\d+ well, 2 problems\n", result.err)
    quiet = reconciler("doctor", "-c", whole.config, "-o", "yaml", "--progress")
    assert YAML(typ="safe").load(quiet.out)["summary"]["problem"] == 2
    assert "looked at" in quiet.err


def test_a_configuration_that_cannot_be_used(reconciler: Reconciler, tmp_path: Path) -> None:
    assert reconciler("doctor", "-c", tmp_path / "none.yaml").code == 2
    (tmp_path / "reconciler.yaml").write_text("projects: 7\n", "utf-8")
    assert reconciler("doctor", "-c", tmp_path / "reconciler.yaml").code == 2


def test_the_page_has_every_check_with_what_it_means() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    assert dict(rows) == {check: means.replace("|", "\\|") for check, means in MEANINGS.items()}


def test_every_check_is_provoked_by_a_test() -> None:
    tests = "".join(each.read_text("utf-8") for each in Path(__file__).parent.glob("test_*.py"))
    assert [check for check in MEANINGS if tests.count(f'"{check}"') == 0] == []
