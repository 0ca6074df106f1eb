"""`validate --online`: what the files name and the servers don't have, told as warnings, with bounded patience."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.cli.checking import Part
from reconciler.cli.online import AT_MOST, ask_servers
from reconciler.cli.surroundings import Surroundings
from reconciler.daemon.dispatch import Allowed, Servers
from reconciler.model.instant import Instant
from reconciler.model.names import ProjectName, StageName
from reconciler.model.targets import Effect, Fact, FlagFact, NoFact, Target, WantFlag
from tests.cli.conftest import Reconciler, Site, git
from tests.evidence.speaking import Request, Response, SpeakingServer

BOOK = "remediations:\n- name: x\n  actions:\n  - {action: featuretoggle, value: {Promo: off, Other: on}}\n"
SLO = "objectives:\n- sli: baskets\n- sli: %s\ntotal_score: {pass: 90%%}\n"
SLI = "indicators:\n  baskets: baskets_of{service='$SERVICE'}\n  %s: b{zone='$LABEL.zone'}\n"


@pytest.fixture
def online(site: Site, reconciler: Reconciler) -> Iterator[Site]:
    """The site with a flag file that has `Promo`, and a Prometheus that has nothing."""
    flags = site.config.parent / "flags.json"
    flags.write_text(json.dumps({"flags": {"Promo": {"state": "ENABLED", "variants": {"on": True, "off": False},
                                                     "defaultVariant": "off"}}}), "utf-8")  # fmt: skip

    def empty(_: Request) -> Response:
        return Response(body=b'{"status": "success", "data": {"resultType": "vector", "result": []}}')

    with SpeakingServer(empty) as server:
        text = site.config.read_text("utf-8")
        flags_at = "        flags: {kind: flagd, file: flags.json}\n"
        site.config.write_text(f"{text}{flags_at}        evidence: {{prometheus: {{url: '{server.url}'}}}}\n", "utf-8")
        yield site


def told(reconciler: Reconciler, site: Site, *arguments: object) -> list[tuple[str, str, str]]:
    result = reconciler("validate", "--online", "-c", site.config, "-o", "json", *arguments)
    assert result.code == 0, result.out + result.err
    data: dict[str, Any] = json.loads(result.out)
    assert all(each["expected"] and each["hint"] for each in data["warnings"])
    every = [each for each in data["warnings"] if each["check"].startswith("online")]
    return [(f"{each['path']}:{each['line']}", each["check"], each["message"]) for each in every]


def test_what_is_there_is_not_told(online: Site, reconciler: Reconciler) -> None:
    (online.clone / "carts" / "slo.yaml").unlink()
    assert told(reconciler, online) == []


def test_what_is_not_there_is_told_where_it_is_named(online: Site, reconciler: Reconciler) -> None:
    (online.clone / "carts" / "remediation.yaml").write_text(BOOK, "utf-8")
    (online.clone / "carts" / "slo.yaml").write_text(SLO % "zoned", "utf-8")
    (online.clone / "carts" / "prometheus" / "sli.yaml").write_text(SLI % "zoned", "utf-8")
    (online.clone / "carts" / "service.yaml").write_text("workload: {name: cart}\n", "utf-8")
    workload, flag, query = sorted(told(reconciler, online), key=lambda each: each[1], reverse=True)
    assert workload[:2] == ("carts/service.yaml:1", "online-no-workload")
    assert "the Deployment `cart` in `shop-production` is not there" in workload[2]
    assert query[:2] == ("carts/remediation.yaml:4", "online-no-flag")
    assert "the flag `Other` in `default/production`" in query[2]
    # What asks for a label of the problem cannot be asked without one.
    assert flag[:2] == ("carts/slo.yaml:2", "online-no-query")
    assert "`baskets` has no value now: " in flag[2]


def test_a_window_ends_where_dynatrace_has_its_values(site: Site, reconciler: Reconciler) -> None:
    def values(request: Request) -> Response:
        ends = int(request.params["to"])
        series = [{"dimensions": [], "timestamps": [ends], "values": [300]}]
        return Response(body=json.dumps({"result": [{"metricId": "builtin", "data": series}]}).encode())

    (site.config.parent / "api.token").write_text("secret", "ascii")
    (site.clone / "carts" / "slo.yaml").write_text("objectives:\n- sli: late\ntotal_score: {pass: 90%}\n", "utf-8")
    (site.clone / "carts" / "dynatrace").mkdir()
    (site.clone / "carts" / "dynatrace" / "sli.yaml").write_text(
        "indicators:\n  late: metricSelector=builtin:service.response.time:avg\n", "utf-8"
    )
    with SpeakingServer(values) as server:
        evidence = f"        evidence: {{dynatrace: {{url: '{server.url}', tokenFile: api.token, deadline: 60s}}}}\n"
        site.config.write_text(site.config.read_text("utf-8") + evidence, "utf-8")
        began = time.time()
        assert told(reconciler, site) == []
        assert int(server.requests[0].params["to"]) >= (began - 121) * 1000
        assert int(server.requests[0].params["to"]) <= (time.time() - 120) * 1000


def test_a_branch_is_asked_about_from_its_objects(online: Site, reconciler: Reconciler) -> None:
    (online.clone / "carts" / "service.yaml").write_text("workload: {name: cart}\n", "utf-8")
    git(online.clone, "commit", "-qam", "Rename")
    (found, *_) = told(reconciler, online, "--ref", "production")
    assert found[0] == "production:carts/service.yaml:1"


def test_a_server_that_is_not_configured_is_told_once(site: Site, reconciler: Reconciler) -> None:
    (site.clone / "carts" / "remediation.yaml").write_text(BOOK, "utf-8")
    (site.clone / "carts" / "slo.yaml").unlink()
    ((place, check, message),) = told(reconciler, site)
    assert (place, check) == ("carts/remediation.yaml:4", "online-unseen")
    assert message.endswith("no flag server is configured for this stage (and 1 more)")


def test_without_configuration_or_stage_it_cannot_be_asked(site: Site, reconciler: Reconciler) -> None:
    result = reconciler("validate", "--online", "-c", "nowhere.yaml")
    assert (result.code, "nowhere.yaml" in result.err) == (2, True)
    git(site.clone, "switch", "-qc", "try")
    result = reconciler("validate", "--online", "-c", site.config)
    assert (result.code, "--stage" in result.err) == (2, True)
    assert reconciler("validate", "--online", "-c", site.config, "--stage", "production").code == 0


class _Flags:
    """A flag server that hangs until it is let go, or answers that there is nothing."""

    def __init__(self, *, hangs: bool) -> None:
        self.released = threading.Event()
        self.asked: list[WantFlag] = []
        if not hangs:
            self.released.set()

    def observe(self, want: WantFlag) -> Fact:
        self.asked.append(want)
        self.released.wait(30)
        if want.flag == "Promo":
            return FlagFact(Target(want.server, want.environment, "Flag", want.flag), enabled=True)
        return NoFact("missing", "no such flag", near=("Promo",))

    def apply(self, effect: Effect) -> Fact:
        raise AssertionError(f"nothing is written: {effect}")

    def close(self) -> None:
        self.released.set()


def _part(count: int) -> Part:
    files = {f"s{number}/remediation.yaml": BOOK.replace("Other", f"F{number}").encode() for number in range(count)}
    return Part(files, Surroundings("production", near=files).among(files))


def _ask(flags: _Flags, count: int, seconds: float) -> list[tuple[str, str]]:
    allowed = Allowed(frozenset(), frozenset(), frozenset({"default"}), frozenset({"production"}))
    servers = Servers(None, flags, allowed)
    found = ask_servers(_part(count), servers, ProjectName("shop"), StageName("production"), Instant(1000), seconds)
    assert all(each.severity != "error" for each in found)
    return [(each.check, each.error.message) for each in found if "namespace" not in each.error.message]


def test_a_server_that_hangs_is_waited_for_no_longer_than_said() -> None:
    flags = _Flags(hangs=True)
    try:
        ((check, message),) = _ask(flags, 3, 0.05)
    finally:
        flags.released.set()
    assert check == "online-unseen"
    assert message.endswith("no answer within 0.05 s (and 5 more)")


def test_what_many_services_name_is_asked_once_and_not_without_end() -> None:
    flags = _Flags(hangs=False)
    found = _ask(flags, 3, 30)
    assert sorted(want.flag for want in flags.asked) == ["F0", "F1", "F2", "Promo"]
    assert [check for check, _ in found] == ["online-no-flag"] * 3
    found = _ask(_Flags(hangs=False), AT_MOST // 3 + 10, 30)
    assert found[-1] == ("online-unasked", "28 questions more were not asked")
