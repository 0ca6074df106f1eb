"""Faults of Git in what is stored: rows G8 to G16 and G19, through the whole loop."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.repo.engine import Engine
from reconciler.repo.process import Finished
from tests.daemon.signing_site import PERSON, TWO, sign_all
from tests.daemon.site import SCALING, Site, deployment, git
from tests.faults.invariants import Scene
from tests.repo.signing_keys import make_key

PLAYBOOK = "carts/remediation.yaml"


def given(site: Site, data: bytes, *words: str) -> str:
    """Run git in the remote with something on its standard input."""
    done = subprocess.run(["git", *words], cwd=site.remote, input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


def root_with(site: Site, *items: tuple[str, str, bytes, str]) -> str:
    """Return the branch's tree with more items (mode, type, name, id), whatever the names are."""
    listed = subprocess.run(
        ["git", "ls-tree", "-z", "production"], cwd=site.remote, capture_output=True, check=True
    ).stdout
    names = {name for _, _, name, _ in items}
    kept = [record for record in listed.split(b"\0") if record and record.partition(b"\t")[2] not in names]
    more = [f"{mode} {kind} {identity}\t".encode() + name for mode, kind, name, identity in items]
    return given(site, b"\0".join([*kept, *more]) + b"\0", "mktree", "-z", "--missing")


def folder_with(site: Site, mode: str, content: bytes, name: str = "remediation.yaml") -> str:
    """Return a folder's tree with one file of this mode."""
    kind = "commit" if mode == "160000" else "blob"
    identity = "1" * 40 if kind == "commit" else given(site, content, "hash-object", "-w", "--stdin")
    return given(site, f"{mode} {kind} {identity}\t{name}\n".encode(), "mktree", "--missing")


def mirror_of(site: Site) -> Path:
    return next(path.parent for path in site.folder.glob("state/**/HEAD"))


def cut_packs(mirror: Path) -> int:
    packs = [*mirror.glob("objects/pack/*.pack")]
    for pack in packs:
        pack.chmod(0o644)
        os.truncate(pack, pack.stat().st_size // 2)
    return len(packs)


def empty_objects(mirror: Path) -> int:
    """Let a power cut take the content of an object that only the mirror has."""
    written = ["git", f"--git-dir={mirror}", "hash-object", "-w", "--stdin"]
    subprocess.run(written, input=b"not pushed", check=True, capture_output=True)
    files = [*mirror.glob("objects/??/*")]
    for file in files:
        file.chmod(0o644)
        file.write_bytes(b"")
    return len(files)


def lose_head(mirror: Path) -> int:
    (mirror / "HEAD").unlink()
    return 1


def lose_the_alternate(mirror: Path) -> int:
    return (mirror / "objects" / "info" / "alternates").write_text("/nowhere/objects\n")


@pytest.mark.parametrize("damage", [cut_packs, empty_objects, lose_head, lose_the_alternate])
def test_g8_a_damaged_mirror_is_made_anew(scene: Scene, damage: Callable[[Path], int]) -> None:
    scene.problem()
    with scene.site.loop() as loop:
        scene.applied(loop)
    mirror = mirror_of(scene.site)
    assert damage(mirror) > 0
    (mirror / "packed-refs.lock").touch()
    scene.problem("p2", "unheard of")
    with scene.site.loop() as loop:
        loop.tick()
        assert not loop.conditions, "the start finds it, before anything has to wait"
    assert "unmatched" in scene.site.events()
    assert mirror.with_name(f"{mirror.name}.damaged").is_dir()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("lost", ["the ref", "all refs", "what the ref names"])
def test_g8_a_mirror_that_lost_a_ref_finds_it_again(scene: Scene, lost: str) -> None:
    """The remote is asked anew for what our copy of its refs does not say any more, or says of nothing."""
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    mirror = mirror_of(site)
    ref = "refs/reconciler/remote/heads%2Fproduction"
    if lost == "what the ref names":
        (mirror / ref).parent.mkdir(parents=True, exist_ok=True)
        (mirror / ref).write_text("1" * 40 + "\n")
    else:
        git(mirror, "pack-refs", "--all")
        refs = [ref] if lost == "the ref" else git(mirror, "for-each-ref", "--format=%(refname)").split()
        for each in refs:
            git(mirror, "update-ref", "-d", each)
    scene.problem("p2", "unheard of")
    with site.loop() as loop:
        for _ in range(4 if lost == "what the ref names" else 1):
            loop.tick()
            site.later(60)
        assert not loop.conditions, "what a ref names shows when it is fetched, and the mirror is made anew then"
    assert "unmatched" in site.events()
    [found] = {path.parent for path in site.folder.glob("state/mirrors/*.git/HEAD")}
    assert git(found, "rev-parse", ref) in git(site.remote, "rev-list", "production")


def test_g9_a_shallow_repository_is_refused_until_it_is_whole(scene: Scene) -> None:
    scene.problem()
    shallow = scene.site.remote / "shallow"
    shallow.write_text(git(scene.site.remote, "rev-parse", "production") + "\n")
    with scene.site.loop() as loop:
        with scene.blind(loop, "is a shallow clone", "git fetch --unshallow"):
            assert loop.tick() == ()
        shallow.unlink()
        loop.unblock()
        scene.applied(loop)


def test_g10_an_unsigned_change_does_not_take_effect(scene: Scene) -> None:
    site = scene.site
    signed = sign_all(site)
    bad = signed.push({PLAYBOOK: TWO})
    scene.people.add(bad)
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        told = loop.conditions["production/unsigned"]
    assert bad[:12] in told
    assert "not signed" in told
    assert site.replicas() == 2


STRANGER, REVOKED, EXPIRED = "by another key", "by a revoked key", "by a key that has expired"


@pytest.mark.parametrize(
    ("how", "why"),
    [(STRANGER, "is nobody's who may sign"), (REVOKED, "is revoked"), (EXPIRED, "expired on 2020-01-01")],
    ids=[STRANGER, REVOKED, EXPIRED],
)
def test_g10_a_change_that_is_signed_wrongly_does_not_take_effect(scene: Scene, how: str, why: str) -> None:
    """The last good commit stays in force: that is the person's own, signed, before the key was lost or went out."""
    site = scene.site
    revoked = site.folder / "revoked"
    revoked.write_text("")
    signed = sign_all(site, more=", revokedKeys: revoked")
    other = make_key(site.folder, "other")
    if how != STRANGER:
        period = ('valid-before="20200101Z"',) if how == EXPIRED else ()
        signed.allow(*signed.lines, (PERSON, other, *period))
    revoked.write_text(f"{other.public}\n" if how == REVOKED else "")
    good = signed.push({PLAYBOOK: TWO}, by=signed.theirs)
    bad = signed.push({PLAYBOOK: TWO.replace("+2", "+3")}, by=other)
    scene.people |= {good, bad}
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        told = loop.conditions["production/unsigned"]
    assert bad[:12] in told
    assert why in told
    assert site.replicas() == 3


def test_g11_conflict_markers_stop_their_service_only(scene: Scene) -> None:
    site = scene.site
    site.cluster.create(deployment("orders"))
    above, _, below = SCALING.rpartition("    value: +1\n")
    halves = f"{above}<<<<<<< HEAD\n    value: +1\n=======\n    value: +2\n>>>>>>> theirs\n{below}"
    scene.person({PLAYBOOK: halves, "orders/remediation.yaml": SCALING}, "merged in a hurry")
    scene.bad.add("carts")
    scene.problem("bad")
    scene.problem("good", service="orders")
    with site.loop() as loop:
        loop.tick()
        scene.applied(loop)
    assert site.replicas("orders") == 2
    assert site.replicas() == 1
    refused = git(site.remote, "log", "--grep=Service: carts", "-p", "--format=%B", "production")
    assert halves.splitlines()[4].startswith("<<<<<<<")
    assert f"{PLAYBOOK}:5:1: an unresolved merge conflict" in refused.splitlines()
    assert "keep the right lines and delete `<<<<<<<`" in refused


@pytest.mark.usefixtures("server")
def test_g12_only_what_is_asked_for_is_listed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand branches, four thousand services: what a remote is asked for does not grow with them."""
    site = scene.site
    tip = git(site.remote, "rev-parse", "production")
    git(site.remote, "pack-refs", "--all")
    with (site.remote / "packed-refs").open("a") as packed:
        packed.writelines(f"{tip} refs/heads/x{number:05}\n" for number in range(10_000))
    blob = given(site, SCALING.encode(), "hash-object", "-w", "--stdin")
    service = given(site, f"100644 blob {blob}\tremediation.yaml\n".encode(), "mktree")
    group = given(site, b"".join(b"040000 tree %s\ts%05d\n" % (service.encode(), n) for n in range(100)), "mktree")
    items = [("040000", "tree", f"group{number}".encode(), group) for number in range(40)]
    scene.put(root_with(site, *items), "a large site")
    heard: list[int] = []
    talk = Engine.talk

    def spy(self: Engine, doing: str, argv: tuple[str, ...], *, timeout: float | None = None) -> Finished:
        finished = talk(self, doing, argv, timeout=timeout)
        heard.append(len(finished.stdout))
        return finished

    monkeypatch.setattr(Engine, "talk", spy)
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    assert heard
    assert max(heard) < 4096


def test_g13_a_stage_that_is_no_branch_is_refused(scene: Scene) -> None:
    site = scene.site
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", 'name: sockshop\nstages: [production, "--upload-pack=x", "a..b"]\n')
    git(site.clone, "commit", "-qam", "odd stages")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    with site.loop() as loop, scene.blind(loop, "project.yaml:2"):
        assert loop.tick() == ()


@pytest.mark.parametrize(
    ("mode", "content", "said"),
    [
        ("120000", b"../../etc/passwd", ("a symbolic link", "a regular file", "commit the file itself")),
        ("160000", b"", ("a submodule", "a regular file", "commit the file itself")),
        (
            "100644",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            ("this is a Git LFS pointer", f"{PLAYBOOK}:1:1", "the YAML file itself", "`git lfs untrack`"),
        ),
    ],
    ids=["a symbolic link", "a submodule", "a pointer of LFS"],
)
def test_g14_what_is_no_file_of_ours_is_refused_with_its_kind(
    scene: Scene, mode: str, content: bytes, said: tuple[str, ...]
) -> None:
    site = scene.site
    site.cluster.create(deployment("orders"))
    scene.person({"orders/remediation.yaml": SCALING}, "a second service")
    scene.put(root_with(site, ("040000", "tree", b"carts", folder_with(site, mode, content))))
    git(site.clone, "fetch", "-q")
    git(site.clone, "reset", "-q", "--hard", "origin/production")
    scene.bad.add("carts")
    scene.problem("bad")
    scene.problem("good", service="orders")
    with site.loop() as loop:
        loop.tick()
        scene.applied(loop)
    assert site.replicas("orders") == 2
    assert site.replicas() == 1
    step = git(site.remote, "show", "production:ops/production/carts/remediations/bad/01-refused.yaml")
    assert all(words in step for words in said), step


@pytest.mark.parametrize(
    ("mode", "content"),
    [
        ("100755", SCALING.encode()),
        ("100644", SCALING.replace("\n", "\r\n").encode()),
        ("100644", b"\xef\xbb\xbf" + SCALING.encode()),
    ],
    ids=["executable", "CRLF", "BOM"],
)
def test_g14_what_an_editor_does_to_a_file_is_read(scene: Scene, mode: str, content: bytes) -> None:
    site = scene.site
    scene.put(root_with(site, ("040000", "tree", b"carts", folder_with(site, mode, content))))
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    assert site.replicas() == 2


def test_g15_order_is_ancestry_and_not_dates(scene: Scene) -> None:
    """A person's commits are dated beyond every calendar, then in 1970; the newest is the one that is on top."""
    site = scene.site
    scene.problem("first", "unheard of")
    with site.loop() as loop:
        loop.tick()
        for seconds, zone in (("99999999999999", "-1200"), ("4102444800", "+1400"), ("0", "-0330")):
            tip = git(site.remote, "rev-parse", "production")
            who = f"A Person <person@example.org> {seconds} {zone}"
            tree = root_with(
                site, ("100644", "blob", b"NOTES", given(site, zone.encode(), "hash-object", "-w", "--stdin"))
            )
            text = f"tree {tree}\nparent {tip}\nauthor {who}\ncommitter {who}\n\nodd dates\n"
            made = given(site, text.encode(), "hash-object", "-t", "commit", "-w", "--literally", "--stdin")
            git(site.remote, "update-ref", "refs/heads/production", made)
            scene.people.add(made)
            loop.tick()
            scene.problem(f"p{seconds}", "unheard of")
            loop.tick()
        scene.problem()
        scene.applied(loop)
    assert site.events() == ["unmatched"] * 4 + ["opened", "decided", "applied"]


def test_g16_maintenance_that_runs_and_dies_while_we_read_is_no_fault(scene: Scene) -> None:
    site = scene.site
    with site.loop() as loop:
        for number in range(3):
            scene.problem(f"p{number}", "unheard of")
            loop.tick()
            git(site.remote, "gc", "-q", "--force", "--prune=now")
            (site.remote / "gc.pid").write_text("1 elsewhere\n")
            (site.remote / "objects" / "pack" / "tmp_pack_killed").write_bytes(b"PACK")
            # What reads dies with it: an out-of-memory killer does not choose.
            for pid in loop._mirror.pids():
                os.kill(pid, signal.SIGKILL)
        scene.problem("last")
        scene.applied(loop)
        assert not loop.conditions
    assert site.replicas() == 2


@pytest.mark.usefixtures("server")
def test_g19_maintenance_here_and_there_loses_nothing(scene: Scene) -> None:
    """Both sides repack all the time, and in the end the clone loses what it has."""
    site = scene.site
    with site.loop() as loop:
        for number in range(4):
            scene.problem(f"p{number}", "unheard of")
            loop.tick()
            git(site.remote, "repack", "-a", "-d", "-q")
            git(site.remote, "pack-refs", "--all", "--prune")
            git(site.remote, "gc", "-q", "--prune=now")
            loop._mirror.maintain([])
        cut_packs(loop._mirror.path)
        scene.problem("last")
        for _ in range(3):
            loop.tick()
            loop.unblock()
        scene.applied(loop)
    assert git(site.remote, "fsck", "--strict", "--no-dangling") == ""
    assert git(loop._mirror.path, "fsck", "--strict", "--no-dangling") == ""
