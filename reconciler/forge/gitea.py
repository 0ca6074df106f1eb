"""Gitea and Forgejo, as their API v1 (`/api/swagger`) documents it; they have no comments on commits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.forge.protocol import Closing, Draft, Pull, State, Status, opened
from reconciler.forge.reading import number, objects, record, text
from reconciler.forge.wire import RefusedError, Wire

_PAGE: Final = 50
_PAGES: Final = 4
"""Pages of pull requests that are looked through, the most recently changed first: there is no search by branch."""
_LONGEST: Final = 255


def headers(token: str) -> Mapping[str, str]:
    """Return how a token is shown."""
    return {"Authorization": f"token {token}"}


class Gitea:
    """One repository, `owner/name`."""

    takes_remarks = False

    def __init__(self, wire: Wire, repository: str) -> None:
        self._wire = wire
        self._repository = repository.lower()
        self._path = f"/repos/{quote(repository)}"
        self.host = wire.host

    def find(self, branch: str, base: str = "") -> tuple[Pull, ...]:
        """See `Forge.find`."""
        found: list[Pull] = []
        for page in range(1, _PAGES + 1):
            asked: dict[str, str | int] = {"state": "all", "sort": "recentupdate", "limit": _PAGE, "page": page}
            listed = list(objects(self._wire.get(f"{self._path}/pulls", asked), self.host))
            found += [self._pull(each) for each in listed if self._is_ours(each, branch)]
            if not listed or any(pull.base == base or not base for pull in found):
                break
        return tuple(sorted(found, key=lambda pull: -pull.number))

    def open(self, draft: Draft) -> Pull:
        """See `Forge.open`; labels go by numbers there, and are left out."""
        body = {"head": draft.branch, "base": draft.base, "title": draft.title, "body": draft.body}
        try:
            return self._pull(self._wire.send("POST", f"{self._path}/pulls", body))
        except RefusedError as error:
            known = opened(self.find(draft.branch, draft.base), draft.base) if error.status == 409 else None
            if known is None:
                raise
            return known

    def withdraw(self, pull: Pull, body: str, why: str) -> None:
        """See `Forge.withdraw`."""
        self._wire.send("PATCH", f"{self._path}/pulls/{pull.number}", {"state": "closed", "body": body})
        self._wire.send("POST", f"{self._path}/issues/{pull.number}/comments", {"body": why})

    def closing(self, pull: Pull) -> Closing:
        """See `Forge.closing`; the newest `close` of the timeline."""
        timeline = self._wire.get(f"{self._path}/issues/{pull.number}/timeline")
        closes = [each for each in objects(timeline, self.host) if text(each, "type") == "close"]
        if not closes:
            return Closing()
        last = closes[-1]
        return Closing(text(last, "user", "login"), text(last, "user", "full_name"), text(last, "created_at"))

    def say(self, commit: str, status: Status) -> None:
        """See `Forge.say`."""
        body = {"state": status.verdict, "context": status.context, "description": status.text[:_LONGEST]}
        more = {"target_url": status.url} if status.url else {}
        self._wire.send("POST", f"{self._path}/statuses/{quote(commit)}", {**body, **more})

    def remark(self, commit: str, marker: str, text: str) -> None:
        """Do nothing: there are no comments on commits; the status says it."""

    def _is_ours(self, data: dict[str, Any], branch: str) -> bool:
        """Whether it is of the repository's own branch: those of forks are listed too."""
        return branch in _heads(data) and text(data, "head", "repo", "full_name").lower() == self._repository

    def _pull(self, answer: Any) -> Pull:
        data = record(answer, self.host)
        state: State = "merged" if data.get("merged") is True else "open" if text(data, "state") == "open" else "closed"
        return Pull(
            number=number(data, "number", self.host), state=state,
            branch=text(data, "head", "label") or text(data, "head", "ref"), base=text(data, "base", "ref"),
            sha=text(data, "head", "sha"), body=text(data, "body"), url=text(data, "html_url"),
            conflicts=state == "open" and data.get("mergeable") is False,
        )  # fmt: skip


def _heads(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return what may name the branch: where it was deleted, `ref` is the pull request's own and `label` still it."""
    return text(data, "head", "ref"), text(data, "head", "label")
