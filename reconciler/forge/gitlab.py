"""GitLab, as its REST API v4 documents it. ``repository`` is the project's full path, or its number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.forge.protocol import Closing, Draft, Pull, State, Status, opened
from reconciler.forge.reading import number, objects, record, text
from reconciler.forge.remarks import edited, listed
from reconciler.forge.wire import RefusedError, Wire

_STATES: Final[Mapping[str, State]] = {"opened": "open", "locked": "open", "closed": "closed", "merged": "merged"}
_VERDICTS: Final = {"pending": "pending", "success": "success", "failure": "failed"}
_LONGEST: Final = 255
_PAGE: Final = 7
"""Merge requests of an answer: a description may have 1 MB, and whoever has a fork writes some of them."""
_PAGES: Final = 30


def headers(token: str) -> Mapping[str, str]:
    """Return how a token is shown: a personal, project or group access token."""
    return {"PRIVATE-TOKEN": token}


class GitLab:
    """One project."""

    takes_remarks = True

    def __init__(self, wire: Wire, repository: str) -> None:
        self._wire = wire
        self._path = f"/projects/{quote(repository, safe='')}"
        self.host = wire.host

    def find(self, branch: str, base: str = "") -> tuple[Pull, ...]:
        """See `Forge.find`."""
        asked: dict[str, str | int] = {
            "source_branch": branch,
            "state": "all",
            "order_by": "created_at",
            "sort": "desc",
            "per_page": _PAGE,
        }
        found: list[Pull] = []
        for page in range(1, _PAGES + 1):
            answer = list(objects(self._wire.get(f"{self._path}/merge_requests", {**asked, "page": page}), self.host))
            found += [self._pull(each) for each in answer if _is_ours(each, branch)]
            if len(answer) < _PAGE or any(pull.base == base for pull in found):
                break
        return tuple(sorted(found, key=lambda pull: -pull.number))

    def open(self, draft: Draft) -> Pull:
        """See `Forge.open`."""
        body = {
            "source_branch": draft.branch, "target_branch": draft.base, "title": draft.title,
            "description": draft.body, "labels": ",".join(draft.labels), "remove_source_branch": True,
        }  # fmt: skip
        try:
            return self._pull(self._wire.send("POST", f"{self._path}/merge_requests", body))
        except RefusedError as error:
            known = opened(self.find(draft.branch, draft.base), draft.base) if error.status == 409 else None
            if known is None:
                raise
            return known

    def withdraw(self, pull: Pull, body: str, why: str) -> None:
        """See `Forge.withdraw`."""
        where = f"{self._path}/merge_requests/{pull.number}"
        self._wire.send("PUT", where, {"state_event": "close", "description": body})
        self._wire.send("POST", f"{where}/notes", {"body": why})

    def closing(self, pull: Pull) -> Closing:
        """See `Forge.closing`."""
        data = self._wire.get(f"{self._path}/merge_requests/{pull.number}")
        return Closing(text(data, "closed_by", "username"), text(data, "closed_by", "name"), text(data, "closed_at"))

    def say(self, commit: str, status: Status) -> None:
        """See `Forge.say`."""
        body = {"state": _VERDICTS[status.verdict], "name": status.context, "description": status.text[:_LONGEST]}
        more = {"target_url": status.url} if status.url else {}
        try:
            self._wire.send("POST", f"{self._path}/statuses/{quote(commit)}", {**body, **more})
        except RefusedError as error:
            # The same state once more is refused: it says that already.
            if error.status != 400 or "cannot transition status" not in error.said.lower():
                raise

    def remark(self, commit: str, marker: str, text: str) -> None:
        """See `Forge.remark`; only the notes of a discussion can be edited."""
        where = f"{self._path}/repository/commits/{quote(commit)}/discussions"
        if not edited(self._wire, self._notes(where), marker, text, "PUT"):
            self._wire.send("POST", where, {"body": text})

    def _notes(self, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for each in listed(self._wire, where):
            discussion = quote(str(each.get("id", "")), safe="")
            for note in objects(each.get("notes"), self.host):
                yield f"{where}/{discussion}/notes/{number(note, 'id', self.host)}", note

    def _pull(self, answer: Any) -> Pull:
        data = record(answer, self.host)
        return Pull(
            number=number(data, "iid", self.host), state=_STATES.get(text(data, "state"), "closed"),
            branch=text(data, "source_branch"), base=text(data, "target_branch"), sha=text(data, "sha"),
            body=text(data, "description"), url=text(data, "web_url"),
            conflicts=bool(data.get("has_conflicts")),
        )  # fmt: skip


def _is_ours(data: dict[str, Any], branch: str) -> bool:
    """Whether it is of the project's own branch: those of forks are listed too."""
    home = data.get("source_project_id")
    return text(data, "source_branch") == branch and isinstance(home, int) and home == data.get("target_project_id")
