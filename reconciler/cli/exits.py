"""What a command's end means to the shell, and the one place that turns an error into words and an exit code.

====  ===================================================================================
 0    it is so, or it was done
 1    the answer is no: a file is invalid, a plan has changes, something asked for is not there
 2    it could not be done: wrong usage or configuration, nothing reached, refused by a server
 3    a bug in reconciler; a report file says where, please send it
130   stopped by Ctrl-C
====  ===================================================================================
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

import click

from reconciler import __version__
from reconciler.cli.group import LazyGroup, ReaderGoneError
from reconciler.cli.messages import complain, render, use_color, visible
from reconciler.model.errors import BugError, ReconcilerError, UserError
from reconciler.model.suggest import nearest

OK: Final = 0
NO: Final = 1
COULD_NOT: Final = 2
BUG: Final = 3
INTERRUPTED: Final = 130


def handle(error: BaseException) -> int:
    """Tell the reader of stderr what went wrong and what to do next; return the exit code.

    A person's mistake, and everything else that is foreseen, comes without a traceback.
    """
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.exceptions.Abort() | KeyboardInterrupt():
            complain("stopped")
            return INTERRUPTED
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True, color=use_color())
            return COULD_NOT
        case click.ClickException():
            complain(_usage(error))
            return COULD_NOT
        case ReaderGoneError() | BrokenPipeError():
            return _reader_went_away()
        case UserError():
            complain(render(error))
            return NO
        case ReconcilerError() if not isinstance(error, BugError):
            complain(render(error))
            return COULD_NOT
        case OSError() if error.filename is not None:
            complain(f"error: {error.filename}: {error.strerror}")
            return COULD_NOT
        case _:
            return _bug(error)


def listen_to_threads() -> None:
    """From now on, tell of errors that no caller is there for: what ended a thread, or was raised while tidying up.

    Python writes them to stderr as they are, with every secret in them.
    """

    def ended(what: threading.ExceptHookArgs) -> None:
        if not issubclass(what.exc_type, SystemExit):
            name = what.thread.name if what.thread is not None else ""
            _tell("a thread ended with a bug", what.exc_type, what.exc_value, what.exc_traceback, thread=name)

    def unseen(what: sys.UnraisableHookArgs) -> None:
        _tell("an error that nobody could be told of", what.exc_type, what.exc_value, what.exc_traceback)

    threading.excepthook = ended
    sys.unraisablehook = unseen


def _tell(
    what: str, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, **about: str
) -> None:
    """Write it to the log, where there is one by now, else for a person."""
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        structlog.get_logger().error(what, exc_info=(kind, error, trace), **about)
        return
    from reconciler.daemon.secrets import KNOWN

    named = "".join(f", {name} {value}" for name, value in about.items())
    complain(visible(KNOWN.hide(f"error: {what}{named}\n{''.join(traceback.format_exception(kind, error, trace))}")))


def _usage(error: click.ClickException) -> str:
    message = f"error: {visible(_meant(error) or error.format_message())}"
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message}\n    hint: see `{context.command_path} --help`" if context else message


def _meant(error: click.ClickException) -> str:
    """Return what to say of an option that does not exist, with the one that was most likely meant.

    click itself offers whatever is written a little alike (`--help` for `--titel`), and not what a verb would take.
    """
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return ""
    name = error.option_name
    group = error.ctx.command
    near = nearest(name, _options(group))
    if near:
        return f"{error.message} Did you mean '{near}'?"
    if isinstance(group, LazyGroup) and group.commands_with(error.ctx, name):
        return f"{error.message} It comes after the verb: `{error.ctx.command_path} VERB {name} ...`."
    return error.message


def _options(command: click.Command) -> list[str]:
    every = [*command.params, *([help_] if (help_ := command.get_help_option(click.Context(command))) else [])]
    return [name for each in every if isinstance(each, click.Option) for name in [*each.opts, *each.secondary_opts]]


def _reader_went_away() -> int:
    """End quietly where stdout's reader has had enough (`reconciler status | head -1`)."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return OK


def _bug(error: BaseException) -> int:
    from reconciler.daemon.secrets import KNOWN

    lines = [
        f"reconciler {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {' '.join(sys.argv)}",
        "",
        *traceback.format_exception(error),
    ]
    report = KNOWN.hide("\n".join(lines))
    complain(KNOWN.hide(f"error: this is a bug in reconciler: {type(error).__name__}: {error}"))
    try:
        descriptor, path = tempfile.mkstemp(prefix="reconciler-bug-", suffix=".txt")
        os.close(descriptor)
        Path(path).write_text(report, "utf-8")
    except OSError as problem:
        complain(f"    the report could not be written ({problem}), so here it is:\n{report}")
    else:
        complain(f"    hint: the report in {path} says where; please send it along when you tell us about it")
    return BUG
