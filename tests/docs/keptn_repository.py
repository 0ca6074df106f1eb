"""A configuration repository as Keptn's tutorial leaves it: a branch for each stage, charts, jmeter, metadata."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

SHIPYARD_1 = """\
stages:
  - name: "dev"
    deployment_strategy: "direct"
    test_strategy: "functional"
  - name: "staging"
    deployment_strategy: "blue_green_service"
    test_strategy: "performance"
  - name: "production"
    deployment_strategy: "blue_green_service"
    remediation_strategy: "automated"
"""
SHIPYARD_2 = """\
apiVersion: "spec.keptn.sh/0.2.2"
kind: "Shipyard"
metadata:
  name: "shipyard-sockshop"
spec:
  stages:
    - name: "dev"
      sequences:
        - {name: "delivery", tasks: [{name: "deployment", properties: {deploymentstrategy: "direct"}}]}
    - name: "staging"
      sequences:
        - name: "delivery"
          triggeredOn: [{event: "dev.delivery.finished"}]
          tasks: [{name: "deployment"}, {name: "test", properties: {teststrategy: "performance"}}, {name: "evaluation"}]
    - name: "production"
      sequences:
        - {name: "delivery", triggeredOn: [{event: "staging.delivery.finished"}], tasks: [{name: "deployment"}]}
        - name: "remediation"
          triggeredOn: [{event: "production.remediation.finished", selector: {match: {evaluation.result: "fail"}}}]
          tasks:
            - {name: "get-action"}
            - {name: "action"}
            - {name: "evaluation", triggeredAfter: "15m", properties: {timeframe: "15m"}}
"""
PLAYBOOK_1 = """\
remediations:
- name: Response time degradation
  actions:
  - action: scaling
    value: +1
"""
PLAYBOOK_2 = """\
apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
metadata:
  name: carts-remediation
spec:
  remediations:
    - problemType: Response time degradation
      actionsOnOpen:
        - {action: scaling, name: scaling, description: Scale up, value: "1"}
"""
OBJECTIVES = """\
---
spec_version: "1.0"
comparison:
  aggregate_function: "avg"
  compare_with: "single_result"
  include_result_with_score: "pass"
  number_of_comparison_results: 1
filter:
objectives:
  - sli: "response_time_p90"
    key_sli: false
    pass:
      - criteria: ["<=+10%", "<1000"]
    warning:
      - criteria: ["<=1200"]
    weight: 1
total_score:
  pass: "90%"
  warning: "40%"
"""
INDICATORS = """\
---
spec_version: '1.0'
indicators:
  response_time_p90: histogram_quantile(0.9, sum by(le) (rate(http_response_time_milliseconds_bucket{job="$SERVICE-$PROJECT-$STAGE-$DEPLOYMENT"}[$DURATION_SECONDS])))
"""  # noqa: E501  (one line, as Keptn's own are)
TEMPLATE = """\
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: carts
spec:
  replicas: {{ .Values.replicaCount }}
"""
OLD = {"shipyard.yaml": SHIPYARD_1, "remediation.yaml": PLAYBOOK_1, "slo.yaml": OBJECTIVES, "sli.yaml": INDICATORS}
NEW = {"shipyard.yaml": SHIPYARD_2, "remediation.yaml": PLAYBOOK_2, "slo.yaml": OBJECTIVES, "sli.yaml": INDICATORS}
STAGES = ("dev", "staging", "production")


def git(where: Path, *words: str) -> str:
    """Run git as Keptn's own user."""
    who = ("-c", "user.name=keptn", "-c", "user.email=keptn@example.com")
    done = subprocess.run(["git", *who, *words], cwd=where, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.strip()


def service_files(stage: str, samples: Mapping[str, str]) -> dict[str, str]:
    """Return what Keptn has of `carts` in a stage."""
    files = {
        "metadata.yaml": "serviceName: carts\n",
        "helm/carts.tgz": "not YAML: [\n",
        "helm/carts/Chart.yaml": "apiVersion: v1\nname: carts\nversion: 0.1.0\n",
        "helm/carts/values.yaml": "image: docker.io/keptnexamples/carts:0.13.1\nreplicaCount: 1\n",
        "helm/carts/templates/deployment.yaml": TEMPLATE,
        "helm/carts/templates/service.yaml": "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: carts\n",
        "helm/carts-generated/templates/deployment.yaml": TEMPLATE,
        "jmeter/load.jmx": "<jmeter/>\n",
        "jmeter/jmeter.conf.yaml": "spec_version: '0.1.0'\nworkloads: []\n",
        "job/config.yaml": "apiVersion: v2\nactions: []\n",
        "dynatrace/dynatrace.conf.yaml": "spec_version: '0.1.0'\ndtCreds: dynatrace\n",
    }
    if stage == "production":
        names = {"remediation.yaml": "remediation.yaml", "slo.yaml": "slo.yaml", "sli.yaml": "prometheus/sli.yaml"}
        files |= {path: samples[name] for name, path in names.items()}
    return {f"carts/{path}": content for path, content in files.items()}


def with_branches(folder: Path, samples: Mapping[str, str]) -> Path:
    """Make the upstream that Keptn pushed to: `master` with the shipyard, and a branch for each stage."""
    work = _project(folder)
    for stage in STAGES:
        git(work, "checkout", "-q", "-b", stage, "master")
        _commit(work, service_files(stage, samples), f"Adding service: carts, stage: {stage}")
    git(work, "checkout", "-q", "master")
    _commit(work, {"shipyard.yaml": samples["shipyard.yaml"]}, "Adding shipyard.yaml")
    git(work, "push", "-q", "--all")
    return folder / "upstream.git"


def with_directories(folder: Path, samples: Mapping[str, str]) -> Path:
    """Make the upstream of a Keptn with DIRECTORY_STAGE_STRUCTURE: one branch, a directory for each stage."""
    work = _project(folder)
    for stage in STAGES:
        files = {f".keptn-stages/{stage}/{path}": text for path, text in service_files(stage, samples).items()}
        _commit(work, files, f"Adding service: carts, stage: {stage}")
    _commit(work, {"shipyard.yaml": samples["shipyard.yaml"]}, "Adding shipyard.yaml")
    git(work, "push", "-q", "--all")
    return folder / "upstream.git"


def _project(folder: Path) -> Path:
    git(folder, "init", "-q", "--bare", "-b", "master", "upstream.git")
    git(folder, "clone", "-q", "upstream.git", "keptn")
    _commit(folder / "keptn", {"metadata.yaml": "projectName: sockshop\n"}, "Initialized project")
    return folder / "keptn"


def _commit(work: Path, files: Mapping[str, str], message: str) -> None:
    for path, text in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text, "utf-8")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", message)
