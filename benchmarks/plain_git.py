"""Git without the product: what people, floors and set-up of the benchmarks use.

Nothing of `reconciler` is imported here, so that what is measured cannot lean on what it is measured against.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

Files = Mapping[str, bytes | None]

_MEMORY = {name: str(4 << 20) for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_")}
"""Without it, glibc has fast-import take its memory anew for each object: two thirds of its time."""
_SETTINGS = {"gc.auto": "0", "maintenance.auto": "false", "fastimport.unpackLimit": "1", "core.compression": "1"}


def environment() -> dict[str, str]:
    """Return an environment in which the measuring user's own Git settings do not count."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    clean.update(GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull, LC_ALL="C", TZ="UTC")
    clean["GIT_CONFIG_COUNT"] = str(len(_SETTINGS))
    for number, (key, value) in enumerate(_SETTINGS.items()):
        clean[f"GIT_CONFIG_KEY_{number}"], clean[f"GIT_CONFIG_VALUE_{number}"] = key, value
    return clean


def git(git_dir: Path, *words: str) -> bytes:
    """Run one command to its end and return its output; raises CalledProcessError where it fails."""
    done = subprocess.run(
        ["git", f"--git-dir={git_dir}", *words], env=environment(), check=True, capture_output=True, cwd="/"
    )
    return done.stdout


def sharing(folder: Path, remote: Path) -> Path:
    """Make an empty bare repository at ``folder`` that reads the remote's objects in place, and return it."""
    git(folder, "init", "--quiet", "--bare", "--template=", "--initial-branch=none")
    (folder / "objects" / "info").mkdir(exist_ok=True)
    (folder / "objects" / "info" / "alternates").write_text(f"{remote / 'objects'}\n", "utf-8")
    return folder


def read_ref(git_dir: Path, ref: str) -> str:
    """Return what a loose ref points to, read as the file that it is."""
    with open(git_dir / ref, "rb", buffering=0) as file:  # noqa: PTH123 - the quickest way, which is the point
        return file.read(64).decode("ascii").strip()


def commit_stream(parent: str | None, files: Files, message: str, *, mark: int, ref: str, seconds: int) -> bytes:
    """Return one commit as fast-import reads it; ``parent`` None continues the stream's commit before."""
    who = b"bench <bench@localhost> %d +0000\n" % seconds
    text = message.encode()
    parts = [b"commit %s\nmark :%d\nauthor %scommitter %s" % (ref.encode(), mark, who, who)]
    parts.append(b"data %d\n%s\n" % (len(text), text))
    if parent is not None:
        parts.append(f"from {parent}\n".encode())
    for path, content in files.items():
        if content is None:
            parts.append(f"D {path}\n".encode())
        else:
            parts += [f"M 100644 inline {path}\ndata {len(content)}\n".encode(), content, b"\n"]
    return b"".join(parts) + b"\n"


class FastImport:
    """A persistent ``git fast-import``: streams of commits in, ids out, durable and visible when `write` returns."""

    def __init__(self, git_dir: Path) -> None:
        self._child = subprocess.Popen(
            ["git", f"--git-dir={git_dir}", "fast-import", "--quiet", "--done", "--force", "--date-format=raw"],
            env=environment() | _MEMORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
        )  # fmt: skip

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._child.stdin is None or self._child.stdout is None:
            raise AssertionError("Popen was asked for pipes")
        return self._child.stdin, self._child.stdout

    def write(self, stream: bytes, count: int) -> list[str]:
        """Write a stream of commits marked 1 to ``count`` and return their ids."""
        stdin, stdout = self._pipes
        marks = b"".join(b"get-mark :%d\n" % number for number in range(1, count + 1))
        stdin.write(stream + marks + b"checkpoint\nprogress END\n")
        stdin.flush()
        ids = [stdout.readline().decode("ascii").strip() for _ in range(count)]
        if stdout.readline() != b"progress END\n":
            raise RuntimeError("fast-import did not answer as expected")
        return ids

    def close(self) -> None:
        """End it."""
        stdin, stdout = self._pipes
        stdin.write(b"done\n")
        stdin.close()
        stdout.close()
        self._child.wait()

    def __enter__(self) -> Self:
        """Do nothing; it runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()
