"""What is generated from objectives is taken by the servers that it is for, by their own tools and by themselves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from reconciler.demo.waiting import NotYetError
from tests.acceptance.ports import Port
from tests.acceptance.servers import PATIENCE, Prometheus, binary
from tests.acceptance.site import TOKEN, Site, site

_OBJECTIVES: Final = """\
spec_version: "1.0"
objectives:
  - sli: response_time_p95
    displayName: '{{ $labels.secret }} "slow" \\ 100 %'
    pass: [{criteria: ["<500", ">=1"]}, {criteria: ["=0"]}]
  - sli: error_rate
    pass: [{criteria: ["<=5", "<+10%"]}]
  - sli: throughput
    pass: [{criteria: [">0.5"]}]
  - sli: only_relative
    pass: [{criteria: ["<=+10%"]}]
  - sli: saturation
    pass: [{criteria: ["<0.9"]}]
total_score: {pass: "90%"}
"""
_INDICATORS: Final = """\
indicators:
  saturation: |
    max(cpu{service="$SERVICE"}) # of all cores
    or vector(1)
  only_relative: up{job="$SERVICE"}
"""
_PLAYBOOK: Final = """\
remediations:
- name: Response time degradation
  actions: [{action: scaling, value: "+1"}]
- name: default
  actions: [{action: escalate}]
"""
FILES: Final = {
    "carts/slo.yaml": _OBJECTIVES,
    "carts/prometheus/sli.yaml": _INDICATORS,
    "carts/remediation.yaml": _PLAYBOOK,
    "shop/Checkout_2.v1/slo.yaml": _OBJECTIVES,
    "shop/Checkout_2.v1/prometheus/sli.yaml": _INDICATORS,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with site(folder, FILES) as made:
        made.configure()
        made.generate()
        (folder / "rules").mkdir()
        made.monitor("--apply", "--to", str(folder / "rules"))
        yield made


def tool(*words: str) -> None:
    done = subprocess.run([binary(words[0]), *words[1:]], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)


def test_their_own_tools_accept_all_of_it(place: Site) -> None:
    folder = place.places.folder
    rules = sorted(str(path) for path in (folder / "rules").iterdir())
    assert len(rules) == 2
    tool("promtool", "check", "rules", "--lint-fatal", *rules)
    tool("amtool", "check-config", str(folder / "alertmanager.yml"))
    printed = folder / "printed.yml"
    printed.write_text(place.monitor(), "utf-8")
    tool("promtool", "check", "rules", "--lint-fatal", str(printed))
    printed.write_text(place.monitor("--alertmanager"), "utf-8")
    tool("amtool", "check-config", str(printed))


def test_the_servers_run_with_it(place: Site) -> None:
    folder = place.places.folder
    (folder / "prometheus.yml").write_text(
        "global: {evaluation_interval: 250ms}\nrule_files: ['rules/*.yml']\n", "utf-8"
    )
    with Port() as port, Prometheus(folder, port) as prometheus:
        place.alertmanager.start()

        def look() -> list[dict[str, str]]:
            groups = prometheus.get("/api/v1/rules")["data"]["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            if len(rules) != 8 or {rule["health"] for rule in rules} != {"ok"}:
                raise NotYetError(str(rules))
            return rules

        found = PATIENCE.until("all rules to be evaluated", look, alive=prometheus.check_alive)
        firing = PATIENCE.until(
            "what is 1 and may be 0.9 to fire", lambda: fires(prometheus), alive=prometheus.check_alive
        )
    assert {rule["name"] for rule in found} >= {"carts_response_time_p95", "Checkout_2_v1_saturation"}
    assert {alert["labels"]["service"] for alert in firing} == {"carts", "Checkout_2.v1"}
    assert {alert["labels"]["sli"] for alert in firing} == {"saturation"}
    taken = place.alertmanager.get("/api/v2/status")["config"]["original"]
    assert "receiver: reconciler" in taken
    assert TOKEN not in taken


def fires(prometheus: Prometheus) -> list[dict[str, dict[str, str]]]:
    alerts: list[dict[str, dict[str, str]]] = prometheus.get("/api/v1/alerts")["data"]["alerts"]
    if len(alerts) != 2:
        raise NotYetError(str(alerts))
    return alerts
