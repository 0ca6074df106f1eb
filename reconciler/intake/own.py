"""Our own JSON for problems, for senders that nobody wrote a reader for: one report, or several under `problems`."""

from __future__ import annotations

from typing import Any, Final

from reconciler.intake.belonging import where
from reconciler.intake.bounds import fitted
from reconciler.intake.collecting import check_count, collected
from reconciler.intake.identity import is_plain
from reconciler.intake.json_body import as_node, kind, parse_object
from reconciler.intake.merging import recorded
from reconciler.intake.moments import moment
from reconciler.intake.report import Payload, Report, Where
from reconciler.model.document import checked
from reconciler.model.errors import Place, UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProblemId
from reconciler.model.nodes import MapNode
from reconciler.model.problem import Problem
from reconciler.model.reader import shown
from reconciler.model.schema import load_schema
from reconciler.model.webhooks import Belonging

_WHAT: Final = "the report"
_EXAMPLE: Final = '{"project": "shop", "stage": "production", "service": "carts", "id": "...", "title": "..."}'
SOURCE: Final = "problem"
"""The source of problems whose sender does not say who it is: where they came in."""
_SLIPS: Final = 5
"""Unknown keys that are compared with those that there are, to say which was meant."""


def read(body: bytes, belonging: Belonging) -> Payload:
    """Return the reports of the body: an object, or `{"problems": [...]}`.

    Raises:
        UserError: nothing can be read. Of several reports the one that cannot be is in the payload's `refused`.
    """
    payload = parse_object(body, _WHAT)
    if "problems" not in payload:
        return Payload((_report(payload, belonging, brief=False),))
    problems = payload["problems"]
    if not isinstance(problems, list) or len(payload) > 1:
        found = kind(problems) if not isinstance(problems, list) else "other keys beside it"
        raise UserError(
            f"{_WHAT}: `problems` is {found}" if not isinstance(problems, list) else f"{_WHAT}: `problems` and {found}",
            expected="a list of reports and nothing else",
            hint=f'write {{"problems": [{_EXAMPLE}]}}',
        )
    check_count(problems, "problems", "send several requests")
    reports, refused, more = collected(
        problems, "problems", lambda problem, brief: _report(problem, belonging, brief=brief)
    )
    return Payload(reports, refused, note="" if problems else "no problems in the list", refused_more=more)


def _refuse_at_a_glance(value: Any, most: int) -> None:
    """Refuse what lacks what it must have, or has more than ``most`` unknown keys, before all of it is judged."""
    if not isinstance(value, dict):
        return
    known = load_schema("problem-report")["properties"]
    unknown = [key for key in value if key not in known]
    if len(unknown) > most:
        named = ", ".join(f"`{shown(key)}`" for key in unknown[:_SLIPS])
        told = f"{_WHAT}: {len(unknown)} unknown keys: {named}"
        raise UserError(told, expected=", ".join(known), hint="delete them; `details` takes anything")
    if lacking := [] if most else [key for key in ("id", "title") if value.get(key) is None]:
        raise UserError(f"{_WHAT}: no {' and no '.join(lacking)}", expected="`id` and `title`", hint="add them")


def _report(value: Any, belonging: Belonging, *, brief: bool) -> Report:
    _refuse_at_a_glance(value, 0 if brief else _SLIPS)
    node = as_node(value, Place(_WHAT))
    if not isinstance(node, MapNode):
        raise UserError(f"{_WHAT}: {kind(value)}", expected="an object", hint=f"write {_EXAMPLE}")
    try:
        fields = checked(node, "problem-report")
    except InvalidFile as error:
        raise UserError(
            f"{_WHAT}: {'; '.join(each.message for each in error.errors[:5])}",
            expected=error.expected,
            hint=error.hint or f"write {_EXAMPLE}",
        ) from error
    name = fields.text("id")
    if not is_plain(name):
        raise UserError(
            f"{_WHAT}: the id `{shown(name)}` can be no file's name",
            expected="letters, digits and `. _ + = , -`; not `..`, and neither `.lock` nor `+` and a number at its end",
            hint="give the problem another id, and use the same one when it is over",
        )
    named = fields.section("labels")
    labels = {name: text for name, text in fields.pairs("labels") if named.node(name) is not None}
    details = node.get("details")
    sent = moment(fields.text("sentAt"))
    free = details.plain() if isinstance(details, MapNode) else {}
    said = Where(fields.text("project"), fields.text("stage"), fields.text("service"))
    return Report(
        sender="problem",
        where=where(labels, belonging, said),
        id=ProblemId(name),
        problem=fitted(
            Problem(
                title=fields.text("title"),
                state="resolved" if fields.text("state") == "resolved" else "open",
                root_cause=fields.text("rootCause"),
                started_at=fields.text("startedAt"),
                source=fields.text("source") or SOURCE,
                url=fields.text("url"),
                details=recorded(free, sent),
                labels=labels,
            )
        ),
        sent=sent.timestamp() if sent else None,
    )
