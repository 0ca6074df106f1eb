"""docs/security.md names for each threat the test that shows its guard: those tests are there, and each row has one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.model.schema import load_schema
from tests.docs.guide import ROOT, section

TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
THREATS = dict(
    re.findall(r"^### ([^\n]*)\n(.*?)(?=^### |\Z)", section(TEXT, "What was thought of"), re.MULTILINE | re.DOTALL)
)
ROWS = [(name, row) for name, text in THREATS.items() for row in text.splitlines() if row.startswith("| ")]
NAMED = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/.]+)\)", TEXT)
WHOLE = {
    "Rights in the cluster": "security/test_rbac.py",
    "Who may post, and who may look": "security/test_strangers.py",
    "Requests to servers of somebody's choice": "security/test_ssrf.py",
    "Paths, refs and arguments": "security/test_arguments.py",
    "Trailers of commits": "security/test_trailers.py",
    "Pages, terminals and chats": "security/test_html.py",
    "Our rights in others' hands": "security/test_confused_deputy.py",
    "Bombs and floods": "security/test_bombs.py",
    "Secrets": "daemon/test_planted_secrets.py",
    "History": "daemon/test_agreement.py",
}
"""For each kind of threat the tests that try it on the whole engine."""


def test_every_threat_has_a_test() -> None:
    told = [(name, row) for name, row in ROWS if not row.startswith(("| threat |", "| --- |"))]
    assert len(told) >= 60
    assert [row for _, row in told if not re.search(r"\[`test_\w+`\]\(", row)] == []


def test_every_kind_of_threat_is_tried_on_the_whole_engine() -> None:
    assert list(THREATS) == list(WHOLE)
    assert {name: file for name, file in WHOLE.items() if f"](../tests/{file})" not in THREATS[name]} == {}


def test_every_security_test_is_named() -> None:
    files = {f"tests/security/{each.name}" for each in (ROOT / "tests" / "security").glob("test_*.py")}
    assert files <= {file for _, file in NAMED}


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
