"""Names in a tree that no client makes, or that mean Git's own directory to one: row G13, through the whole loop."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.daemon.metrics import Metrics
from reconciler.repo import index, layout
from reconciler.repo.names import EMPTY_TREE
from tests.daemon.argv_seen import SeenArguments
from tests.daemon.exposed import value
from tests.daemon.site import SCALING, Site, eventually, git, until
from tests.faults.invariants import Scene
from tests.faults.receiving import DAY, alert, applied, group, once, outcomes, post, receiving
from tests.faults.test_git_content import folder_with, given, root_with

PROBLEM = b"title: Response time degradation\nstate: open\n"
INVISIBLE = "\u200b"
GITS = [b".git", b".GIT", b"git~1", b"..", b".git. "]


def tree_of(site: Site, *items: tuple[str, bytes, str]) -> str:
    """Make a tree of (mode, name, id), whatever the names are."""
    kinds = {"040000": b"tree"}
    records = b"".join(
        b"%s %s %s\t%s\0" % (mode.encode(), kinds.get(mode, b"blob"), made.encode(), name) for mode, name, made in items
    )
    return given(site, records, "mktree", "-z", "--missing")


def with_problems(site: Site, names: list[bytes]) -> str:
    """Return the branch's tree with services of these names, each with a playbook and an open problem."""
    folder = folder_with(site, "100644", SCALING.encode())
    problems = folder_with(site, "100644", PROBLEM, "bad.yaml")
    about = tree_of(site, ("040000", b"problems", problems))
    listed = subprocess.run(
        ["git", "ls-tree", "-z", "production:ops/production"], cwd=site.remote, capture_output=True, check=True
    ).stdout
    more = b"".join(b"040000 tree %s\t%s\0" % (about.encode(), name) for name in names)
    stage = given(site, listed + more, "mktree", "-z", "--missing")
    ops = tree_of(site, ("040000", b"production", stage))
    services = [("040000", "tree", name, folder) for name in names]
    return root_with(site, *services, ("040000", "tree", b"ops", ops))


def told_as(path: str) -> str:
    """Return how a path is told of: in quotes, with bytes that are no UTF-8 as they are."""
    return repr(os.fsencode(path))[1:] if "\udce9" in path else repr(path)


@pytest.mark.parametrize("name", [*GITS, b"a\nb", b"caf\xe9"], ids=repr)
def test_g13_a_name_that_means_gits_own_directory_is_refused_and_others_go_on(scene: Scene, name: bytes) -> None:
    """Nothing could be written about such a service: its files are passed over by name, and told while they lie."""
    site = scene.site
    scene.problem()
    before = git(site.remote, "rev-parse", "production^{tree}")
    metrics = Metrics()
    with site.loop(metrics=metrics) as loop:
        scene.put(with_problems(site, [name]))
        scene.applied_once(loop)
        told = loop.conditions["production/names"]
        assert told_as(f"ops/production/{os.fsdecode(name)}/problems/bad.yaml") in told
        assert set(loop.conditions) == {"production/names"}
        assert told_as(f"{os.fsdecode(name)}/remediation.yaml") in told
        assert value(metrics, "config_invalid", "sockshop", "production") == 2
        assert site.replicas() == 2
        ours = git(site.remote, "rev-parse", "production:ops/production/carts")
        stage = tree_of(site, ("040000", b"carts", ours))
        ops = tree_of(site, ("040000", b"production", stage))
        carts = git(site.remote, "rev-parse", f"{before}:carts")
        scene.put(tree_of(site, ("040000", b"carts", carts), ("040000", b"ops", ops)), "taken out")
        loop.tick()
        assert not loop.conditions
        assert value(metrics, "config_invalid", "sockshop", "production") == 0
    assert site.events() == ["opened", "decided", "applied"]


REFUSED = "the service name `{}` cannot be used in paths and refs"
OPTIONS = {"-x": REFUSED.format("-x"), "--upload-pack=x": REFUSED.format("--upload-pack=x")}
"""Services that are called like options, and why their problems are refused: no workload can be called so."""
UNREAD = ["caf\udce9", "\u202ecarts"]


@pytest.fixture(params=["on this machine", "over HTTP"])
def reached(request: pytest.FixtureRequest) -> None:
    """How the daemon reaches the remote."""
    if request.param == "over HTTP":
        request.getfixturevalue("server")


@pytest.mark.usefixtures("reached")
def test_g13_odd_names_with_problems_are_answered_or_told_and_are_never_options(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lies beside an ordinary one, with an open problem: nothing of it disappears without a word."""
    site = scene.site
    scene.problem()
    scene.bad = set(OPTIONS)
    scene.put(with_problems(site, [os.fsencode(name) for name in (*OPTIONS, *UNREAD)]))
    seen = SeenArguments(site.folder, monkeypatch)
    with site.loop() as loop:
        scene.applied_once(loop)
        loop.tick()
        assert set(loop.conditions) == {"production/names"}
        told = loop.conditions["production/names"]
        calls, wrong = seen.calls(), seen.as_more_than_a_name(*OPTIONS, *UNREAD)
    for name in UNREAD:
        assert told_as(f"ops/production/{name}/problems/bad.yaml") in told
        assert told_as(f"{name}/remediation.yaml") in told
    for name, why in OPTIONS.items():
        step = git(site.remote, "show", f"production:ops/production/{name}/remediations/bad/01-refused.yaml")
        assert why in step
        assert f'hint: "rename it, for example to `{name.strip("-").replace("=", "-")}`"' in step
    assert not wrong
    assert len(calls) > 3
    assert site.replicas() == 2
    assert sorted(site.events()) == ["applied", "decided", "opened", "refused", "refused"]


LIKE_OPTIONS = {
    "carts/problems/--upload-pack=touch pwned.yaml": PROBLEM,
    "carts/problems/-x.yaml": b"title: Nobody knows\nstate: open\n",
    "carts/problems/--exec=x/-c.yaml": b"title: Nobody knows\nstate: open\n",
    "carts/commands/-x.yaml": b"verb: retry\nremediation: nobody\n",
    "carts/commands/--output=pwned.yaml": b"verb: retry\nremediation: nobody\n",
}


@pytest.mark.usefixtures("reached")
def test_g13_files_that_are_called_like_options_are_dealt_with_and_are_none(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = scene.site
    for path, content in LIKE_OPTIONS.items():
        put_file(scene, path, content)
    scene.accepted |= {Path(path).stem for path in LIKE_OPTIONS if "/problems/" in path}
    scene.ends = False  # a remediation is called by its problem's name, encoded
    seen = SeenArguments(site.folder, monkeypatch)
    with site.loop() as loop:
        scene.applied_once(loop)
        until(loop, lambda: site.events().count("refused") == 2, "the commands are answered")
        until(loop, lambda: site.events().count("unmatched") == 2, "the other problems are looked at")
        loop.tick()
        assert not loop.conditions
        names = [part.removesuffix(".yaml") for path in LIKE_OPTIONS for part in path.split("/")[2:]]
        assert not seen.as_more_than_a_name(*(name for name in names if name not in ("-c", "-x")))
        assert not [call for call in seen.calls() if "-x" in call or "-x.yaml" in call]
    assert not [*site.folder.rglob("pwned*")]
    assert site.replicas() == 2


def test_g13_names_that_collide_where_case_does_not_count_are_two(scene: Scene) -> None:
    """`carts` is acted on; `Carts` and `CARTS`, with problems of their own, stand for workloads that are not there."""
    site = scene.site
    scene.problem()
    scene.put(with_problems(site, [b"Carts", b"CARTS"]))
    with site.loop() as loop:
        scene.applied_once(loop)
        loop.tick()
        assert not loop.conditions
    assert site.replicas() == 2
    told = git(site.remote, "log", "--format=%(trailers:key=Service,valueonly,separator=)", "production").split()
    assert set(told) == {"carts", "Carts", "CARTS"}


def tree_with(site: Site, tree: str, path: str, blob: str | None) -> str:
    """Return a tree with one file more, or less, in folders of whatever names; an emptied folder goes."""
    name, _, rest = path.partition("/")
    listed = subprocess.run(["git", "ls-tree", "-z", tree], cwd=site.remote, capture_output=True, check=True).stdout
    records = [record for record in listed.split(b"\0") if record]
    kept = [record for record in records if record.partition(b"\t")[2] != os.fsencode(name)]
    known = next((record.split()[2].decode() for record in records if record not in kept), EMPTY_TREE)
    made = tree_with(site, known, rest, blob) if rest else blob
    if made not in (None, EMPTY_TREE):
        kept.append(os.fsencode(f"{'040000 tree' if rest else '100644 blob'} {made}\t{name}"))
    return given(site, b"".join(record + b"\0" for record in kept), "mktree", "-z")


def put_file(scene: Scene, path: str, content: bytes | None = b"put: by hand\n") -> None:
    """Push a file at a path that no client would take, or take it out."""
    site = scene.site
    blob = given(site, content, "hash-object", "-w", "--stdin") if content is not None else None
    scene.put(tree_with(site, git(site.remote, "rev-parse", "production^{tree}"), f"ops/production/{path}", blob))


OURS = [
    f"carts/state/desired{INVISIBLE}.yaml", "carts/remediations/.git/x.yaml", "carts/state/git~1/x.yaml",
    f"steps/a{INVISIBLE}.yaml", "carts/state/caf\udce9.yaml",
]  # fmt: skip


@pytest.mark.parametrize("path", OURS, ids=ascii)
def test_g13_what_cannot_be_written_is_never_put_back_and_others_go_on(scene: Scene, path: str) -> None:
    """Among our own files too: no step could take it out, so it is passed over and told, however it came."""
    site = scene.site
    with site.loop() as loop:
        loop.tick()
        scene.problem()
        put_file(scene, path)
        scene.applied_once(loop)
        assert set(loop.conditions) == {"production/names"}
        assert told_as(f"ops/production/{path}") in loop.conditions["production/names"]
    shutil.rmtree(site.folder / "state")
    with site.loop() as loop:
        loop.tick()
        assert told_as(f"ops/production/{path}") in loop.conditions["production/names"]
        put_file(scene, path, None)
        loop.tick()
        assert not loop.conditions
    assert site.events() == ["opened", "decided", "applied"]


def test_g13_a_folder_with_no_room_for_steps_is_passed_over(scene: Scene) -> None:
    """A problem fits below it, and what is done about the problem would not."""
    site = scene.site
    service = "/".join([*["d" * 250] * 16, "d" * 44])
    scene.problem()
    put_file(scene, f"{service}/problems/p2.yaml", PROBLEM)
    with site.loop() as loop:
        scene.applied_once(loop)
        assert set(loop.conditions) == {"production/names"}
    assert site.events() == ["opened", "decided", "applied"]


PEOPLES = {
    f"carts/problems/2026-11{INVISIBLE}/p2.yaml": PROBLEM,
    f"carts/commands/20261121T100000Z-suspend{INVISIBLE}.yaml": b"verb: suspend\n",
    f"commands/20261121T100000Z-suspend{INVISIBLE}.yaml": b"verb: suspend\n",
    "carts/problems/caf\udce9.yaml": PROBLEM,
    "carts/problems/caf\udce9/p2.yaml": PROBLEM,
    "carts/commands/20261121T100000Z-suspend-\udce9.yaml": b"verb: suspend\n",
}


@pytest.mark.parametrize("path", PEOPLES, ids=ascii)
def test_g13_what_could_not_be_archived_is_never_taken_up(scene: Scene, path: str) -> None:
    """It would be dealt with, and after `retention` no step could take it out: the stage would stand still."""
    site = scene.site
    site.later(-5 * 3600)
    scene.person({"stage.yaml": "retention: 1m\n"})
    put_file(scene, path, PEOPLES[path])
    scene.problem()
    with site.loop() as loop:
        scene.applied_once(loop)
        assert set(loop.conditions) == {"production/names"}
        assert told_as(f"ops/production/{path}") in loop.conditions["production/names"]
        site.problem("p1", "Response time degradation", "resolved")
        site.later()
        until(loop, lambda: "remediated" in site.events(), "remediated")
        site.later(3 * 3600)
        until(loop, lambda: "archived" in site.events(), "archived")
        scene.accepted.discard("p1")  # it is over, and taken from the tree with what was done about it
        scene.problem("p3", "unheard of")
        until(loop, lambda: "unmatched" in site.events(), "unmatched")
        assert set(loop.conditions) == {"production/names"}
    assert site.events() == ["opened", "decided", "applied", "evaluated", "remediated", "archived", "unmatched"]


def test_g13_second_line_a_service_whose_step_could_not_be_written_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should anything ever be taken for writable that is not."""
    site = scene.site
    scene.bad = {"orders"}
    scene.person({"orders/remediation.yaml": SCALING})
    scene.problem()
    put_file(scene, f"orders/state/desired{INVISIBLE}.yaml")
    with monkeypatch.context() as taken_away, site.loop() as loop:
        taken_away.setattr(layout, "tree_path", str)
        scene.applied_once(loop)
        assert set(loop.conditions) == {"production/bug:orders"}
        assert repr(f"ops/production/orders/state/desired{INVISIBLE}.yaml") in loop.conditions["production/bug:orders"]
    assert site.events() == ["opened", "decided", "applied"]


def test_g13_a_report_about_a_folder_that_cannot_be_written_keeps_no_other_out(scene: Scene) -> None:
    folder = f"shop{INVISIBLE}/orders"
    scene.person({f"{folder}/remediation.yaml": SCALING})
    with receiving(scene) as daemon:
        answer = post(scene, daemon.hooks, group(alert(), alert("orders"), alert(folder), alert("nobody")))
        assert answer.status_code == 200, answer.text
        assert outcomes(answer) == {"accepted": 1, "refused": 2, "unknown": 1}
        refused = [each for each in answer.json()["problems"] if each["outcome"] == "refused"]
        assert all(repr(folder) in each["reason"] for each in refused)
        assert all(each["hint"].startswith("rename the folder") for each in refused)
        assert post(scene, daemon.hooks, group(alert("orders"))).status_code == 422
        eventually(lambda: "applied" in scene.site.events(), "it took effect")
        named = [line for line in daemon.lines() if line["event"] == "passed over"]
        assert "orders/remediation.yaml' is not read" in named[0]["reason"]
    once(scene)


def test_g13_second_line_a_report_whose_file_could_not_be_written_keeps_no_other_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = f"shop{INVISIBLE}/orders"
    scene.person({f"{folder}/remediation.yaml": SCALING})
    with monkeypatch.context() as taken_away:
        taken_away.setattr(layout, "unwritable", lambda _: "")
        taken_away.setattr(index, "unwritable", lambda _: "")
        with receiving(scene) as daemon:
            answer = post(scene, daemon.hooks, group(alert(), alert("orders")))
            assert outcomes(answer) == {"accepted": 1, "refused": 1}, answer.text
            eventually(lambda: "applied" in scene.site.events(), "it took effect")
    once(scene)


def test_g13_a_service_whose_namesake_cannot_be_written_is_the_only_one_of_its_name(scene: Scene) -> None:
    scene.person({f"shop{INVISIBLE}/carts/remediation.yaml": SCALING})
    with receiving(scene) as daemon:
        applied(scene, daemon)
    once(scene)


def test_g13_a_persons_file_that_cannot_be_written_is_in_no_reports_way(scene: Scene) -> None:
    with receiving(scene) as daemon:
        applied(scene, daemon)
        [name] = scene.accepted
    stray = f"ops/production/carts/problems/2026{INVISIBLE}/{name}.yaml"
    scene.person({stray: PROBLEM.decode(), f"ops/production/carts/problems/{DAY}/{name}.yaml": None})
    over = alert(status="resolved", endsAt="2026-11-21T10:05:00Z")
    with receiving(scene) as daemon:
        answer = post(scene, daemon.hooks, group(over, alert(number=1)))
        assert outcomes(answer) == {"accepted": 2}, answer.text
        told = {each["path"] for each in answer.json()["problems"]}
        assert f"ops/production/carts/problems/{DAY}/{name}.yaml" in told
    scene.site.later()
