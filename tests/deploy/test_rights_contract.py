"""Whatever the target's own tests make it call, on workloads in any condition, the chart's Roles grant."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.deploy.cases import FULL
from tests.deploy.rendering import helm
from tests.deploy.test_rights import SPACE, grants

ROOT = Path(__file__).parents[2]


def test_no_test_of_the_target_calls_more_than_is_granted(tmp_path: Path) -> None:
    granted = grants(helm(FULL), SPACE)
    written = tmp_path / "calls.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RECONCILER_CALLS": str(written)}
    environment.pop("RECONCILER_CONTRACT_KUBERNETES", None)
    suite = ["-q", "-p", "tests.deploy.calls_recorded", "-p", "no:cacheprovider", "tests/targets/kubernetes"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *suite], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > 300
    calls = [tuple(call) for call in json.loads(written.read_text("utf-8"))]
    asked = {(resource, verb) for resource, verb, path in calls if not path}
    assert asked <= granted
    assert len(asked) > 15
    # Discovery and the version are open to everybody who has logged in (`system:discovery`).
    assert all(re.fullmatch(r"/apis/[a-z.]+(/v\w+)?|/version", path) for _, _, path in calls if path)
