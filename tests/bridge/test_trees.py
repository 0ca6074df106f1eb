"""What trees tell of a stage is what its files say, whichever commit was looked at before."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.bridge.config_trees import ConfigTrees
from reconciler.bridge.sources import viewing
from reconciler.bridge.trees import OpsTrees, Remembered
from reconciler.decide.remediation import ENDINGS
from reconciler.model.names import CommitId, StageName
from reconciler.repo.index import Moved, StageIndex, Stored
from reconciler.repo.layout import ops_place
from reconciler.repo.mirror import Mirror
from tests.daemon.site import git

SERVICES = ("carts", "shop/orders", "shop/deep/er")
OPEN, CLOSED = "title: x\nstate: open\n", "title: x\nstate: resolved\n"
CLOSED_JSON = '{"state": "resolved", "title": "x"}'
CONFIG = ("slo.yaml", "remediation.yaml", "notes.txt", "prometheus/sli.yaml")
STEPS = ("01-opened", "02-decided", "09-applied", "10-remediated", "11-reopened")
PATHS = [
    *(f"{service}/{name}" for service in SERVICES for name in CONFIG),
    *(f"ops/production/{each}/problems/{name}" for each in SERVICES for name in ("p1.yaml", "2026-11-21/p2.yaml")),
    *(
        f"ops/production/{service}/remediations/{about}/{step}.yaml"
        for service in SERVICES
        for about in ("p1", "p2")
        for step in STEPS
    ),
    *(f"ops/production/{service}/state/desired.yaml" for service in SERVICES),
    "ops/staging/carts/problems/p9.yaml",
    "ops/production/steps/000001-archived.yaml",
    "shop/chart/templates/service.yaml",
    "templates/slo.yaml",
    "stage.yaml",
]
TEXTS = [OPEN, CLOSED, "state: open\nlabels:\n  x: y\n", CLOSED_JSON, "no: yaml: at all"]
_FILES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(TEXTS), max_size=25)


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    folder = tmp_path_factory.mktemp("trees")
    git(folder, "init", "-q", "--bare", "-b", "main", str(folder / "remote.git"))
    with viewing(str(folder / "remote.git")) as found:
        found.remote = folder / "remote.git"  # type: ignore[attr-defined]  # where the test writes to
        yield found


@pytest.fixture(scope="module")
def known(mirror: Mirror) -> tuple[OpsTrees, ConfigTrees]:
    """Who has seen every commit of the test so far."""
    return OpsTrees(mirror), ConfigTrees(mirror)


def committed(remote: Path, files: dict[str, str]) -> CommitId:
    stream = b"commit refs/heads/production\ncommitter a <a@b> 1790000000 +0000\ndata 1\nx\ndeleteall\n"
    for path, text in files.items():
        stream += f"M 100644 inline {path}\ndata {len(text.encode())}\n".encode() + text.encode() + b"\n"
    subprocess.run(["git", f"--git-dir={remote}", "fast-import", "--quiet", "--force"], input=stream, check=True)
    return CommitId(git(remote, "rev-parse", "refs/heads/production"))


def expected(files: dict[str, str]) -> dict[str, tuple[frozenset[str], frozenset[str], frozenset[str], bool]]:
    """Return running and ended remediations, open problems, and whether something is held, from paths and texts."""
    found: dict[str, tuple[frozenset[str], frozenset[str], frozenset[str], bool]] = {}
    for service in SERVICES:
        here = f"ops/production/{service}/"
        mine = {path.removeprefix(here): text for path, text in files.items() if path.startswith(here)}
        steps: dict[str, list[str]] = {}
        for path in mine:
            if path.startswith("remediations/"):
                _, about, step = path.split("/")
                steps.setdefault(about, []).append(step.removesuffix(".yaml"))
        newest = {about: max(each, key=lambda step: int(step[:2])).partition("-")[2] for about, each in steps.items()}
        problems = {path: text for path, text in mine.items() if path.startswith("problems/")}
        opened = {path for path, text in problems.items() if text not in (CLOSED, CLOSED_JSON)}
        found[service] = (
            frozenset(about for about, event in newest.items() if event not in ENDINGS),
            frozenset(about for about, event in newest.items() if event in ENDINGS),
            frozenset(opened),
            "state/desired.yaml" in mine,
        )
    return found


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_FILES)
def test_trees_tell_what_the_files_say(
    mirror: Mirror, known: tuple[OpsTrees, ConfigTrees], files: dict[str, str]
) -> None:
    commit = committed(mirror.remote, files)  # type: ignore[attr-defined]  # see the fixture
    for ops, config in (known, (OpsTrees(mirror), ConfigTrees(mirror))):
        tree = mirror.tree_id(commit, "ops/production")
        busy = dict(ops.going(tree).busy) if tree is not None else {}
        for service, (running, ended, opened, held) in expected(files).items():
            doings = busy.pop(service, None)
            if not (running or opened or held):
                assert doings is None
                continue
            assert doings is not None, service
            assert {about for about, _ in doings.running} == running
            assert set(doings.ended) == ended
            assert {path for path, _ in doings.problems} == opened
            assert doings.held == held
        assert busy == {}
        assert list(config.at(commit).services) == services(files)


@pytest.mark.parametrize(
    ("steps", "at"),
    [
        ("01-opened 02-decided 03-reverted 04-applied", "over"),
        ("01-opened 02-decided 03-aborted 04-applied 05-refused", "over"),
        ("01-opened 02-unmatched 99-resolved 100-failed", "over"),
        ("01-opened 02-aborted 03-reopened", "reopened"),
        ("01-opened 02-orphaned 03-refused", "refused"),
        ("01-opened 02-refused", "refused"),
    ],
)
def test_what_happens_after_the_end_does_not_begin_a_remediation_again(mirror: Mirror, steps: str, at: str) -> None:
    """As `history` has it: values are given back, and commands refused, long after it was over."""
    files = {f"ops/production/carts/remediations/p1/{step}.yaml": "x" for step in steps.split()}
    tree = mirror.tree_id(committed(mirror.remote, files), "ops/production")  # type: ignore[attr-defined]  # see the fixture
    assert tree is not None
    going = OpsTrees(mirror).going(tree)
    assert (going.ended, dict(going.busy)) == (1, {}) if at == "over" else going.busy[0][1].running == (("p1", at),)


def services(files: dict[str, str]) -> list[str]:
    """Return the services as the engine's index has them."""
    index = StageIndex(StageName("production"))
    index.load_config([Moved(path, Stored("100644", CommitId("0" * 40))) for path in files])  # type: ignore[arg-type]  # any id
    return sorted(folder for folder in index.config if index.is_service(folder))


def test_paths_of_the_stage_are_those_of_the_engine() -> None:
    place = ops_place("ops/production/shop/orders/problems/p1.yaml", StageName("production"))
    assert place is not None
    assert (place.service, place.rest) == ("shop/orders", "problems/p1.yaml")


def test_what_was_not_asked_for_longest_is_forgotten() -> None:
    kept: Remembered[int] = Remembered(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert kept.get("b") is None
    assert (kept.get("a"), kept.get("c")) == (1, 3)
