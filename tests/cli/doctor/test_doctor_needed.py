"""A stage that cannot work because nobody connected what its files are about is no stage that is well."""

from __future__ import annotations

import json

from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.needed import needed
from reconciler.model.connections import FlagsConnection, KubernetesConnection
from reconciler.model.daemon_config import Reach
from reconciler.model.evidence_config import EvidenceConfig, PrometheusConnection
from reconciler.model.names import ProjectName, StageName
from tests.cli.conftest import Reconciler, Site, git
from tests.cli.doctor.looking import seen

NOTHING = frozenset[str]()
BOOK = """\
remediations:
- name: x
  actions:
  - {action: scaling, value: +1}
  - {action: togglefeature, value: {Promo: off}}
"""
SLO = "objectives:\n- {sli: error_rate, pass: [{criteria: ['<5']}]}\ntotal_score: {pass: 90%}\n"


def looked(*, connected: bool) -> list[Finding]:
    services = ("a", "b", "c", "d", "e")
    needs = {"kubernetes": services, "flags": ("a",), "evidence": ("a", "b")}
    content = Content(ProjectName("shop"), StageName("production"), needs=needs)  # type: ignore[arg-type]  # as written
    servers = (
        KubernetesConnection(), FlagsConnection("flagd"), EvidenceConfig({"prometheus": PrometheusConnection("http://p")})
    ) if connected else (None, None, None)  # fmt: skip
    reach = Reach(NOTHING, NOTHING, NOTHING, NOTHING, {}, *servers)
    return list(needed("shop/production", content, reach))


def test_what_is_not_connected_is_told_with_what_to_add() -> None:
    cluster, flags, evidence = found = looked(connected=False)
    assert {each.check for each in found} == {"needed"}
    # Without values it is still acted, and said that nobody could measure.
    assert [each.verdict for each in found] == ["problem", "problem", "warning"]
    told = (
        "the playbook of a, b, c and 2 more acts on workloads, and reconciler.yaml has no `kubernetes` for this stage"
    )
    assert cluster.found == told
    assert flags.found.startswith("the playbook of a switches flags")
    assert evidence.found.startswith("slo.yaml of a, b has objectives")
    assert all(f"`{key}: " in each.do for key, each in zip(("kubernetes", "flags", "evidence"), found, strict=True))
    assert seen(looked(connected=True))["needed", "ok"].found == "evidence, flags, kubernetes: connected"


def checks(reconciler: Reconciler, site: Site, code: int) -> dict[str, list[tuple[str, str]]]:
    result = reconciler("doctor", "-c", site.config, "-o", "json")
    assert result.code == code, result.out + result.err
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(result.out)["findings"]:
        found.setdefault(each["check"], []).append((each["verdict"], each["found"]))
    return found


def test_the_files_of_the_stage_say_what_is_needed(site: Site, reconciler: Reconciler) -> None:
    for path, text in (("carts/slo.yaml", SLO), ("orders/remediation.yaml", BOOK), ("carts/remediation.yaml", BOOK)):
        (site.clone / path).parent.mkdir(exist_ok=True)
        (site.clone / path).write_text(text, "utf-8")
    git(site.clone, "add", ".")
    git(site.clone, "commit", "-qm", "Much to do")
    git(site.clone, "push", "-q", "origin", "production")
    found = checks(reconciler, site, 1)
    assert [verdict for verdict, _ in found["needed"]] == ["problem", "warning"]
    assert "the playbook of carts, orders switches flags" in found["needed"][0][1]
    assert "no `evidence`" in found["needed"][1][1]
    # `carts-primary` runs there; nobody has to name a workload for it to be looked for.
    (workload,) = found["cluster-workloads"]
    assert workload[0] == "problem"
    assert "Deployment orders-primary or orders in shop-production" in workload[1]


def test_an_address_where_nothing_is_served(site: Site, reconciler: Reconciler) -> None:
    text = site.config.read_text("utf-8")
    site.config.write_text(f'{text}server: {{listen: "127.0.0.1:0"}}\n', "utf-8")
    assert checks(reconciler, site, 0)["webhooks"] == [
        ("warning", "an address is listened on, and no webhook is served there")
    ]
