"""Ask a database of advisories about every locked package, of run time and of development, as part of `make check`.

An advisory about one of them fails the check. Where no database can be asked, or it does not know a package (behind a
mirror, or without a network), that is said and counted and fails nothing, unless `AUDIT=strict` is set, as whoever
releases should. `make check AUDIT_ARGS="--ignore-vuln ID"` accepts one by its number.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LOCK: Final = Path(__file__).parent / "dev.txt"
"""All that is locked: what the product needs is part of what its development needs."""
_SECONDS: Final = 600
_COMMAND: Final = (
    sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json", "--desc", "off",
    "--progress-spinner", "off", "--timeout", "10",
)  # fmt: skip


@dataclass(frozen=True)
class Audit:
    """What was told: advisories in words, packages that were looked up, and packages that were not."""

    advisories: tuple[str, ...] = ()
    known: int = 0
    unknown: int = 0
    reason: str = ""

    def verdict(self, *, strict: bool) -> tuple[int, str]:
        """Return the exit status and what is said."""
        if self.advisories:
            return 1, "\n".join((*self.advisories, "take the newer versions (`make lock ARGS=--upgrade`), or accept"))
        told = f"advisories: none about {self.known} locked packages"
        if not self.unknown and not self.reason:
            return 0, told
        missing = self.reason or f"{self.unknown} more are not known to the database that was asked"
        return int(strict), f"{told}; NOT AUDITED: {missing}"


def audit(output: str, errors: str) -> Audit:
    """Return what pip-audit's output means; no output at all is a database that cannot be asked."""
    try:
        told: Mapping[str, Any] = json.loads(output)
    except json.JSONDecodeError:
        last = errors.strip().splitlines()[-1:] or ["no answer"]
        return Audit(reason=f"no database of advisories could be asked ({last[0]})")
    packages: Sequence[Mapping[str, Any]] = told["dependencies"]
    advisories = tuple(
        f"{package['name']} {package['version']}: {vulnerability['id']}, mended in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    )
    unknown = sum("skip_reason" in package for package in packages)
    return Audit(advisories, len(packages) - unknown, unknown)


def main(words: Sequence[str]) -> int:
    """Audit the lock; ``words`` go to pip-audit. Returns the exit status."""
    try:
        done = subprocess.run(
            [*_COMMAND, "--requirement", str(LOCK), *words],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        found = audit(done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        found = Audit(reason=f"no database of advisories answered within {_SECONDS} s")
    status, told = found.verdict(strict=os.environ.get("AUDIT") == "strict")
    sys.stdout.write(f"{told}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
