"""The documentation's pictures: each is shown somewhere, said in words, and small."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())
MOST = 150_000
"""Bytes."""


def shown() -> dict[Path, str]:
    """Return what documents show, with the words for those who do not see it."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return {
        (page.parent / path).resolve(): words
        for page in pages
        for words, path in re.findall(r"!\[([^\]]*)\]\((?!https?://)([^)]+)\)", page.read_text("utf-8"))
    }


def test_there_are_pictures_and_documents_show_just_these() -> None:
    assert PICTURES
    assert sorted(shown()) == [each.resolve() for each in PICTURES]


def test_every_picture_is_said_in_words() -> None:
    assert [path for path, words in shown().items() if len(words.split()) < 4] == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_whole_and_small(picture: Path) -> None:
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content[12:16] == b"IHDR"
    width, height = struct.unpack(">II", content[16:24])
    assert 300 <= width <= 2000
    assert 200 <= height <= 2000
    assert len(content) <= MOST
