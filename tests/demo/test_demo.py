"""The demo as a newcomer runs it: a process that succeeds, fails or is stopped, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.demo import settings
from tests.demo.site import processes_of, until

BOUND = 240.0
"""Seconds; the demo's own are far fewer, but the machine may be busy."""


@dataclass(frozen=True)
class Machine:
    """A home and a folder for temporary files, both empty."""

    home: Path
    temporary: Path

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("RECONCILER_", "GIT_", "COV_"))}
        environment = {**kept, "HOME": str(self.home), "TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1", **more}
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", "demo", *arguments], env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def touched(self) -> list[Path]:
        return [*self.home.rglob("*"), *self.temporary.rglob("*")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "home", tmp_path / "temporary")
    made.home.mkdir()
    made.temporary.mkdir()
    return made


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def slow(subject: str) -> str:
    return f"reconciler: carts: {subject} (Response time degradation)"


def failing(subject: str) -> str:
    return f"reconciler: carts: {subject} (Failure rate increase)"


STORY = [
    "you: carts: what it promises, and what is done when it breaks that",
    "monitoring: carts: Response time degradation",
    slow("opened"),
    slow("scale 1 → 2"),
    slow("took effect"),
    slow("evaluated: pass"),
    slow("remediated"),
    "monitoring: carts: Failure rate increase",
    failing("opened"),
    failing("switch EnablePromotion on → off"),
    failing("took effect"),
    failing("evaluated: pass"),
    failing("remediated"),
    "monitoring: carts: Response time degradation",
    slow("opened"),
    slow("scale 2 → 3"),
    slow("took effect"),
    slow("evaluated: fail"),
    slow("switch EnableItemsCache off → on"),
    slow("took effect"),
    slow("evaluated: pass"),
    slow("remediated"),
]
"""What must be in Git at the end, in this order; between them monitoring says that a problem is over, when it is."""


def told(subjects: list[str]) -> list[str]:
    """Return the subjects without those whose moment the machine decides, and evaluations that came to the same."""
    kept = [subject for subject in subjects if not subject.startswith("monitoring: carts: no longer: ")]
    return [
        subject for index, subject in enumerate(kept) if "evaluated: pass" not in subject or subject != kept[index - 1]
    ]


def test_the_three_acts_happen(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with machine.start("--fast", "--keep", str(folder)) as demo:
        out, err = demo.communicate(timeout=BOUND)
    assert demo.returncode == 0, out + err
    assert err == ""
    assert "\x1b" not in out

    subjects = git(folder / "sockshop.git", "log", "--reverse", "--format=%an: %s", "production").splitlines()[3:]
    assert told(subjects) == STORY
    assert sum(subject.startswith("monitoring: carts: no longer: ") for subject in subjects) == 3
    flags = json.loads((folder / "flags.json").read_text("utf-8"))["flags"]
    assert {name: flag["defaultVariant"] for name, flag in flags.items()} == {
        "EnableItemsCache": "on", "EnablePromotion": "off",
    }  # fmt: skip

    assert re.search(r"^ replicas +1 +1 +2 +2 +2 +2 +3 *$", out, re.MULTILINE)
    assert re.search(r"^ EnablePromotion +off +off +off +on +off +off +off *$", out, re.MULTILINE)
    (times,) = re.findall(r"^ p90 in ms +(.*)$", out, re.MULTILINE)
    before, slow_one, two, _, _, slow_two, cached = (int(time.replace(",", "")) for time in times.split())
    assert max(before, two, cached) <= 500 < min(slow_one, slow_two)
    (failed,) = re.findall(r"^ failed  +(.*)$", out, re.MULTILINE)
    assert [int(share.rstrip("%")) > 5 for share in failed.split()] == [False, False, False, True, False, False, False]
    assert "objective 500 ms" in out
    assert re.search(r"^     done  +1 +2 +3 +4$", out, re.MULTILINE)
    assert f"All of it lies in {folder}" in out
    assert f"cd {folder}/clone" in out
    assert "status --stage production" in out
    assert re.search(r"^  > all that happens, in a browser: http://127\.0\.0\.1:\d+/sockshop$", out, re.MULTILINE)

    log = (folder / "reconciler.log").read_text("utf-8")
    assert "was read again" not in log, "nobody changed the daemon's configuration"
    assert [json.loads(line)["level"] for line in log.splitlines()] == ["info"] * len(log.splitlines())
    assert json.loads(log.splitlines()[-1])["event"] == "stopped"
    assert (folder / "carts.log").read_text("utf-8") == ""
    assert processes_of(folder) == []
    assert machine.touched() == []


def test_what_does_not_happen_fails_the_demo(machine: Machine) -> None:
    with machine.start("--fast", RECONCILER_FAILPOINT="after-push") as demo:
        out, err = demo.communicate(timeout=BOUND)
    assert demo.returncode == 2
    assert "this did not happen" in out
    assert "Before and after" not in out
    assert re.search(r"^error: the daemon \(process \d+\) was killed by signal 9$", err, re.MULTILINE)
    assert "the daemon's last lines:" in err
    assert "project=sockshop" in err
    [folder] = machine.temporary.iterdir()
    assert f"all of it: {folder}" in err, "after a failure there is something to look at"
    assert (folder / "reconciler.log").is_file()
    assert processes_of(machine.temporary) == []


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(signal.SIGINT, "monitoring: carts", id="Ctrl-C amid an act"),
        pytest.param(signal.SIGTERM, "requests a second", id="SIGTERM at the beginning"),
    ],
)
def test_a_stop_leaves_nothing_behind(machine: Machine, number: int, moment: str) -> None:
    with machine.start("--fast") as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if moment in line:
                break
        else:
            pytest.fail(f"it never came to {moment!r}: {demo.communicate()[1]}")
        assert len(processes_of(machine.temporary)) >= 2
        demo.send_signal(number)
        demo.send_signal(number)
        _, err = demo.communicate(timeout=BOUND)
    assert (demo.returncode, err.strip()) == (130, "stopped")
    until(lambda: processes_of(machine.temporary) == [], "no process is left")
    assert machine.touched() == []


def test_another_decision_than_told_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing_to_scale = settings.DAEMON + "        allow:\n          kinds: [StatefulSet]\n"
    monkeypatch.setattr(settings, "DAEMON", nothing_to_scale)
    assert run(["demo", "--fast", "--keep", str(tmp_path / "kept")]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(
        "error: `remediated` of slow-1 was to come, and it was `carts: scaling +1 failed (Response time degradation)`\n"
    )
    assert "this did not happen" in captured.out
    assert "Act 2" not in captured.out
    assert processes_of(tmp_path) == []


def test_nobody_listening_is_no_success(machine: Machine) -> None:
    with machine.start("--fast") as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == "\n"
        demo.stdout.close()
        assert demo.wait(BOUND) == 1
    assert processes_of(machine.temporary) == []
    assert machine.touched() == []


def test_a_folder_with_something_in_it_is_left_alone(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "work").write_text("of mine", "utf-8")
    with machine.start("--fast", "--keep", str(folder)) as demo:
        _, err = demo.communicate(timeout=BOUND)
    assert demo.returncode == 2
    assert f"error: {folder} is not empty" in err
    assert [path.name for path in folder.iterdir()] == ["work"]
