"""A thread that dies of a bug says so without the secrets that the error's words may have in them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from reconciler.cli import exits, main

DYING = """\
import sys, threading
from reconciler.cli.exits import listen_to_threads
from reconciler.daemon.logs import configure
from reconciler.daemon.secrets import KNOWN
from reconciler.model.daemon_config import LogConfig

listen_to_threads()
KNOWN.note("tok-4711-planted")
if {log}:
    configure(LogConfig())

def end():
    raise SystemExit("tok-4711-planted") if {well} else ValueError("refused: tok-4711-planted")

class Odd:
    def __del__(self):
        raise ValueError("refused: tok-4711-planted")

thread = threading.Thread(target=end, name="watch")
thread.start()
thread.join()
if not {well}:
    odd = Odd()
    del odd
"""


def said(*, log: bool, well: bool) -> str:
    code = [sys.executable, "-c", DYING.format(log=log, well=well)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "4711" not in done.stdout + done.stderr
    assert done.stdout == ""
    return done.stderr


def test_where_there_is_a_log_it_is_two_lines_of_it() -> None:
    thread, unseen = map(json.loads, said(log=True, well=False).splitlines())
    assert (thread["event"], thread["thread"], thread["level"]) == ("a thread ended with a bug", "watch", "error")
    assert "ValueError: refused: ***" in thread["exception"]
    assert unseen["event"] == "an error that nobody could be told of"
    assert "ValueError: refused: ***" in unseen["exception"]


def test_without_a_log_it_is_told_as_it_would_have_been() -> None:
    text = said(log=False, well=False)
    assert text.count("Traceback") == 2
    assert text.count("ValueError: refused: ***") == 2
    assert "thread watch" in text


def test_a_thread_that_was_ended_on_purpose_says_nothing() -> None:
    assert said(log=True, well=True) == ""


def test_every_command_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(main, "listen_to_threads", lambda: heard.append("listening"))

    def run(_arguments: object) -> int:
        heard.append("run")
        return exits.OK

    monkeypatch.setattr(main, "run", run)
    monkeypatch.setattr(sys, "argv", ["reconciler", "version"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 0
    assert heard == ["listening", "run"]
