"""A link into a page leads to a heading that is there: README, docs and examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.guide import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINKS = [
    (page, target, anchor)
    for page in PAGES
    for target, anchor in re.findall(
        r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)", _FENCED.sub("", page.read_text("utf-8"))
    )
]


def anchors(page: Path) -> set[str]:
    """Return the anchors that forges make of a page's headings: small letters, no punctuation, dashes for blanks."""
    headings = re.findall(r"^#+ +(.+)$", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_there_are_links_into_pages() -> None:
    assert len(LINKS) > 10


@pytest.mark.parametrize(
    ("page", "target", "anchor"), LINKS, ids=[f"{page.name}-{target}#{anchor}" for page, target, anchor in LINKS]
)
def test_the_heading_is_there(page: Path, target: str, anchor: str) -> None:
    assert anchor in anchors(page.parent / target if target else page)
