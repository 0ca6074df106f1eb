"""Files in a folder: only ours are touched, all at once, and put back where the server does not take them."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError, ConfigError, TerminalError
from reconciler.monitoring.changes import Change, heading
from reconciler.monitoring.folder import write_folder
from reconciler.monitoring.reload import reload
from tests.evidence.speaking import Request, Response, SpeakingServer

SHOP = "shop/production"


def ours(text: str, whose: str = SHOP) -> bytes:
    return f"{heading(whose)}\n{text}\n".encode()


def nothing() -> None:
    """Stand for a server that is not asked."""


def write(folder: Path, *, keep: list[str] | None, taken: Callable[[], None] = nothing, **files: bytes) -> list[Change]:
    named = {f"reconciler.{name}.yml": content for name, content in files.items()}
    kept = None if keep is None else [f"reconciler.{name}.yml" for name in keep]
    return list(write_folder(folder, named, SHOP, keep=kept, taken=taken))


def test_what_is_there_afterwards_and_what_was_done(tmp_path: Path) -> None:
    write(tmp_path, keep=[], a=ours("1"), b=ours("2"), c=ours("3"))
    done = write(tmp_path, keep=[], a=ours("1"), b=ours("x"), d=ours("4"))
    assert [(each.name.split(".")[1], each.did) for each in done] == [
        ("a", "unchanged"), ("b", "changed"), ("c", "removed"), ("d", "created"),
    ]  # fmt: skip
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "reconciler.a.yml": ours("1"), "reconciler.b.yml": ours("x"), "reconciler.d.yml": ours("4"),
    }  # fmt: skip


def test_a_server_of_another_user_can_read_them(tmp_path: Path) -> None:
    write(tmp_path, keep=[], a=ours("1"))
    assert stat.S_IMODE((tmp_path / "reconciler.a.yml").stat().st_mode) == 0o644


def test_what_is_kept_stays(tmp_path: Path) -> None:
    write(tmp_path, keep=[], a=ours("1"), b=ours("2"))
    assert [each.did for each in write(tmp_path, keep=["a"], c=ours("3"))] == ["removed", "created"]
    assert write(tmp_path, keep=None, d=ours("4")) == [Change("reconciler.d.yml", "created")]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"reconciler.{name}.yml" for name in "acd"]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    others = {"reconciler.x.yml": ours("1", "shop/staging"), "people.yml": b"groups: []\n", "reconciler.y.yml": b""}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    write(tmp_path, keep=[])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == others
    with pytest.raises(ConfigError, match=r"x\.yml is that of shop/staging, so it is not overwritten"):
        write(tmp_path, keep=[], a=ours("1"), x=ours("2"))
    with pytest.raises(ConfigError, match=r"y\.yml is not ours, so it is not overwritten"):
        write(tmp_path, keep=[], y=ours("2"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == others


def test_what_the_server_does_not_take_is_put_back(tmp_path: Path) -> None:
    write(tmp_path, keep=[], a=ours("1"), b=ours("2"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    seen: list[list[str]] = []

    def refuse() -> None:
        seen.append(sorted(path.name.split(".")[1] for path in tmp_path.iterdir()))
        raise TerminalError("refused" if len(seen) == 1 else "refused again")

    with pytest.raises(TerminalError, match=r"refused$"):
        write(tmp_path, keep=[], taken=refuse, a=ours("x"), c=ours("3"))
    assert seen == [["a", "c"], ["a", "b"]]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        write(tmp_path / "nowhere", keep=[])


# Reload


@pytest.mark.parametrize("path", ["", "/", "/-/reload", "/prometheus/"])
def test_a_server_is_told_to_read_again(path: str) -> None:
    seen: list[tuple[str, str]] = []

    def respond(request: Request) -> Response:
        seen.append((request.method, request.path))
        return Response()

    with SpeakingServer(respond) as server:
        reload(server.url + path)
    assert seen == [("POST", "/prometheus/-/reload" if "prom" in path else "/-/reload")]


def test_what_a_server_says_of_a_reload() -> None:
    answers = [Response(status=500, body=b"failed to reload config:\n bad rule"), Response(status=403, body=b"")]
    with SpeakingServer(lambda _: answers.pop(0)) as server:
        with pytest.raises(TerminalError, match="answered 500: failed to reload config: bad rule"):
            reload(server.url)
        with pytest.raises(TerminalError, match=r"--web\.enable-lifecycle"):
            reload(server.url)
    with pytest.raises(BlindError, match="cannot be reached"):
        reload(server.url)
