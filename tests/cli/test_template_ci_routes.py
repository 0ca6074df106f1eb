"""Whichever way a file is looked at, it is told the same: work tree, branch, change, hook, CI's script, file alone.

What may differ is written down in docs/pull-requests.md, and is what is named here.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, git
from tests.cli.route_breakages import FILES, PROJECTS, SERVICES, STAGES
from tests.cli.template_clone import Clone, with_hook

Told = tuple[str, int, int, str, str, str]
TOGETHER = re.compile(r"is never read: |`[^`]*` too;")
ENDS = ("HEAD:", "production:", "main:", "origin/production:")


def told(reconciler: Reconciler, *arguments: object) -> set[Told]:
    """Return all findings as place, level, message and hint; without what only says which branch it is."""
    result = reconciler("validate", "-o", "json", *arguments)
    assert result.code in (0, 1) or "is a file of a configuration repository" in result.err, result
    data: dict[str, Any] = json.loads(result.out)
    return {
        (_bare(each["path"]), each["line"], each["column"], each["severity"], each["message"], each["hint"])
        for each in (*data["findings"], *data["warnings"], *data["notices"])
    }


def _bare(path: str) -> str:
    return next((path.removeprefix(end) for end in ENDS if path.startswith(end)), path)


def write(clone: Path, files: Mapping[str, str | bytes | None]) -> None:
    for name, content in sorted(files.items(), key=lambda item: item[1] is not None):
        file = clone / name
        if content is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())


def commit(clone: Path) -> None:
    git(clone, "add", "-Af")
    git(clone, "commit", "-qm", "A change")


def apart(clone: Path) -> list[str]:
    """Give each breakage a service of its own, all sound and pushed, and break them."""
    names = [f"s{number:02}" for number in range(len(FILES) + len(SERVICES))]
    for name in names:
        shutil.copytree(clone / "carts", clone / name)
    commit(clone)
    git(clone, "push", "-q", "origin", "production")
    for name, files in zip(names, FILES.values(), strict=False):
        write(clone, {f"{name}/{path}": content for path, content in files.items()})
    for name, mistake in zip(names[len(FILES) :], SERVICES.values(), strict=True):
        shutil.move(clone / "carts", clone / "kept")
        shutil.move(clone / name, clone / "carts")
        mistake.make(clone)
        shutil.move(clone / "carts", clone / name)
        shutil.move(clone / "kept", clone / "carts")
    return names


def routes(reconciler: Reconciler, clone: Path, branch: str) -> dict[str, set[Told]]:
    """Return what is told on each way of what was written into the work tree; it is committed and pushed."""
    remote = clone.parent / "shop.git"
    found = {"tree": told(reconciler)}
    commit(clone)
    found["committed"] = told(reconciler)
    found["--ref HEAD"] = told(reconciler, "--ref", "HEAD")
    found["--ref branch"] = told(reconciler, "--ref", branch)
    found["--diff"] = told(reconciler, "--diff", "HEAD~1..HEAD")
    found["pull request"] = told(reconciler, "--diff", f"refs/remotes/origin/{branch}...HEAD")
    git(clone, "push", "-q", "origin", "HEAD:refs/heads/draft")
    found["hook's"] = told(reconciler, remote, "--diff", f"{branch}..refs/heads/draft")
    git(remote, "update-ref", "-d", "refs/heads/draft")
    return found


def unlike(found: Mapping[str, set[Told]]) -> dict[str, list[Told]]:
    """Return what a route tells that the work tree does not, or the other way round."""
    odd = {name: sorted(each ^ found["tree"]) for name, each in found.items()}
    return {name: each for name, each in odd.items() if each}


def test_services_are_told_the_same_on_every_route(reconciler: Reconciler, clone: Path) -> None:
    names = apart(clone)
    found = routes(reconciler, clone, "production")
    assert {each[0].partition("/")[0] for each in found["tree"]} >= set(names)
    assert unlike(found) == {}


def test_the_hook_and_the_script_tell_what_the_tree_is_told(reconciler: Reconciler, clone: Path) -> None:
    apart(clone)
    every = re.sub(r"^ +", "", reconciler("validate").out, flags=re.MULTILINE).splitlines()
    commit(clone)
    here = with_hook(Clone(clone.parent / "shop.git", clone))
    hook = here.run("git", "push", "-q", "origin", "production")
    lines = [line.removeprefix("remote: ").strip() for line in hook.err.splitlines()]
    assert [line for line in lines if line in every] == every
    script = [line.strip() for line in here.check().out.splitlines()]
    assert [line for line in script if line in every] == every


def test_a_folder_and_its_files_alone_are_told_what_the_tree_is(reconciler: Reconciler, clone: Path) -> None:
    names = apart(clone)
    every = told(reconciler)
    for name in names:
        mine = {each for each in every if each[0].startswith(f"{name}/")}
        assert told(reconciler, name) == mine
        files = [file for file in sorted((clone / name).rglob("*")) if file.is_file()]
        alone = {each for file in files for each in told(reconciler, file)}
        # Of what does not go together, the file that is asked about is told.
        assert {each for each in alone if each in mine or not TOGETHER.search(each[4])} == mine


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_told_the_same_on_every_route(reconciler: Reconciler, clone: Path, name: str) -> None:
    write(clone, STAGES[name])
    found = routes(reconciler, clone, "production")
    assert found["tree"]
    odd = unlike(found)
    if name == "names that differ in capitals":
        assert {each[0] for told in odd.values() for each in told} == {"carts", "Carts"}, "the new one, where known"
    elif name == "queries that nobody uses":
        assert {key for key in odd if "ref" not in key} == {"--diff", "pull request", "hook's"}, (
            "all services are asked"
        )
    else:
        # Playbooks to copy from are held against a stage that changed where all files are looked at.
        assert [each for told in odd.values() for each in told if not each[0].startswith("playbooks/")] == []


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_is_told_the_same_on_every_route(reconciler: Reconciler, clone: Path, name: str) -> None:
    git(clone, "switch", "-q", "main")
    write(clone, PROJECTS[name])
    found = routes(reconciler, clone, "main")
    if name == "a stage misspelt":
        trees = {key: found.pop(key) for key in ("tree", "committed")}
        assert unlike(trees) == {}
        found["tree"] = {
            (*each[:3], "error" if "no branch" in each[4] else each[3], *each[4:]) for each in trees["tree"]
        }
    assert unlike(found) == {}
    assert found["tree"] or name == "a shipyard beside it"


@pytest.mark.parametrize("about", ["shop/carts/service.yaml", "carts/service.yaml", "carts/slo.yaml"])
def test_a_file_alone_is_told_of_another_service_of_its_name(reconciler: Reconciler, clone: Path, about: str) -> None:
    write(clone, {"shop/carts/service.yaml": "{}\n"})
    (only,) = told(reconciler, about)
    here, there = ("shop/carts", "carts") if about.startswith("shop") else ("carts", "shop/carts")
    assert only[0] == here
    assert only[4] == f"the service `carts` is at `{there}` too; a name may stand for one service only"
