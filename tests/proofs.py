"""`docs/proofs.md`: what takes too long for every change, when it was run whole, on which commit, and what came out.

The commands that run it write the page; parts of them leave it alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.machine import commit

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "proofs.md"
_HEAD: Final = ("command", "commit", "day", "what came out")


def note(command: str, outcome: str, page: Path = PAGE) -> None:
    """Write a row in the place of the command's last one; changes that are not committed are told."""
    rows = {each[0]: each for each in _rows(page.read_text("utf-8"))}
    rows[f"`{command}`"] = (f"`{command}`", commit(ROOT), datetime.now(UTC).strftime("%Y-%m-%d"), outcome)
    head = page.read_text("utf-8").partition("\n| ")[0]
    lines = [f"| {' | '.join(each)} |" for each in (_HEAD, ("---",) * len(_HEAD), *rows.values())]
    page.write_text("\n".join([head, *lines]) + "\n", "utf-8")


def _rows(text: str) -> list[tuple[str, ...]]:
    cells = [
        tuple(part.strip() for part in line.strip("| ").split(" | ")) for line in text.splitlines() if line[:1] == "|"
    ]
    return cells[2:]
