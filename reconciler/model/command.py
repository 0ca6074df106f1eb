"""A command file: what a person asks of a remediation, a service or a stage. The person is the commit's author.

Its name says what it is about, so that a listing of `commands/` reads as a log:
`<time>-<verb>[-<remediation>-<nn>].yaml`, as in `20261121T100000Z-undo-dynatrace-4711-03.yaml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias, cast, get_args

from reconciler.model import canonical
from reconciler.model.document import open_document
from reconciler.model.errors import Place, UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.suggest import did_you_mean

Verb: TypeAlias = Literal["approve", "decline", "undo", "abort", "retry", "suspend", "resume"]
VERBS: Final[tuple[Verb, ...]] = get_args(Verb)

_NAME = re.compile(
    r"(?P<time>[0-9]{8}T[0-9]{6}(?:\.[0-9]{1,9})?Z)-(?P<verb>[a-z]+)"
    r"(?:-(?P<remediation>[A-Za-z0-9._%+=,-]{1,220})-(?P<step>[0-9]{2,6}))?\.ya?ml\Z"
)


@dataclass(frozen=True)
class Command:
    """A command file. Without ``remediation`` it is for the service or stage; ``step`` 0 is the newest decided one.

    ``effect`` names what is approved or declined, as the step that waits does; empty: whatever it proposes.
    """

    verb: Verb
    remediation: str = ""
    step: int = 0
    reason: str = ""
    effect: str = ""


def load_command(data: bytes, path: str) -> Command:
    """Load a command. Its file's name is not looked at; see `check_command_name`.

    Raises:
        InvalidFile: with all findings.
    """
    fields = open_document(data, path, "command")
    command = Command(
        verb=cast("Verb", fields.text("verb")),
        remediation=fields.text("remediation"),
        step=fields.integer("step") or 0,
        reason=fields.text("reason"),
        effect=fields.text("effect"),
    )
    if command.step and not command.remediation:
        raise InvalidFile(
            [
                UserError(
                    "`step` without `remediation`",
                    place=fields.place_of("step"),
                    expected="the remediation that the step belongs to",
                    hint="add `remediation: ...`, or delete `step`",
                )
            ]
        )
    return command


def render_command(command: Command) -> bytes:
    """Return the file of a command, as whoever asks for a person writes it."""
    data: dict[str, str | int] = {"verb": command.verb}
    said: dict[str, str | int] = {"remediation": command.remediation, "step": command.step, "effect": command.effect}
    data |= {key: value for key, value in said.items() if value}
    return canonical.emit_for_people({**data, **({"reason": command.reason} if command.reason else {})})


def command_name(now: datetime, verb: Verb, remediation: str = "", step: int = 0) -> str:
    """Return the name of a command's file. ``now`` is aware; it is written in UTC with milliseconds."""
    moment = now.astimezone(UTC)
    stamp = f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z"
    about = f"-{remediation}-{step:02d}" if remediation else ""
    return f"{stamp}-{verb}{about}.yaml"


def check_command_name(path: str, command: Command) -> None:
    """Check that the file is named by the rule, and after what it says.

    Raises:
        UserError: if it isn't; two people's commands would be confused, or a listing would lie.
    """
    name = path.rpartition("/")[2]
    match = _NAME.match(name)
    about = f"-{command.remediation}-{command.step:02d}" if command.remediation else ""
    right = f"<time>-{command.verb}{about}.yaml"
    if match is None:
        raise UserError(
            f"the command's file name `{name}` does not say when and what",
            place=Place(path),
            expected=f"`{right}` with a time such as 20261121T100000Z",
            hint=_anew(command.verb, f"rename it, for example to `{right.replace('<time>', '20261121T100000Z')}`"),
        )
    if not _is_moment(match["time"]):
        raise UserError(
            f"`{match['time']}` in the file's name is no moment",
            place=Place(path),
            expected="year, month, day, `T`, hours, minutes, seconds and `Z`, such as 20261121T100000Z",
            hint=_anew(command.verb, "correct the time"),
        )
    if match["verb"] not in VERBS:
        raise UserError(
            f"`{match['verb']}` in the file's name is no verb",
            place=Place(path),
            expected=", ".join(f"`{verb}`" for verb in VERBS),
            hint=did_you_mean(match["verb"], VERBS),
        )
    said = (match["verb"], match["remediation"] or "", int(match["step"] or 0))
    if said != (command.verb, command.remediation, command.step):
        raise UserError(
            "the command's file name says something else than the file",
            place=Place(path),
            expected=f"`{right}`",
            hint=_anew(command.verb, "rename the file, or correct what it says"),
        )


def _anew(verb: Verb, otherwise: str) -> str:
    """Say how to put a command's name right; a file of a new name is a new command, so nobody approves by renaming."""
    return f"delete it, and ask anew by `reconciler {verb}`, which names the file" if verb == "approve" else otherwise


def _is_moment(text: str) -> bool:
    """Whether there is such a day and time; how a second is divided does not matter."""
    try:
        datetime.strptime(text.partition(".")[0].rstrip("Z") + "+0000", "%Y%m%dT%H%M%S%z")
    except ValueError:
        return False
    return True
