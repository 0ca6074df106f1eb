"""What the demo leaves is a history like any other: every step of it comes out again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from reconciler.demo.settings import PROJECT

_LONGEST = 240.0
"""Seconds after which the demo is given up; it takes less than a minute."""


def test_the_history_of_the_demo_replays_exactly(tmp_path: Path) -> None:
    kept = tmp_path / "demo"
    words = [sys.executable, "-m", "reconciler", "demo", "--fast", "--keep", str(kept)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_LONGEST, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    remote = kept / f"{PROJECT}.git"
    words = [sys.executable, "-m", "reconciler", "replay", "--repo", str(remote), "-o", "json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_LONGEST, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    stages = json.loads(done.stdout)["stages"]
    assert sum(each["steps"] for each in stages) > 10
    for each in stages:
        assert each["exact"] == each["steps"]
        assert not each["findings"]
