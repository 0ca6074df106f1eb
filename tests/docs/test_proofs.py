"""The page of what was run whole: a command's row takes the place of its last one, and the others stay."""

from __future__ import annotations

import re
from pathlib import Path

from tests.proofs import PAGE, note


def test_a_row_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    page = tmp_path / "proofs.md"
    page.write_text(PAGE.read_text("utf-8").partition("\n| ")[0] + "\n| command | commit |\n| --- | --- |\n")
    note("make one", "2 seeds, 1 broken", page)
    note("make other", "3 of 3", page)
    note("make one", "2 seeds, 0 broken", page)
    text = page.read_text("utf-8")
    assert text.startswith("# What was run whole\n")
    first, second = text.splitlines()[-2:]
    assert re.fullmatch(
        r"\| `make one` \| [0-9a-f]{12}( \+ changes)? \| \d{4}-\d\d-\d\d \| 2 seeds, 0 broken \|", first
    )
    assert second.endswith("| 3 of 3 |")
    again = page.read_text("utf-8")
    note("make other", "3 of 3", page)
    assert page.read_text("utf-8") == again
