"""GitHub, as its REST API of version 2022-11-28 documents it; GitHub Enterprise Server answers the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.forge.protocol import Closing, Draft, Pull, State, Status, opened
from reconciler.forge.reading import number, objects, record, text
from reconciler.forge.remarks import edited, listed
from reconciler.forge.wire import RefusedError, Wire

LONGEST: Final = 140
"""Characters of a status at most."""


def headers(token: str) -> Mapping[str, str]:
    """Return how a token is shown."""
    return {
        "Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }  # fmt: skip


class GitHub:
    """One repository, `owner/name`."""

    takes_remarks = True

    def __init__(self, wire: Wire, repository: str) -> None:
        self._wire = wire
        self._owner = repository.partition("/")[0]
        self._repository = repository.lower()
        self._path = f"/repos/{quote(repository)}"
        self.host = wire.host

    def find(self, branch: str, base: str = "") -> tuple[Pull, ...]:
        """See `Forge.find`; its search knows whose a branch is, and an owner may have several forks too."""
        asked = {"head": f"{self._owner}:{branch}", "state": "all", "sort": "created", "direction": "desc"}
        answer = self._wire.get(f"{self._path}/pulls", {**asked, "per_page": 30})
        found = [self._pull(each) for each in objects(answer, self.host) if self._is_ours(each, branch)]
        found.sort(key=lambda pull: -pull.number)
        now = opened(tuple(found), base) if base else None
        if now is None:
            return tuple(found)
        # Only the pull request by itself says whether it can be merged.
        alone = self._pull(self._wire.get(f"{self._path}/pulls/{now.number}"))
        return tuple(alone if pull is now else pull for pull in found)

    def open(self, draft: Draft) -> Pull:
        """See `Forge.open`."""
        body = {"title": draft.title, "head": draft.branch, "base": draft.base, "body": draft.body}
        try:
            pull = self._pull(self._wire.send("POST", f"{self._path}/pulls", body))
        except RefusedError as error:
            if error.status != 422 or "already exists" not in error.said:
                raise
            known = opened(self.find(draft.branch), draft.base)
            if known is None:
                raise
            return known
        if draft.labels:
            self._wire.send("POST", f"{self._path}/issues/{pull.number}/labels", {"labels": list(draft.labels)})
        return pull

    def withdraw(self, pull: Pull, body: str, why: str) -> None:
        """See `Forge.withdraw`."""
        self._wire.send("PATCH", f"{self._path}/pulls/{pull.number}", {"state": "closed", "body": body})
        self._wire.send("POST", f"{self._path}/issues/{pull.number}/comments", {"body": why})

    def closing(self, pull: Pull) -> Closing:
        """See `Forge.closing`; only the issue that every pull request is too names the person."""
        issue = self._wire.get(f"{self._path}/issues/{pull.number}")
        return Closing(text(issue, "closed_by", "login"), "", text(issue, "closed_at"))

    def say(self, commit: str, status: Status) -> None:
        """See `Forge.say`."""
        body = {"state": status.verdict, "context": status.context, "description": status.text[:LONGEST]}
        more = {"target_url": status.url} if status.url else {}
        self._wire.send("POST", f"{self._path}/statuses/{quote(commit)}", {**body, **more})

    def remark(self, commit: str, marker: str, text: str) -> None:
        """See `Forge.remark`."""
        where = f"{self._path}/commits/{quote(commit)}/comments"
        found = ((f"{self._path}/comments/{number(each, 'id', self.host)}", each) for each in listed(self._wire, where))
        if not edited(self._wire, found, marker, text, "PATCH"):
            self._wire.send("POST", where, {"body": text})

    def _is_ours(self, data: dict[str, Any], branch: str) -> bool:
        home = text(data, "head", "repo", "full_name").lower()
        return text(data, "head", "ref") == branch and home == self._repository

    def _pull(self, answer: Any) -> Pull:
        data = record(answer, self.host)
        state: State = "merged" if text(data, "merged_at") else "open" if text(data, "state") == "open" else "closed"
        return Pull(
            number=number(data, "number", self.host), state=state, branch=text(data, "head", "ref"),
            base=text(data, "base", "ref"), sha=text(data, "head", "sha"), body=text(data, "body"),
            url=text(data, "html_url"), conflicts=text(data, "mergeable_state") == "dirty",
        )  # fmt: skip
