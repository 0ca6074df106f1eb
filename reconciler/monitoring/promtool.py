"""What Prometheus itself thinks of our rules, where its `promtool` is installed: the judge of PromQL that we are not.

One query that it refuses would have it refuse the whole file, and every other service's alerts with it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from reconciler.model.errors import TerminalError

_PATIENCE: Final = 60.0
_FINDING: Final = re.compile(r'group "(?P<group>[^"]*)", rule (?P<rule>\d+), "(?P<alert>.*?)": (?P<words>.*)')


def is_there() -> bool:
    """Whether `promtool` can be asked."""
    return shutil.which("promtool") is not None


def refused(rules: str) -> dict[tuple[str, str], str]:
    """Return what is wrong with which rules of a file, by (group, alert); empty where all are fine.

    Raises:
        TerminalError: promtool refuses the file for something else, or cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="reconciler-rules-") as folder:
        file = Path(folder) / "rules.yml"
        file.write_text(rules, "utf-8")
        try:
            done = subprocess.run(
                ["promtool", "check", "rules", str(file)],
                check=False, capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TerminalError(
                f"promtool could not be run: {error}", hint="or leave the check out: --no-check"
            ) from error
    if done.returncode == 0:
        return {}
    found = {(each["group"], each["alert"]): each["words"].strip() for each in _FINDING.finditer(done.stderr)}
    if not found:
        words = " ".join(f"{done.stdout} {done.stderr}".replace(str(file), "rules").split())[:500]
        raise TerminalError(f"promtool refuses the rules: {words}", hint="or leave the check out: --no-check")
    return found
