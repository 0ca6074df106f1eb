"""The daemon may do more than who writes `service.yaml`: with its rights nobody reaches what is not theirs."""

from __future__ import annotations

import pytest

from tests.daemon.site import SCALING, Site, deployment, git, until

TITLE = "Response time degradation"
FLAG = """\
remediations:
- name: Response time degradation
  actions:
  - {action: featuretoggle, value: "EnableItemsCache:on"}
"""
OTHERS = {
    "another namespace": "workload: {namespace: kube-system, name: coredns}\n",
    "another team's namespace": "workload: {namespace: payment-production, name: payment}\n",
    "the namespace of another stage": "workload: {namespace: sockshop-staging, name: carts}\n",
    "a name with a path": "workload: {name: ../../kube-system/deployments/coredns}\n",
    "a name that is a query": "workload: {name: 'carts?fieldManager=other'}\n",
    "a namespace with a path": "workload: {namespace: ../kube-system}\n",
    "a kind that is not allowed": "workload: {kind: DaemonSet, name: node-agent}\n",
    "a kind that is none of ours": "workload: {kind: Secret, name: token}\n",
    "a server of its own": "kubernetes: {server: 'https://evil.example', token: x}\n",
    "flags of another project": "flags: {project: payment}\n",
    "flags of another environment": "flags: {environment: production-eu}\n",
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_service_file_reaches_nothing_that_is_not_its_own(site: Site, what: str) -> None:
    """It is told at that service, and the service beside it is looked after."""
    for namespace, name in (
        ("kube-system", "coredns"),
        ("payment-production", "payment"),
        ("sockshop-staging", "carts"),
    ):
        manifest = deployment(name)
        manifest["metadata"]["namespace"] = namespace
        site.cluster.create(manifest)
    with_flags = what.startswith("flags")
    if with_flags:
        flags = (
            "{kind: flagd, file: flags.json}\n        allow: {flagProjects: [sockshop], flagEnvironments: [production]}"
        )
        site.config.write_text(site.config.read_text().replace("{kind: flagd, file: flags.json}", flags))
    site.push({
        "thief/remediation.yaml": FLAG if with_flags else SCALING, "thief/service.yaml": OTHERS[what],
        "ops/production/thief/problems/t1.yaml": f"title: {TITLE}\nstate: open\n",
    })  # fmt: skip
    with site.loop() as loop:
        until(loop, lambda: about(site, "thief"), "it was looked at")
        site.problem("p1", TITLE)
        until(loop, lambda: site.replicas() == 2, "the service beside it is looked after")
        until(loop, lambda: site.events()[-1:] == ["applied"], "it took effect")
        said = " ".join(loop.conditions.values())
    steps = about(site, "thief") + said
    assert "applied" not in steps
    assert any(word in steps for word in ("allow", "expected", "unknown", "not known")), steps
    written = {entry.path for entry in site.cluster.journal.writes()}
    assert {
        path for path in written if "/namespaces/sockshop-production/deployments/carts-primary" not in path
    } == set()
    assert not [
        entry for entry in site.cluster.journal.entries() if "kube-system" in entry.path or "payment" in entry.path
    ]
    assert site.flag("EnableItemsCache") == "off"


def about(site: Site, service: str) -> str:
    """Return all steps about a service as one text; empty where there are none but `opened` and `decided`."""
    folder = f"ops/production/{service}/remediations"
    text = git(site.remote, "log", "--format=", "-p", "production", "--", folder)
    ended = ("failed", "refused", "escalated", "held", "applied")
    return text if any(f'event: "{each}"' in text for each in ended) else ""


def test_two_services_cannot_both_have_one_workload(site: Site) -> None:
    """Who names a workload that another service looks after waits, and takes nothing over."""
    site.push({
        "thief/remediation.yaml": SCALING,
        "thief/service.yaml": "workload: {name: carts-primary}\nbounds: {replicas: {max: 9}}\n",
    })  # fmt: skip
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, lambda: site.events()[-1:] == ["applied"], "it took effect")
        site.push({"ops/production/thief/problems/t1.yaml": f"title: {TITLE}\nstate: open\n"})
        until(loop, lambda: "held" in about(site, "thief"), "it is held")
    assert "conflict" in about(site, "thief")
    assert site.replicas() == 2
