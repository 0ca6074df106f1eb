from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from reconciler.model.errors import ConfigError
from reconciler.repo.process import Process, ProcessDiedError, ProcessTimedOutError, run
from tests.repo.conftest import living

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def start(*argv: str, timeout: float = 30.0) -> Process:
    return Process(argv, ENVIRONMENT, timeout=timeout, clock=time.monotonic)


def test_input_and_output_of_any_size_do_not_block_each_other() -> None:
    data = os.urandom(3 << 20)
    with start("cat") as process:
        process.send(data)
        assert process.exactly(1000) == data[:1000]
        process.skip(1000)
        process.send(b"the end\n")
        assert process.exactly(len(data) - 2000) == data[2000:]
        assert process.line() == b"the end"


def test_answers_are_read_by_line_separator_and_chunk() -> None:
    with start("printf", r"one\ntwo\000three") as process:
        assert process.line() == b"one"
        assert process.peek() == b"t"
        assert process.until(b"\0") == b"two"
        assert process.chunk() == b"three"
        assert process.chunk() == b""


def test_a_silent_child_is_given_up_with_its_own_children(tmp_path: Path) -> None:
    process = start("sh", "-c", f"sleep 600 & echo $! > {tmp_path}/pid; echo ready; wait", timeout=30.0)
    with process:
        assert process.line() == b"ready"
        grandchild = int((tmp_path / "pid").read_text())
        process._timeout = 0.01
        with pytest.raises(ProcessTimedOutError, match=r"within 0\.01 s"):
            process.line()
    deadline = time.monotonic() + 10
    while living({process.pid, grandchild}) and time.monotonic() < deadline:
        os.sched_yield()
    assert not living({process.pid, grandchild})


def test_a_child_that_will_not_go_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.repo.process._GRACE_SECONDS", 0.05)
    process = start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 600; done")
    with process:
        assert process.line() == b"ready"
    assert not living({process.pid})


def test_a_dead_child_says_why() -> None:
    with start("sh", "-c", "echo half; echo because >&2; exit 3") as process:
        assert process.line() == b"half"
        with pytest.raises(ProcessDiedError, match="status 3: because"):
            process.line()


def test_errors_are_kept_but_bounded() -> None:
    finished = run(
        ["sh", "-c", "yes error | head -c 3000000 >&2; echo last >&2"], ENVIRONMENT, timeout=30, clock=time.monotonic
    )
    assert finished.stderr.endswith("last\n")
    assert len(finished.stderr) <= 16 << 10


def test_one_command_has_its_time_in_all_even_if_it_chatters() -> None:
    with pytest.raises(ProcessTimedOutError):
        run(["sh", "-c", "while :; do echo x >&2; done"], ENVIRONMENT, timeout=0.2, clock=time.monotonic)


def test_a_command_may_leave_its_input_unread() -> None:
    finished = run(["sh", "-c", "exit 7"], ENVIRONMENT, timeout=30, clock=time.monotonic, data=b"x" * 1_000_000)
    assert finished.status == 7


def test_no_git_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigError, match="no-such-program-here is not installed"):
        start("no-such-program-here")


def test_where_memory_may_not_be_limited_the_child_runs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("resource.prlimit", forbidden)
    with start("printf", r"one\n") as process:
        process.limit_memory(1 << 20)
        assert process.line() == b"one"
