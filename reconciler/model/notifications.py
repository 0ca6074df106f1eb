"""Who is told of which steps: the `notifications` of a project in `reconciler.yaml`.

Addresses of chat systems are secrets themselves, so an address may stand in a file or in the environment, and for those
it must. Nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.document import Checks, Fields

Kind: TypeAlias = Literal["webhook", "slack", "dynatrace"]
UNHEALED: Final = "unhealed"
"""Not an event of a step: a `resolved` that says that the objectives are not met all the same."""
FOR_PEOPLE: Final = frozenset({"escalated", "unverified", "held", "refused", "restored", UNHEALED})
"""What somebody has to look at."""
ENDS: Final = frozenset(
    {"remediated", "resolved", "unverified", "escalated", "unmatched", "aborted", "reverted", "orphaned"}
)
FOR_THE_PROBLEM: Final = frozenset({"opened", "decided"}) | ENDS
"""What whoever looks at the problem in the monitoring wants to know: what is done about it, and how it ended."""
_DEFAULT: Final[Mapping[str, frozenset[str]]] = {
    "webhook": FOR_PEOPLE,
    "slack": FOR_PEOPLE,
    "dynatrace": FOR_THE_PROBLEM,
}
DEADLINE: Final = 10.0
"""Seconds that one call may take."""


@dataclass(frozen=True)
class Notification:
    """A receiver. Exactly one of ``url``, ``url_file`` and ``url_env`` says where it is.

    ``events`` are those that it is told, `unhealed` among them; ``stages`` None: of every stage. ``deadline`` is in
    seconds for one call.
    """

    name: str
    kind: Kind
    url: str = ""
    url_file: Path | None = None
    url_env: str = ""
    token_file: Path | None = None
    token_env: str = ""
    ca_file: Path | None = None
    events: frozenset[str] = FOR_PEOPLE
    stages: frozenset[str] | None = None
    deadline: float = DEADLINE

    def wants(self, stage: str) -> bool:
        """Whether it is told of a stage at all."""
        return self.stages is None or stage in self.stages


def notifications_from(fields: Fields, folder: Path, checks: Checks) -> tuple[Notification, ...]:
    """Return a project's receivers in the order of the file; files are named from ``folder``."""
    found: dict[str, Notification] = {}
    for section in fields.sections("notifications"):
        one = _notification(section, folder, checks)
        if one.name in found:
            hint = "each keeps its own place in the history under its name"
            checks.add(f"a second `{one.name}`", section.place_of("name"), expected="a name of its own", hint=hint)
        found[one.name] = one
    return tuple(found.values())


def _notification(fields: Fields, folder: Path, checks: Checks) -> Notification:
    def file(name: str) -> Path | None:
        text = fields.text(name)
        return folder / text if text else None

    kind = cast("Kind", fields.text("kind"))
    _check_keys(kind, fields, checks)
    events = frozenset(fields.texts("events"))
    deadline = fields.go_seconds("deadline")
    if deadline is not None and deadline <= 0:
        checks.add("`deadline` is no time at all", fields.place_of("deadline"), expected="a duration above 0")
    return Notification(
        name=fields.text("name"),
        kind=kind,
        url=fields.text("url"),
        url_file=file("urlFile"),
        url_env=fields.text("urlEnv"),
        token_file=file("tokenFile"),
        token_env=fields.text("tokenEnv"),
        ca_file=file("caFile"),
        events=events or _DEFAULT[kind],
        stages=frozenset(fields.texts("stages")) if fields.node("stages") is not None else None,
        deadline=deadline or DEADLINE,
    )


def _check_keys(kind: Kind, fields: Fields, checks: Checks) -> None:
    addresses = [name for name in ("url", "urlFile", "urlEnv") if fields.node(name) is not None]
    tokens = [name for name in ("tokenFile", "tokenEnv") if fields.node(name) is not None]
    if len(addresses) != 1:
        told = f"`{addresses[0]}` and `{addresses[1]}` exclude each other" if addresses else "there is no address"
        where = fields.place_of(addresses[1]) if addresses else fields.place
        checks.add(told, where, expected="one of `url`, `urlFile` and `urlEnv`", hint="keep one of them")
    if kind == "slack" and addresses == ["url"]:
        checks.add(
            "the address of an incoming webhook is a secret and stands in the file itself",
            fields.place_of("url"),
            expected="`urlFile` or `urlEnv`",
            hint="write the address into a file of its own, and `urlFile: <file>` here",
        )
    if len(tokens) > 1:
        told = "`tokenFile` and `tokenEnv` exclude each other"
        checks.add(told, fields.place_of("tokenEnv"), expected="one of the two", hint="delete one of them")
    if kind == "slack" and tokens:
        told = f"`{tokens[0]}` means nothing for `slack`: the address is all that it takes"
        checks.add(told, fields.place_of(tokens[0]), expected="no such key", hint="delete it")
    if kind == "dynatrace" and not tokens:
        told = "`dynatrace` needs `tokenFile` or `tokenEnv`"
        hint = "an API token with the scopes `problems.read` and `problems.write`"
        checks.add(told, fields.place_of("kind"), expected="one of the two", hint=hint)
