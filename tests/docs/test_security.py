"""docs/security.md names for each threat the test that shows its guard: those tests are there, and each row has one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.model.schema import load_schema
from tests.docs.guide import ROOT, section

TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [line for line in section(TEXT, "What was thought of").splitlines() if line.startswith("| ")][2:]
NAMED = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/.]+)\)", TEXT)


def test_every_threat_has_a_test() -> None:
    assert len(ROWS) >= 35
    assert [row for row in ROWS if not re.search(r"\[`test_\w+`\]\(", row)] == []


@pytest.mark.parametrize(("test", "file"), NAMED)
def test_the_test_that_is_named_is_there(test: str, file: str) -> None:
    assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_no_link_to_a_test_has_another_form() -> None:
    assert TEXT.count("](../tests/") == len(NAMED)


def keys(schema: Any) -> Iterator[str]:
    """Yield the names of all properties, however deep."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from keys(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from keys(part)


@pytest.mark.parametrize("kind", ["project", "stage", "service", "remediation", "slo", "sli", "shipyard", "command"])
def test_no_file_of_the_repository_has_a_key_for_a_server_or_a_secret(kind: str) -> None:
    found = set(keys(load_schema(kind)))
    assert found
    assert {
        key for key in found if re.search("url|server|token|password|secret|kubeconfig|keyfile", key.lower())
    } == set()


def test_the_daemons_own_file_has_them_so_that_the_test_above_can_fail() -> None:
    assert {"url", "tokenFile", "kubeconfig"} <= set(keys(load_schema("reconciler")))
