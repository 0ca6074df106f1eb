"""`make fuzz`: each subject for some seconds, led by which lines of the product an input reaches.

`python -m tests.fuzz [SUBJECT...] --seconds N` runs them one after the other, each in a process of its own, from the
same seed each time. What breaks a promise is kept in the folder that is named then, and
`python -m tests.fuzz SUBJECT --input FILE` does it again. Exit status 1 means that something was found.

`http` is all that the daemon answers over HTTP, by what its description makes up (`tests/faults/test_http_surface.py`);
what breaks a promise there is told as a request that does it again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.subjects import Subject

ROOT = Path(__file__).parents[2]
_MEMORY = 2048
"""MiB that a subject may need; more is a finding."""
_HTTP = "http"
_TRIES = 12
"""Requests to each path over HTTP for each second that a subject has."""
_SLOW = 20
"""Seconds that one input may take; more is a finding."""


def main(words: Sequence[str]) -> int:
    """Fuzz; returns the exit status."""
    inside = "--inside" in words
    if inside:
        import atheris

        # Only what is imported from here on tells which of its lines were reached.
        with atheris.instrument_imports(include=["reconciler"]):
            from tests.fuzz.subjects import SUBJECTS
    else:
        from tests.fuzz.subjects import SUBJECTS
    known = ", ".join([*SUBJECTS, _HTTP])
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz what reads others' bytes.")
    parser.add_argument("subjects", nargs="*", help=f"all if none is named: {known}")
    parser.add_argument("--seconds", type=int, default=10, help="for each subject (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="where chance begins (default 1)")
    parser.add_argument("--input", type=Path, help="run one subject on this file alone")
    parser.add_argument("--findings", type=Path, help="where what is found is kept (default: a temporary folder)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    unknown = {name for name in options.subjects if name not in (*SUBJECTS, _HTTP) and ":" not in name}
    if unknown:
        parser.error(f"no such subject: {', '.join(sorted(unknown))}; there are {known}")
    chosen = list(options.subjects or [*SUBJECTS, _HTTP])
    if options.input is not None:
        _subject(SUBJECTS, chosen[0]).run(options.input.read_bytes())
        return 0
    findings = options.findings or Path(tempfile.mkdtemp(prefix="fuzzed-"))
    if inside:
        return _fuzz(_subject(SUBJECTS, chosen[0]), f"{findings}/{_file(chosen[0])}-", options.seconds, options.seed)
    found = [
        name
        for name in chosen
        if not (_answers(options) if name == _HTTP else _is_sound(name, options.seconds, options.seed, findings))
    ]
    sys.stdout.write(f"{len(chosen) - len(found)} of {len(chosen)} subjects kept their promises\n")
    return int(bool(found))


def _subject(known: Mapping[str, Subject], name: str) -> Subject:
    """Return one of ours, or what a name such as `module:NAME` stands for."""
    found: Subject = known[name] if name in known else resolve_name(name)
    return found


def _file(name: str) -> str:
    return name.replace(":", ".")


def _is_sound(name: str, seconds: int, seed: int, findings: Path) -> bool:
    """Fuzz one subject in a process of its own: what ends that one is a finding, too."""
    words = [name, "--inside", "--seconds", str(seconds), "--seed", str(seed), "--findings", str(findings)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=10 * seconds + 300,
    )  # fmt: skip
    told = done.stdout + done.stderr
    runs = next((line for line in reversed(told.splitlines()) if "stat::number_of_executed_units" in line), "")
    sys.stdout.write(f"{name}: {'ok' if not done.returncode else 'FOUND'} ({runs.rpartition(':')[2].strip()} inputs)\n")
    if done.returncode:
        kept = next(findings.glob(f"{_file(name)}-*"), findings)
        sys.stdout.write(f"{told[-3000:]}\nagain: python -m tests.fuzz {name} --input {kept}\n")
    sys.stdout.flush()
    return not done.returncode


def _answers(options: argparse.Namespace) -> bool:
    """Ask for everything that is served over HTTP, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/faults/test_http_surface.py"]
    done = subprocess.run(
        [*command, f"--hypothesis-seed={options.seed}"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"RECONCILER_HTTP_TRIES": str(_TRIES * options.seconds)},
    )  # fmt: skip
    tries = f"{_TRIES * options.seconds} requests to each path"
    sys.stdout.write(f"{_HTTP}: {'ok' if not done.returncode else 'FOUND'} ({tries})\n")
    if done.returncode:
        sys.stdout.write(f"{(done.stdout + done.stderr)[-6000:]}\n")
    sys.stdout.flush()
    return not done.returncode


def _fuzz(subject: Subject, kept: str, seconds: int, seed: int) -> int:
    """Fuzz in this process, which ends with it; ``kept`` is how the names of what is found begin."""
    import atheris

    with tempfile.TemporaryDirectory(prefix="seeds-") as folder:
        for number, data in enumerate(subject.seeds()):
            (Path(folder) / f"{number:04}").write_bytes(data)
        options = [
            "fuzz", folder, f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=4096", f"-timeout={_SLOW}",
            f"-rss_limit_mb={_MEMORY}", "-print_final_stats=1", f"-artifact_prefix={kept}", "-verbosity=0",
        ]  # fmt: skip
        atheris.Setup(options, subject.run)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
