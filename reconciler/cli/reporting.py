"""What a period was like: how many problems, how quickly they were healed, what helped and what was never used.

The same period gives the same report, whenever it is made: everything is as it was at its end.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.cli.chronicles import StagePast
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import BlobId, CommitId
from reconciler.model.playbook import load_playbook
from reconciler.repo.chronicle import Filter, PastRemediation
from reconciler.repo.layout import config_place

_AT_ONCE: Final = 1000
_LARGEST: Final = 256 << 10
_OUTCOMES: Final = (
    "remediated", "resolved", "unhealed", "unverified", "escalated", "unmatched", "aborted", "reverted", "orphaned",
    "running",
)  # fmt: skip


def remediations(here: StagePast, since: Instant, until: Instant, service: str) -> Iterator[PastRemediation]:
    """Yield the remediations that were opened in a period, the newest first, each as it was at the period's end."""
    before: int | None = None
    while True:
        page = here.chronicle.remediations(
            Filter(service=service, since=since, until=until), limit=_AT_ONCE, before=before
        )
        for each in page.items:
            then = each if each.last <= until else here.chronicle.as_of(each, until)
            if then is not None:
                yield then
        if page.before is None:
            return
        before = page.before


def report(here: StagePast, since: Instant, until: Instant, service: str) -> dict[str, Any]:
    """Return the report of one stage; seconds are whole, shares between 0 and 1, None where there is nothing to say."""
    every = list(remediations(here, since, until, service))
    found = here.chronicle.at(until)
    entries = _entries(here, found.commit, service) if found is not None else {}
    used = {(each.service, each.entry) for each in every}
    unused = sorted((service, entry) for service, names in entries.items() for entry in names)
    never = [(service, entry) for service, entry in unused if (service, entry) not in used]
    return {
        "stage": str(here.name),
        "since": format_instant(since),
        "until": format_instant(until),
        **_group(every),
        "entries": [{"entry": entry, **_group(group)} for entry, group in _by(every, lambda each: each.entry)],
        "actions": _actions(every),
        "services": [{"service": name, **_group(group)} for name, group in _by(every, lambda each: each.service)],
        "unhealed": [_named(each) for each in every if each.unhealed],
        "escalated": [_named(each) for each in every if each.outcome == "escalated"],
        "neverUsed": _never(never),
    }


def _by(every: Sequence[PastRemediation], key: Any) -> list[tuple[str, list[PastRemediation]]]:
    """Return groups, the largest first, those of one size by name."""
    groups: dict[str, list[PastRemediation]] = {}
    for each in every:
        groups.setdefault(key(each), []).append(each)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def _group(every: Sequence[PastRemediation]) -> dict[str, Any]:
    counted = Counter(_outcome(each) for each in every)
    seconds = sorted(each.seconds for each in every if each.healed and each.seconds is not None)
    ended = sum(count for outcome, count in counted.items() if outcome != "running")
    return {
        "remediations": len(every),
        "problems": sum(max(len(each.problems), 1) for each in every),
        "outcomes": {name: counted[name] for name in _OUTCOMES if counted[name]},
        "healed": round(counted["remediated"] / ended, 4) if ended else None,
        "medianSeconds": quantile(seconds, 0.5),
        "p90Seconds": quantile(seconds, 0.9),
    }


def _outcome(each: PastRemediation) -> str:
    return "running" if each.ended is None else "unhealed" if each.unhealed else each.outcome


def quantile(ordered: Sequence[int], share: float) -> int | None:
    """Return the value that a share of the values do not exceed (nearest rank); None where there are none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _actions(every: Iterable[PastRemediation]) -> list[dict[str, Any]]:
    """Return how often each action was tried and was the last before it was healed, the most used first."""
    tried: Counter[str] = Counter()
    helped: Counter[str] = Counter()
    for each in every:
        tried.update(each.tried)
        if each.helped:
            helped[each.helped] += 1
    ordered = sorted(tried.items(), key=lambda item: (-item[1], item[0]))
    return [{"action": action, "tried": count, "helped": helped[action]} for action, count in ordered]


def _named(each: PastRemediation) -> dict[str, Any]:
    data = {"service": each.service, "remediation": str(each.id), "title": each.title}
    return {**data, "opened": format_instant(each.opened), **({"reason": each.reason} if each.reason else {})}


def _never(pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the entries that no problem matched, with the services whose playbooks have them."""
    groups: dict[str, list[str]] = {}
    for service, entry in pairs:
        groups.setdefault(entry, []).append(service)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [{"entry": entry, "services": services} for entry, services in ordered]


def _entries(here: StagePast, commit: CommitId, service: str) -> Mapping[str, tuple[str, ...]]:
    """Return the playbook entries that there were, by service; files that cannot be read have none."""
    apart = here.refs.config != here.refs.ops
    blobs: dict[str, BlobId] = {}
    for entry in here.git.reader.entries(here.tips.config if apart else commit):
        place = config_place(entry.path or "")
        if place is not None and place[1] == "remediation.yaml" and entry.mode.startswith("100"):
            blobs[place[0]] = entry.blob
    if service:
        blobs = {path: blob for path, blob in blobs.items() if service in (path, path.rpartition("/")[2])}
    contents = here.git.reader.blobs(list(blobs.values()), _LARGEST)
    known: dict[BlobId, tuple[str, ...]] = {}
    for path, blob in blobs.items():
        content = contents[blob]
        if blob not in known:
            known[blob] = _names(content, path) if isinstance(content, bytes) else ()
    return {path: known[blob] for path, blob in blobs.items()}


def _names(content: bytes, path: str) -> tuple[str, ...]:
    try:
        return tuple(entry.name for entry in load_playbook(content, f"{path}/remediation.yaml").entries if entry.name)
    except UserError:
        return ()
