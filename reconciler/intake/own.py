"""Our own JSON for problems, for senders that nobody wrote a reader for: one report, or several under `problems`."""

from __future__ import annotations

from typing import Any, Final

from reconciler.intake.belonging import where
from reconciler.intake.bounds import fitted
from reconciler.intake.identity import is_plain
from reconciler.intake.json_body import as_node, kind, parse_object
from reconciler.intake.merging import recorded
from reconciler.intake.moments import moment
from reconciler.intake.report import Payload, Refused, Report, Where
from reconciler.model.document import checked
from reconciler.model.errors import Place, UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProblemId
from reconciler.model.nodes import MapNode
from reconciler.model.problem import Problem
from reconciler.model.reader import shown
from reconciler.model.webhooks import Belonging

_WHAT: Final = "the report"
_EXAMPLE: Final = '{"project": "shop", "stage": "production", "service": "carts", "id": "...", "title": "..."}'


def read(body: bytes, belonging: Belonging) -> Payload:
    """Return the reports of the body: an object, or `{"problems": [...]}`.

    Raises:
        UserError: nothing can be read. Of several reports the one that cannot be is in the payload's `refused`.
    """
    payload = parse_object(body, _WHAT)
    if "problems" not in payload:
        return Payload((_report(payload, belonging),))
    problems = payload["problems"]
    if not isinstance(problems, list) or len(payload) > 1:
        found = kind(problems) if not isinstance(problems, list) else "other keys beside it"
        raise UserError(
            f"{_WHAT}: `problems` is {found}" if not isinstance(problems, list) else f"{_WHAT}: `problems` and {found}",
            expected="a list of reports and nothing else",
            hint=f'write {{"problems": [{_EXAMPLE}]}}',
        )
    reports: list[Report] = []
    refused: list[Refused] = []
    for number, problem in enumerate(problems):
        try:
            reports.append(_report(problem, belonging))
        except UserError as error:
            reason = f"{error.message}, expected {error.expected}" if error.expected else error.message
            refused.append(Refused(f"problems[{number}]", reason, error.hint))
    return Payload(tuple(reports), tuple(refused), note="" if problems else "no problems in the list")


def _report(value: Any, belonging: Belonging) -> Report:
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
                source=fields.text("source"),
                url=fields.text("url"),
                details=recorded(free, sent),
                labels=labels,
            )
        ),
        sent=sent.timestamp() if sent else None,
    )
