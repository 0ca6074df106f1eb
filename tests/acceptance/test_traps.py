"""Each trap of real servers that the documentation lists is a test, and none is tested that it does not list.

And each double that it lists is held against the real thing by a suite that is there.
"""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONTRACT = ROOT / "tests" / "targets" / "unleash"
PROMETHEUS = ROOT / "tests" / "evidence" / "prometheus" / "test_contract.py"


def test_every_trap_is_a_test() -> None:
    listed = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "acceptance.md").read_text("utf-8"), re.MULTILINE)
    shared = [CONTRACT / f"test_{name}.py" for name in ("contract", "legacy", "modern", "owners")]
    written = [path.read_text("utf-8") for path in (*HERE.rglob("test_*.py"), *shared, PROMETHEUS)]
    tested = {int(number) for text in written for number in re.findall(r"^def test_trap_(\d+)_", text, re.MULTILINE)}
    assert [int(number) for number in listed] == sorted(tested)
    assert len(tested) == 13


def test_every_double_has_its_suite() -> None:
    page = (ROOT / "docs" / "acceptance.md").read_text("utf-8")
    rows = re.findall(r"^\| `(reconciler|tests)/[^`]+`.*$", page, re.MULTILINE)
    lines = [line for line in page.splitlines() if re.match(r"\| `(reconciler|tests)/", line)]
    assert len(lines) == len(rows) >= 8
    for line in lines:
        for path in re.findall(r"`((?:reconciler|tests)/[^`]+)`", line):
            assert (ROOT / path).exists(), line
