"""A remote behind ssh. The program in place of `ssh` does what a server would do with the command, on this machine."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError, TransientError
from reconciler.repo.faults import AwayError, UnreachableError
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.remote import Credentials
from tests.repo.conftest import PRODUCTION, Hub, fetched, new

WORKING = r"""
for last; do :; done
control=$(echo "$*" | sed 's/.*ControlPath=\([^ ]*\).*/\1/')
case "$*" in
  *"-O exit"*) rm -f "$control"; exit 0;;
esac
touch "$(dirname "$control")/socket"
exec sh -c "$last"
"""


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called ssh first on the PATH; it notes how it was called in `calls` beside it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "ssh"
    program.write_text(f'#!/bin/sh\necho "$*" >> {programs}/calls\n{WORKING}')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return program


def test_the_whole_trip_and_its_end(ssh: Path, hub: Hub, tmp_path: Path) -> None:
    base = hub.land({"a": b"1"})
    credentials = Credentials(ssh_key=tmp_path / "key", known_hosts=tmp_path / "known")
    with Mirror.open(tmp_path / "m", f"git@git.example.org:{hub.path}", credentials=credentials) as mirror:
        assert fetched(mirror) == base
        [made] = mirror.write(base, [new({"b": b"1"})])
        assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
        sockets = mirror._engine._sockets
        assert sockets is not None
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert (sockets / "socket").exists()
    assert hub.tip() == made
    assert not sockets.exists()
    calls = (ssh.parent / "calls").read_text().splitlines()
    assert f"IdentityFile={tmp_path}/key" in calls[0]
    assert "BatchMode=yes" in calls[0]
    assert "ControlMaster=auto" in calls[0]
    assert "git@git.example.org git-upload-pack" in calls[0]
    assert "-O exit -- localhost" in calls[-1]


@pytest.mark.parametrize("writable", [True, False])
def test_a_temporary_folder_with_a_long_name_is_no_place_for_a_socket(
    ssh: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, writable: bool
) -> None:
    """ssh refuses a socket's name of more than 103 bytes, and first makes it with 17 more; elsewhere, or without."""
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    make = tempfile.mkdtemp

    def only_here(prefix: str, dir: str) -> str:  # noqa: A002  the name of the real one's
        if not writable and Path(dir) != long:
            raise PermissionError(13, "nobody may write here", dir)
        return make(prefix=prefix, dir=dir)

    monkeypatch.setattr(tempfile, "mkdtemp", only_here)
    base = hub.land({"a": b"1"})
    ssh.write_text(ssh.read_text().replace(WORKING, 'for last; do :; done\nexec sh -c "$last"\n'))
    with Mirror.open(tmp_path / "m", f"git@git.example.org:{hub.path}") as mirror:
        assert fetched(mirror) == base
    call = (ssh.parent / "calls").read_text().splitlines()[0]
    paths = re.findall(r"ControlPath=(\S+)/%C", call)
    assert len(paths) == ("ControlMaster=auto" in call) == writable
    assert all(len(path) + 1 + 40 + 17 < 104 for path in paths)
    assert list(long.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("git@host: Permission denied (publickey).", BlindError, "refuses our credentials"),
        ("Host key verification failed.", BlindError, "host key is not known"),
        ("ssh: connect to host h port 22: Connection refused", UnreachableError, "cannot be reached"),
        ("ssh: Could not resolve hostname h: Name or service not known", UnreachableError, "cannot be reached"),
        ("ERROR: Repository not found.", BlindError, "no repository at this address"),
        ("kex_exchange_identification: read: Connection reset by peer", AwayError, "Connection reset"),
    ],
)
def test_g6_refusals(ssh: Path, tmp_path: Path, said: str, kind: type[TransientError], words: str) -> None:
    ssh.write_text(f"#!/bin/sh\necho '{said}' >&2; exit 255\n")
    with Mirror.open(tmp_path / "m", "ssh://git@git.example.org/config.git") as mirror:
        with pytest.raises(kind, match=words) as raised:
            mirror.tips([PRODUCTION])
        assert type(raised.value) is kind
