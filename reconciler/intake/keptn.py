"""The words of Keptn's problem events and of Dynatrace's notifications, which are the same words, into a problem.

`model/problem_event.py` reads such events from files and refuses what is too long; here everything that came over the
network is first brought to the schema's names and bounds, so that no problem is lost for a long title.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.intake.bounds import TITLE_LIMIT, bounded_labels, cut, fitted
from reconciler.intake.json_body import as_node, parse_json
from reconciler.intake.merging import recorded
from reconciler.intake.moments import from_milliseconds, moment, written
from reconciler.intake.report import Where
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import MapNode
from reconciler.model.problem import Problem
from reconciler.model.problem_event import event_from
from reconciler.model.reader import KEY_LIMIT

_NAMES: Final = (
    *("State", "ProblemTitle", "Title", "rootCause", "ProblemURL", "PID", "ProblemID", "Tags"),
    *("KeptnProject", "KeptnStage", "KeptnService", "project", "stage", "service", "labels", "problem"),
    *("ProblemDetails", "ProblemDetailsText", "ProblemDetailsHTML", "ProblemImpact", "ProblemSeverity"),
    *("ImpactedEntity", "ImpactedEntities", "ImpactedEntityNames", "ProblemStartTime"),
)
_SPELLINGS: Final = {
    **{name.lower(): name for name in _NAMES},
    "problemdetailsjson": "ProblemDetails",
    "problemdetailsjsonv2": "ProblemDetails",
}
_TEXTS: Final = ("ProblemTitle", "Title", "rootCause", "PID", "ProblemID")
_CLAIMS: Final = ("KeptnProject", "KeptnStage", "KeptnService", "project", "stage", "service")
_DROPPED: Final = frozenset({*_CLAIMS, "PID", "ProblemID", "Title"})
"""What is left out where it is neither text nor number: something else in the event says it."""
_CLAIM_LIMIT: Final = 256
_URL_LIMIT: Final = 2048
_TEST_PID: Final = "99999"
_TEST_ID: Final = "999"
TEST_NOTE: Final = "a test notification: it arrived, and there is nothing to be done about it"


@dataclass(frozen=True)
class Told:
    """What an event or a notification says. ``key`` is the source's own identity of the problem, empty without one.

    ``sent`` is when it says that it was sent (seconds since 1970), ``said`` what it says of where it belongs;
    ``labels`` are labels and tags to look for it in, ``tags`` all tags, of which one may be there twice.
    """

    problem: Problem
    key: str
    said: Where
    labels: Mapping[str, str]
    sent: float | None
    test: bool
    tags: tuple[tuple[str, str], ...] = ()


def told(kind: str, source: str, time: object, data: Mapping[str, Any], what: str) -> Told:
    """Read the data of an event of the type ``kind``; ``what`` names it in errors.

    Raises:
        UserError: it tells of no problem.
    """
    about = _respelled(data)
    inner = about.get("problem")
    if isinstance(inner, dict):
        about["problem"] = _respelled(inner)
    named = about["problem"] if isinstance(inner, dict) else about
    named["Tags"] = _with_properties(named.get("Tags"), named.get("ProblemDetails"))
    root = as_node({"specversion": "1.0", "type": kind, "source": source[:TITLE_LIMIT], "data": about}, Place(what))
    if not isinstance(root, MapNode):
        raise UserError(f"{what}: no object", expected="an event, `{...}`", hint="send the event as an object")
    event = event_from(root)
    problem = about["problem"] if isinstance(inner, dict) else about
    details = problem.get("ProblemDetails")
    tags = _tags(problem.get("Tags"))
    sent = moment(time)
    started = _started(problem, details if isinstance(details, dict) else {})
    more = {name: value for name, value in event.details.items() if value not in (None, "", [], {})}
    return Told(
        problem=fitted(
            Problem(
                title=event.title,
                state="resolved" if event.resolved else "open",
                root_cause=event.root_cause,
                started_at=started or (str(time) if sent else ""),
                source=source,
                url=event.url,
                details=recorded(more, sent),
                labels={**tags, **event.labels},
            )
        ),
        key=_key(problem, details),
        said=Where(event.project, event.stage, event.service),
        labels={**tags, **event.labels},
        sent=sent.timestamp() if sent else None,
        test=_is_test(problem),
        tags=tuple(_pairs(problem.get("Tags"))),
    )


def _respelled(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data with known names as the schema spells them, and what it bounds cut to its bounds.

    Of two names that become one the one that is spelled right counts, else the first that is not empty.
    """
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = _SPELLINGS.get("".join(key.lower().split()), key[:KEY_LIMIT])
        if name not in found or found[name] in (None, "") or name == key:
            found[name] = _bounded(name, value)
    return found


def _bounded(name: str, value: Any) -> Any:
    """Return the value as the schema takes it; a problem is not lost for one that only tells more about it."""
    if name in _TEXTS and isinstance(value, str):
        return cut(value, TITLE_LIMIT)
    if name == "rootCause" and isinstance(value, (dict, list, bool)):
        return cut(json.dumps(value, ensure_ascii=False), TITLE_LIMIT)
    if name in _CLAIMS and isinstance(value, str):
        return value[:_CLAIM_LIMIT]
    if name in _DROPPED and isinstance(value, (dict, list, bool)):
        return ""
    if name == "State" and isinstance(value, str):
        return value.strip()
    shape = _SHAPED.get(name)
    return shape(value) if shape is not None else value


def _link(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _URL_LIMIT else ""


def _object(value: object) -> object:
    return value if isinstance(value, dict) else None


def _scalars(labels: object) -> dict[str, str]:
    if not isinstance(labels, dict):
        return {}
    scalars = ((key, text) for key, text in labels.items() if isinstance(text, (str, int, float)))
    return bounded_labels({key: text if isinstance(text, str) else json.dumps(text) for key, text in scalars})


def _as_tags(value: object) -> object:
    """Return tags as a text or a list; an object is taken for keys and their values."""
    if isinstance(value, dict):
        return [f"{key}:{text}" if isinstance(text, (str, int, float)) else key for key, text in value.items()]
    return value if isinstance(value, (str, list)) else None


def _unpacked(text: object) -> object:
    """Return details that came as the text of a JSON object as that object; anything else as it is."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return text
    try:
        return parse_json(text.encode(), "the details")
    except UserError:
        return text


_SHAPED: Final[Mapping[str, Callable[[object], object]]] = {
    "ProblemURL": _link,
    "labels": _scalars,
    "Tags": _as_tags,
    "problem": _object,
    "ProblemDetails": _unpacked,
}


def _tags(tags: object) -> dict[str, str]:
    """Return tags as labels: of two with one key the first."""
    found: dict[str, str] = {}
    for key, value in _pairs(tags):
        found.setdefault(key, value)
    return found


def _pairs(tags: object) -> Iterator[tuple[str, str]]:
    """Yield tags, `key:value` or `key` alone, of a text apart by commas or of a list."""
    words = tags.split(",") if isinstance(tags, str) else tags if isinstance(tags, list) else []
    for word in words:
        if isinstance(word, dict):
            key, value = word.get("key"), word.get("value")
        else:
            key, _, value = word.strip().partition(":") if isinstance(word, str) else ("", "", "")
        if isinstance(key, str) and key.strip():
            yield key.strip(), value.strip() if isinstance(value, str) else ""


def _with_properties(tags: object, details: object) -> object:
    """Return tags with the `keptn_` properties of the events in a problem's details (Problems API v2) behind them.

    A metric event over merged series has no entity, so Dynatrace has no tags for its problem; properties it has.
    """
    evidence = details.get("evidenceDetails") if isinstance(details, dict) else None
    found = evidence.get("details") if isinstance(evidence, dict) else None
    events = [each.get("data") for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    listed = [each.get("properties") for each in events if isinstance(each, dict)]
    pairs = [each for some in listed if isinstance(some, list) for each in some if isinstance(each, dict)]
    known = _tags(tags)
    more = {
        str(each.get("key")): str(each.get("value"))
        for each in reversed(pairs)
        if str(each.get("key")).startswith("keptn_")
    }
    added = [f"{key}:{value}" for key, value in more.items() if key not in known and "," not in value]
    if not added:
        return tags
    return [*(tags if isinstance(tags, list) else tags.split(",") if isinstance(tags, str) else []), *added]


def _started(problem: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    candidates = (details.get("startTime"), problem.get("ProblemStartTime"))
    started = next((when for value in candidates if (when := from_milliseconds(value))), None)
    return written(started) if started else ""


def _key(problem: Mapping[str, Any], details: object) -> str:
    inner = details if isinstance(details, dict) else {}
    candidates = (problem.get("PID"), problem.get("ProblemID"), inner.get("problemId"), inner.get("id"))
    texts = (str(value).strip() for value in candidates if isinstance(value, (str, int)))
    return next((text for text in texts if text), "")


def _is_test(problem: Mapping[str, Any]) -> bool:
    """Whether it is what Dynatrace's button `Send test notification` sends: its ids are always these."""
    pid, short = (str(problem.get(name) or "").strip() for name in ("PID", "ProblemID"))
    return pid == _TEST_PID or (not pid and short == _TEST_ID)
