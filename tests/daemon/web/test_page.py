"""docs/webhooks.md is held against what is served."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.daemon.web.senders import GIT_PATH, senders
from reconciler.intake.own import read
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.schema import load_schema
from reconciler.model.webhooks import Belonging
from tests.daemon.web.kit import ALL

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text("utf-8")
CODE = "".join(file.read_text("utf-8") for file in (Path(__file__).parents[3] / "reconciler/daemon/web").glob("*.py"))


def test_every_path_is_listed_and_no_other() -> None:
    served = {path for sender in senders(ALL) for path in sender.paths} | {GIT_PATH}
    assert set(re.findall(r"^\| `(/[^|]*)` \|", PAGE, re.MULTILINE)) >= {"/healthz", "/readyz", "/metrics"}
    listed = {path for line in PAGE.splitlines() if line.startswith("| `/") for path in re.findall(r"`(/\S+)`", line)}
    assert listed - {"/healthz", "/readyz", "/metrics"} == served


def test_every_status_is_listed() -> None:
    answered = set(re.findall(r"(?:Refusal\(|Answer\(|_turn_away\(|return )(\d{3})\b", CODE)) | {"503"}
    listed = set(re.findall(r"^\| (\d{3}) \|", PAGE, re.MULTILINE))
    assert answered <= listed
    assert "429" not in answered


def test_the_configuration_that_is_shown_loads() -> None:
    (block,) = (each for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "server:" in each)
    config = load_daemon_config(f"{block}projects: {{shop: {{repository: {{url: x}}}}}}\n".encode(), "reconciler.yaml")
    assert config.webhooks.alertmanager is not None
    assert config.webhooks.alertmanager.api


def test_our_own_json_is_as_it_is_shown() -> None:
    (block,) = (each for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if "latency-4711" in each)
    (report,) = read(block.encode(), Belonging()).reports
    assert (report.where.service, report.id) == ("carts", "latency-4711")
    table = PAGE[PAGE.rindex("| key | says |") :]
    assert set(re.findall(r"`(\w+)`", re.sub(r"\|[^|]*\|$", "", table, flags=re.MULTILINE))) == set(
        load_schema("problem-report")["properties"]
    )
