"""The command `reconciler`: the table of its verbs, and the frame in which each of them runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from reconciler import __version__
from reconciler.cli.context import Frame
from reconciler.cli.exits import OK, handle, listen_to_threads
from reconciler.cli.group import LazyGroup
from reconciler.cli.messages import use_color

_VERBS: Final = {
    verb: f"reconciler.cli.commands.{verb.replace('-', '_')}"
    for verb in (
        "demo",
        "loadgen",
        "init",
        "validate",
        "evaluate",
        "add-resource",
        "problem",
        "monitoring",
        "send",
        "status",
        "bridge",
        "history",
        "explain",
        "report",
        "bisect",
        "verify",
        "replay",
        "plan",
        "what-if",
        "reconcile",
        "run",
        "doctor",
        "undo",
        "abort",
        "retry",
        "approve",
        "decline",
        "suspend",
        "resume",
        "schemas",
        "completion",
        "version",
    )
}

_FRAME: Final = Frame()

_EPILOG: Final = """\
Exit codes: 0 it is so or was done; 1 the answer is no (invalid, changes, not there); 2 it could not be done (usage,
configuration, nothing reached); 3 a bug, with a report file; 130 stopped by Ctrl-C.

Every option that names an environment variable can be given there; an option wins over the environment, the
environment over a configuration file. Data goes to stdout, messages to stderr; NO_COLOR is honoured.
"""


@click.group(
    cls=LazyGroup,
    modules=_VERBS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="reconciler %(version)s", help="Print the version and exit.")
def cli() -> None:
    """Self-healing for services on Kubernetes, with Git as the only database."""


def run(arguments: Sequence[str], frame: Frame = _FRAME) -> int:
    """Run one command line (without the program's name) and return its exit code; errors are told on stderr."""
    try:
        result = cli.main(list(arguments), prog_name="reconciler", standalone_mode=False, color=use_color(), obj=frame)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - the one handler of everything, bugs included
        return handle(error)
    return result if isinstance(result, int) else OK


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    listen_to_threads()
    sys.exit(run(sys.argv[1:]))
