"""A pull request of somebody whom nobody knows, looked at in CI: row X3.

The command runs as a forge's runner would run it for a fork: with secrets in its environment that are none of its
business, and limits on memory and processor time that a kernel keeps. Whatever talks to the network is noticed twice,
by what listens where the clone's remote is said to be, and by Python's own audit hook. What its gits are started with,
arguments and environment, is written down by a `git` that stands before the real one.

There is no site here that a checker could look at, no cluster and no daemon: of the invariants I4 (nothing is changed)
and I7 (nothing is told) are what a command that only reads can break, and they are checked as in all other rows.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import git
from tests.cli.test_what_if import SLOW, TWO, Stage
from tests.decide.files import SLO, entry, playbook
from tests.faults.secrecy import check_silent
from tests.faults.test_files_bombs import BOMBS

MEMORY = 1 << 30
"""Bytes of address space for the command and for each of its children."""
SECONDS = 60
"""Of processor time, for each of them."""
SECRET = "ghs_Pl4nted0815secretOfTheRunner"
NO_NETWORK = """\
import sys
def refuse(event, _arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        sys.stderr.write(f"NETWORK: {event}\\n")
        raise PermissionError("there is no network here")
sys.addaudithook(refuse)
"""
NOTING = """\
#!/bin/sh
{{ printf '%s\\n' "$@"; env; }} >>'{heard}'
exec '{git}' "$@"
"""
"""A `git` that writes down how it was started."""


class Listening:
    """Somebody on loopback who counts who calls."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.called = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.called += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def proposed(folder: Path, hostile: dict[str, bytes], links: dict[str, str]) -> Path:
    """Return a clone in which a stranger's pull request is merged; ``links`` are symbolic links that it brings."""
    stage = Stage(folder)
    for name in ("p1", "p2"):
        stage.problem(name)
    stage.land()
    hub = stage.hub
    stage.propose({"carts/remediation.yaml": TWO})
    hub.land(dict(hostile), "proposal")
    for path, target in links.items():
        listed = hub.git("ls-tree", "-r", "-z", "proposal").split("\0")
        kept = [line for line in listed if line and not line.endswith(f"\t{path}")]
        lines = "\0".join([*kept, f"120000 blob {hub.blob(target.encode())}\t{path}"]) + "\0"
        hub.git("read-tree", "--empty")
        hub.git("update-index", "-z", "--index-info", data=lines.encode())
        hub.point(hub.commit_tree(hub.git("write-tree"), hub.tip("proposal")), "proposal")
    git(folder, "clone", "-q", "--no-checkout", f"file://{hub.path}", "ci")
    git(folder / "ci", "update-ref", "refs/heads/base", "origin/production")
    git(folder / "ci", "update-ref", "refs/heads/head", "origin/proposal")
    return folder / "ci"


def asked(clone: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Python's there, without a network, with little memory and little time."""
    guard = clone.parent / "guard"
    guard.mkdir(exist_ok=True)
    (guard / "sitecustomize.py").write_text(NO_NETWORK)
    (guard / "git").write_text(NOTING.format(heard=guard / "heard", git=shutil.which("git")))
    (guard / "git").chmod(0o755)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    return subprocess.run(
        [sys.executable, "-P", *command],
        cwd=clone, capture_output=True, text=True, check=False, timeout=300, preexec_fn=limited,
        env={
            "PATH": f"{guard}{os.pathsep}{os.environ['PATH']}", "HOME": str(clone.parent / "none"), "CI": "true",
            "GITHUB_TOKEN": SECRET,
            "PYTHONPATH": f"{guard}{os.pathsep}{Path(__file__).parents[2]}", "LC_ALL": "C.UTF-8",
        },
    )  # fmt: skip


def silent(clone: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Nothing of the runner's is told, to whoever reads the answer or to any program that was started."""
    heard = (clone.parent / "guard" / "heard").read_text()
    assert "GIT_OPTIONAL_LOCKS" in heard, "gits were started, and with an environment of ours"
    check_silent([SECRET], {"stdout": done.stdout, "stderr": done.stderr, "what gits were started with": heard})


def state(clone: Path) -> tuple[dict[str, bytes], str]:
    """Return all that is in a clone, and the branches of where it was made from."""
    files = {str(file): file.read_bytes() for file in clone.rglob("*") if file.is_file()}
    return files, git(clone.parent / "shop.git", "for-each-ref")


WHAT_IF = ("-m", "reconciler", "what-if", "--stage", "production", "--base", "base", "--head", "head", "-o", "json")
HOSTILE: dict[str, tuple[dict[str, bytes], dict[str, str]]] = {
    "bombs in every file": (
        {
            **{f"s{n:02}/remediation.yaml": bomb for n, bomb in enumerate(BOMBS.values())},
            **{f"s{n:02}/slo.yaml": bomb for n, bomb in enumerate(BOMBS.values())},
            "carts/remediation.yaml": BOMBS["values"], "carts/slo.yaml": BOMBS["aliases"],
            "carts/prometheus/sli.yaml": BOMBS["10 MB"], "stage.yaml": BOMBS["depth"],
        }, {},
    ),
    "links to what the runner has": (
        {}, {"carts/slo.yaml": "/proc/self/environ", "carts/prometheus/sli.yaml": "../../../../proc/self/environ"},
    ),
    "commands for git and python": (
        {
            ".gitattributes": b"* filter=evil diff=evil\n",
            ".gitmodules": b'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c id\n',
            "reconciler/__init__.py": b"print('owned')\n", "reconciler/__main__.py": b"print('owned')\n",
            "ruamel/__init__.py": b"print('owned')\n", "sitecustomize.py": b"print('owned')\n",
            "carts/remediation.yaml": playbook(entry(SLOW, "webhook {endpoint: 'http://169.254.169.254/'}")).encode(),
        }, {},
    ),
    "thousands of services": ({f"g{n % 40}/s{n}/slo.yaml": SLO.encode() for n in range(4000)}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_x3_a_strangers_pull_request_is_answered_without_network_secrets_or_much_memory(
    tmp_path: Path, name: str
) -> None:
    clone = proposed(tmp_path, *HOSTILE[name])
    listening = Listening()
    try:
        git(clone, "remote", "set-url", "origin", f"git://127.0.0.1:{listening.port}/shop.git")
        before = state(clone)
        done = asked(clone, *WHAT_IF)
    finally:
        listening.close()
    assert state(clone) == before, "it only reads: no commit is made or dropped, nothing is written beside them (I4)"
    assert done.returncode == 0, done.stderr[-2000:]
    assert listening.called == 0
    assert "NETWORK" not in done.stderr
    assert "owned" not in done.stdout + done.stderr
    silent(clone, done)
    told = json.loads(done.stdout)
    assert told["totals"]["problems"] == 2
    assert len(done.stdout) < 1 << 20
    found = {each["path"]: each["message"] for each in told["findings"]}
    if name.startswith("links"):
        assert found["carts/slo.yaml"] == "the file is `/proc/self/environ`", "the link's own text, and not followed"
    if name.startswith("bombs"):
        # Services that had no problem yet have no past, and are not read at all.
        assert found.keys() == {
            "stage.yaml", "carts/slo.yaml", "carts/prometheus/sli.yaml", "carts/remediation.yaml"
        }  # fmt: skip
        assert "more than 10000 values" in found["carts/remediation.yaml"]
        assert "bytes" in found["carts/prometheus/sli.yaml"]
        assert "nested deeper than" in found["stage.yaml"]
        assert "anchor" in found["carts/slo.yaml"]


ELSEWHERE = {
    "a command": "ext::sh -c touch% {mark}",
    "a server": "git://127.0.0.1:{port}/shop.git",
    "another folder": "file://{hub}",
}
"""Where a clone says that what it lacks is to be had."""
VALIDATE = ("-m", "reconciler", "validate", "--diff", "base...head")


def lacking(clone: Path, url: str) -> None:
    """Take the proposal's playbook out of a clone, which promises that it is to be had elsewhere."""
    wanted = git(clone, "rev-parse", "head:carts/remediation.yaml").strip()
    packs = [file.rename(clone.parent / file.name) for file in clone.glob(".git/objects/pack/*.pack")]
    for pack in packs:
        unpacked = ["git", "unpack-objects", "-q"]
        subprocess.run(unpacked, cwd=clone, input=pack.read_bytes(), check=True)
    (clone / ".git" / "objects" / wanted[:2] / wanted[2:]).unlink()
    for key, value in (
        ("core.repositoryformatversion", "1"), ("extensions.partialClone", "origin"), ("protocol.allow", "always"),
        ("remote.origin.promisor", "true"), ("remote.origin.url", url),
    ):  # fmt: skip
        git(clone, "config", key, value)


@pytest.mark.parametrize("command", [WHAT_IF, VALIDATE], ids=["what-if", "validate"])
@pytest.mark.parametrize("where", ELSEWHERE)
def test_x3_what_a_clone_lacks_is_not_fetched_from_where_it_says(
    tmp_path: Path, where: str, command: tuple[str, ...]
) -> None:
    """Git fetches what a partial clone lacks as soon as it is read, with whatever the clone's settings name."""
    clone, mark = proposed(tmp_path, {}, {}), tmp_path / "ran"
    listening = Listening()
    try:
        lacking(clone, ELSEWHERE[where].format(mark=mark, port=listening.port, hub=tmp_path / "shop.git"))
        before = state(clone)
        done = asked(clone, *command)
        assert state(clone) == before, "nothing was fetched"
    finally:
        listening.close()
    assert done.returncode != 0
    assert listening.called == 0
    assert not mark.exists()
    assert "NETWORK" not in done.stderr
    silent(clone, done)


def test_x3_a_clone_that_lacks_something_fetches_it_where_nobody_prevents_that(tmp_path: Path) -> None:
    """So the test above would notice it."""
    clone, mark = proposed(tmp_path, {}, {}), tmp_path / "ran"
    lacking(clone, ELSEWHERE["a command"].format(mark=mark))
    read = ["git", "cat-file", "-p", "head:carts/remediation.yaml"]
    assert subprocess.run(read, cwd=clone, capture_output=True, check=False).returncode != 0
    assert mark.exists()


COMMANDS = (
    "core.fsmonitor", "core.pager", "core.alternateRefsCommand", "diff.external", "diff.evil.textconv",
    "filter.evil.clean", "filter.evil.smudge", "gpg.program", "credential.helper", "core.sshCommand",
)  # fmt: skip


@pytest.mark.parametrize("command", [WHAT_IF, VALIDATE], ids=["what-if", "validate"])
def test_x3_no_command_that_a_clones_settings_name_is_run(tmp_path: Path, command: tuple[str, ...]) -> None:
    clone, ran = proposed(tmp_path, {".gitattributes": b"* filter=evil diff=evil\n"}, {}), tmp_path / "ran"
    git(clone, "checkout", "-q", "head")  # `diff-tree` asks about a work tree only where there is an index
    ran.mkdir()
    for key in COMMANDS:
        git(clone, "config", key, f"touch {ran}/{key}; false")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}/{name}\n")
        (hooks / name).chmod(0o755)
    git(clone, "config", "core.hooksPath", str(hooks))
    for each in ran.iterdir():
        each.unlink()
    before = state(clone)
    done = asked(clone, *command)
    assert state(clone) == before
    assert done.returncode == 0, done.stderr[-2000:]
    assert not list(ran.iterdir())
    silent(clone, done)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "NETWORK: socket"),
        ("x = b'x' * (2 << 30)", "MemoryError"),
    ],
)
def test_x3_whoever_calls_or_takes_too_much_there_is_noticed(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "ci").mkdir()
    assert said in asked(tmp_path / "ci", "-c", code).stderr
