"""What the daemon's own file says is taken, and told where somebody may not have meant it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler

PEOPLE = "auth: {kind: basic, people: [{username: ada, passwordEnv: ADA}]}"
SHOP = "projects: {shop: {repository: {url: shop.git}}}\n"


@pytest.mark.parametrize(
    ("bridge", "told"),
    [
        (f'{{listen: "0.0.0.0:8090", {PEOPLE}}}', True),
        (f'{{listen: "127.0.0.1:8090", {PEOPLE}}}', False),
        (f'{{listen: "0.0.0.0:8090", tls: {{certFile: tls.crt, keyFile: tls.key}}, {PEOPLE}}}', False),
        ('{listen: "127.0.0.1:8090", auth: {kind: proxy}}', False),
    ],
)
def test_passwords_in_clear_are_a_warning_at_the_address(
    reconciler: Reconciler, tmp_path: Path, bridge: str, told: bool
) -> None:  # fmt: skip
    (tmp_path / "reconciler.yaml").write_text(f"bridge: {bridge}\n{SHOP}", "utf-8")
    result = reconciler("validate", tmp_path / "reconciler.yaml", "-o", "json")
    found = json.loads(result.out)["warnings"]
    assert result.code == 0
    assert [(each["check"], each["severity"], each["line"]) for each in found] == (
        [("bridge-in-clear", "warning", 1)] if told else []
    )
    assert reconciler("validate", "--strict", tmp_path / "reconciler.yaml").code == (1 if told else 0)
