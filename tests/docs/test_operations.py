"""docs/operations.md names every condition, hold and alert that there is, and its ways out of a disaster lead out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

from reconciler.daemon.counting import CONDITIONS
from reconciler.daemon.outage import _CONDITIONS as CONDITIONS_OF_A_STAGE
from tests.daemon.site import Site, git, until
from tests.docs.guide import ROOT, Shell, blocks, section

TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
DAEMON = ROOT / "reconciler" / "daemon"


def first_cells(heading: str) -> set[str]:
    """Return what stands in code type in the first cell of each row."""
    rows = [line.split("|")[1] for line in section(TEXT, heading).splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def given(call: ast.Call) -> str | None:
    """Return the name of the condition that a call sets: a text, with `<...>` for what differs."""
    match call.args[0]:
        case ast.Constant(value=str(name)):
            return name
        case ast.JoinedStr(values=parts):
            return "".join(str(each.value) if isinstance(each, ast.Constant) else "<>" for each in parts)
        case _:
            return None


def conditions() -> Iterator[str]:
    """Yield the name of every condition that the daemon's code sets."""
    for file in DAEMON.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            match call.func:
                case ast.Attribute(value=ast.Attribute(attr="condition" | "_condition"), attr="set"):
                    yield f"<stage>/{given(call)}"
                case ast.Attribute(value=ast.Attribute(attr="_holds"), attr="hold" | "remark"):
                    yield given(call) or "<stage>"
                case ast.Attribute(value=ast.Name(id="holds") | ast.Attribute(attr="holds"), attr="hold" | "remark"):
                    yield given(call) or "<stage>"


def test_every_condition_is_explained_and_no_other() -> None:
    told = {re.sub(r"(?<=[ :])<\w+>", "<>", name) for name in first_cells("Conditions")}
    found = set(conditions()) | {f"<stage>/{name}" for name in CONDITIONS_OF_A_STAGE}
    assert len(found) > 10
    assert '"configuration": invalid' in (DAEMON / "web" / "attaching.py").read_text("utf-8")
    assert told == found | {"configuration"}


def test_every_hold_is_explained_and_no_other() -> None:
    assert first_cells("Holds") == set(CONDITIONS)


def test_every_alert_is_explained_and_no_other() -> None:
    rules = YAML(typ="safe").load(ROOT / "deploy" / "helm" / "reconciler" / "files" / "rules.yaml")
    assert first_cells("Alerts") == {rule["alert"] for group in rules["groups"] for rule in group["rules"]}


def test_after_the_loss_of_the_forge_a_clone_is_as_good(site: Site, tmp_path: Path) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the problem is acted on")
    before = site.events()
    git(site.clone, "fetch", "-q", "origin")
    git(site.clone, "remote", "set-head", "origin", "--auto")
    site.remote.rename(tmp_path / "gone.git")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "new.git")
    (block,) = blocks(section(TEXT, "When something is lost"))
    (tmp_path / "person").mkdir()
    shell = Shell(tmp_path / "person", {"NEW": str(tmp_path / "new.git")})
    shell.folder = site.clone
    shell.run(block)
    branches = git(tmp_path / "new.git", "for-each-ref", "--format=%(refname)").split()
    assert branches == git(tmp_path / "gone.git", "for-each-ref", "--format=%(refname)", "refs/heads").split()
    site.config.write_text(site.config.read_text("utf-8").replace("remote.git", "new.git"), "utf-8")
    site.remote = tmp_path / "new.git"
    with site.loop() as loop:
        loop.tick()
        assert site.events() == before
        site.later(601)
        until(loop, lambda: len(site.events()) > len(before), "it goes on where the clone stood")
        assert not loop.conditions
    assert site.replicas() == 2
