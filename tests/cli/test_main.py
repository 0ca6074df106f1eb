"""The frame: help, usage errors, exit codes, the one error handler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest
from ruamel.yaml import YAML

from reconciler import __version__
from reconciler.cli.exits import handle
from reconciler.cli.main import cli
from reconciler.daemon.secrets import Known
from reconciler.model.errors import (
    BlindError,
    BugError,
    ConfigError,
    Place,
    ReconcilerError,
    TerminalError,
    TransientError,
    UserError,
)
from reconciler.model.invalid import InvalidFile
from tests.cli.conftest import Reconciler


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def callback() -> NoReturn:
        raise error

    monkeypatch.setitem(cli.commands, "fail", click.Command("fail", callback=callback))


def test_help_lists_every_verb_with_its_sentence_and_the_exit_codes(reconciler: Reconciler) -> None:
    result = reconciler("--help")
    assert result.code == 0
    context = click.Context(cli)
    for verb in cli.list_commands(context):
        command = cli.get_command(context, verb)
        assert command is not None
        assert command.name == verb
        assert command.get_short_help_str(200)
        assert f"\n  {verb} " in result.out
    assert "Exit codes: 0" in result.out


def test_without_a_verb_help_goes_to_stderr_and_nothing_was_done(reconciler: Reconciler) -> None:
    result = reconciler()
    assert (result.code, result.out) == (2, "")
    assert "Usage: reconciler" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["versionn"], "Did you mean 'version'?"),
        (["version", "--ouput", "json"], "Did you mean '--output'?"),
        (["version", "-o", "xml"], "'table', 'json', 'yaml'"),
        (["--versoin"], "No such option '--versoin'. Did you mean '--version'?"),
        (["problem", "open", "--titel", "x"], "No such option '--titel'. Did you mean '--title'?"),
        (["status", "--al"], "No such option '--al'. Did you mean '--all'?"),
        (["status", "--no-fech"], "Did you mean '--no-fetch'?"),
        (["--stage", "x", "status"], "It comes after the verb: `reconciler VERB --stage ...`."),
    ],
)
def test_a_usage_error_names_what_was_meant(reconciler: Reconciler, arguments: list[str], said: str) -> None:
    result = reconciler(*arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert "hint: see `reconciler" in result.err


def test_version_in_three_forms(reconciler: Reconciler) -> None:
    assert reconciler("version").out == f"reconciler {__version__}\n"
    assert json.loads(reconciler("version", "-o", "json").out)["version"] == __version__
    assert YAML(typ="safe").load(reconciler("version", "-o", "yaml").out)["version"] == __version__


def test_the_version_as_an_option(reconciler: Reconciler) -> None:
    result = reconciler("--version")
    assert (result.code, result.out) == (0, f"reconciler {__version__}\n")


def test_an_option_wins_over_the_environment(reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_OUTPUT", "json")
    assert reconciler("version").out.startswith("{")
    assert reconciler("version", "-o", "yaml").out.startswith("version:")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("wrong"), 1),
        (ConfigError("wrong"), 2),
        (TerminalError("wrong"), 2),
        (TransientError("wrong"), 2),
        (BlindError("wrong"), 2),
        (FileNotFoundError(2, "No such file or directory", "wrong"), 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_foreseen_ends_in_words(
    reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    raising(monkeypatch, error)
    result = reconciler("fail")
    assert (result.code, result.out) == (code, "")
    assert "wrong" in result.err
    assert "Traceback" not in result.err


def test_an_error_shows_place_expectation_and_hint(reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, UserError("bad", place=Place("a/b.yaml", 3, 7), expected="good", hint="write\nit so"))
    assert reconciler("fail").err == "a/b.yaml:3:7: error: bad\n    expected: good\n    hint: write\n        it so\n"


def test_a_file_with_several_findings_shows_all(reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [UserError("second", place=Place("f", 2)), UserError("first", place=Place("f", 1))]
    raising(monkeypatch, InvalidFile(findings))
    assert reconciler("fail").err == "f:1: error: first\nf:2: error: second\n"


def test_nothing_from_a_file_drives_the_terminal(reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, UserError("\x1b[2Jgone \u202e\x07"))
    assert reconciler("fail").err == "error: \\x1b[2Jgone \\u202e\\x07\n"


@pytest.mark.parametrize("error", [BugError("odd"), ZeroDivisionError("odd")], ids=lambda value: type(value).__name__)
def test_a_bug_leaves_a_report(
    reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raising(monkeypatch, error)
    result = reconciler("fail")
    assert result.code == 3
    assert "Traceback" not in result.err
    (report,) = tmp_path.glob("reconciler-bug-*.txt")
    assert str(report) in result.err
    assert "Traceback" in report.read_text("utf-8")
    assert __version__ in report.read_text("utf-8")


def test_a_report_has_no_secret_in_it(reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = Known()
    monkeypatch.setattr("reconciler.daemon.secrets.KNOWN", known)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raising(monkeypatch, ValueError(f"what is {known.note('Pl4nted/secret')}?"))
    result = reconciler("fail")
    (report,) = tmp_path.glob("reconciler-bug-*.txt")
    assert "ValueError: what is ***?" in report.read_text("utf-8")
    assert "Pl4nted" not in report.read_text("utf-8") + result.err


def test_a_report_that_cannot_be_written_is_printed(
    reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    raising(monkeypatch, BugError("odd"))
    result = reconciler("fail")
    assert result.code == 3
    assert "Traceback" in result.err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()], ids=lambda value: type(value).__name__)
def test_ctrl_c_is_no_error_of_ours(
    reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    raising(monkeypatch, error)
    result = reconciler("fail")
    assert (result.code, result.err.strip()) == (130, "stopped")


def test_the_codes_of_the_handler_are_those_in_the_help() -> None:
    class OtherError(ReconcilerError):
        """One that the handler has never heard of."""

    assert handle(OtherError("x")) == 2
    assert handle(click.exceptions.Exit(7)) == 7


def test_a_reader_that_goes_away_ends_the_output_quietly() -> None:
    command = f"{sys.executable} -m reconciler completion bash | exec true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("setting", [{}, {"NO_COLOR": "1"}], ids=["terminal", "NO_COLOR"])
def test_colours_only_on_a_terminal_that_wants_them(setting: dict[str, str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | setting
    ours, theirs = os.openpty()
    done = subprocess.run([sys.executable, "-m", "reconciler", "nothing"], stderr=theirs, env=environment, check=False)
    os.close(theirs)
    said = os.read(ours, 10_000)
    os.close(ours)
    assert done.returncode == 2
    assert (b"\x1b[" in said) is not bool(setting)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(reconciler: Reconciler, shell: str) -> None:
    script = reconciler("completion", shell).out
    assert f"_RECONCILER_COMPLETE={shell}_complete" in script


def test_the_help_of_completion_has_a_line_a_shell(reconciler: Reconciler) -> None:
    lines = reconciler("completion", "--help").out.splitlines()
    assert [line.split()[0] for line in lines if "reconciler completion " in line and "Usage" not in line] == [
        "bash:",
        "zsh:",
        "fish:",
    ]


def test_bash_completes_verbs_by_the_script_that_was_printed() -> None:
    script = (
        f'reconciler() {{ {sys.executable} -m reconciler "$@"; }}; eval "$(reconciler completion bash)"; '
        f'env() {{ command env "${{@:1:$#-1}}" {sys.executable} -m reconciler; }}; '
        "COMP_WORDS=(reconciler vers); COMP_CWORD=1; _reconciler_completion reconciler; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["version"]
