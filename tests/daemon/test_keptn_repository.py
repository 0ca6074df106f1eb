"""A configuration repository as Keptn left it works as it is: shipyard, branches, services, leftovers."""

from __future__ import annotations

import json

from tests.daemon.site import Site, deployment, git, until

SHIPYARD = """\
stages:
  - name: "staging"
    deployment_strategy: "blue_green_service"
    test_strategy: "performance"
  - name: "production"
    deployment_strategy: "blue_green_service"
    remediation_strategy: "automated"
"""
REMEDIATION = """\
apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
metadata:
  name: carts-remediation
spec:
  remediations:
    - problemType: Response time degradation
      actionsOnOpen:
        - action: scaling
          name: scaling
          description: Scale up
          value: "1"
"""
EVENT = {
    "type": "sh.keptn.event.production.remediation.triggered",
    "specversion": "1.0",
    "source": "monitoring",
    "id": "f2b878d3",
    "data": {
        "project": "sockshop", "stage": "production", "service": "carts",
        "problem": {"problemTitle": "response_time_p90", "rootCause": "Response time degradation"},
    },
}  # fmt: skip


def keptn(site: Site) -> None:
    """Make the site's repository one of Keptn's: `master` with the shipyard, a branch for each stage."""
    git(site.clone, "checkout", "-q", "--orphan", "master")
    git(site.clone, "rm", "-rfq", ".")
    site.write("shipyard.yaml", SHIPYARD)
    site.write("metadata.yaml", "creationTimestamp: 2022-01-01\n")
    git(site.clone, "add", "-A")
    git(site.clone, "commit", "-qm", "Added shipyard.yaml")
    git(site.clone, "push", "-q", "origin", "master")
    git(site.remote, "symbolic-ref", "HEAD", "refs/heads/master")
    git(site.remote, "update-ref", "-d", "refs/heads/main")
    for stage in ("production", "staging"):
        git(site.clone, "checkout", "-q", "-B", stage, "master")
        site.write("carts/remediation.yaml", REMEDIATION)
        site.write("carts/metadata.yaml", "branch: x\n")
        site.write("carts/helm/carts.tgz", "not YAML at all: [\n")
        site.write("carts/jmeter/load.jmx", "<jmeter/>\n")
        site.write(f"ops/{stage}/carts/problems/0af7.json", json.dumps(EVENT))
        git(site.clone, "add", "-A")
        git(site.clone, "commit", "-qm", f"{stage} of carts, and a problem")
        git(site.clone, "push", "-q", "--force", "origin", stage)


def test_production_acts_and_the_stage_without_automation_only_says_what_it_would_do(site: Site) -> None:
    keptn(site)
    site.config.write_text(site.config.read_text().replace("      production:", "      '*':"))
    staging = deployment("carts-primary")
    staging["metadata"]["namespace"] = "sockshop-staging"
    site.cluster.create(staging)
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "production is healed")
        assert not loop.conditions
    assert site.replicas() == 2
    assert site.subjects()[1] == "carts: scale 1 → 2 (response_time_p90)"
    events = git(site.remote, "log", "--format=%(trailers:key=Event,valueonly)%s", "staging").split("\n")
    assert [line for line in events if line.startswith("held")] == ["held"]
    held = git(site.remote, "show", "staging:ops/staging/carts/remediations/0af7/01-held.yaml")
    assert 'condition: "shadow"' in held
    assert "would scale 1 → 2" in held
    assert site.cluster.get("Deployment", "sockshop-staging", "carts-primary")["spec"]["replicas"] == 1
