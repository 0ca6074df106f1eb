"""GitHub, as its REST API of version 2022-11-28 documents it; GitHub Enterprise Server answers the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.forge.protocol import Closing, Draft, Pull, State, Status
from reconciler.forge.reading import number, objects, text
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
        self._path = f"/repos/{quote(repository)}"
        self.host = wire.host

    def find(self, branch: str) -> Pull | None:
        """See `Forge.find`."""
        asked = {"head": f"{self._owner}:{branch}", "state": "all", "sort": "created", "direction": "desc"}
        answer = self._wire.get(f"{self._path}/pulls", {**asked, "per_page": 10})
        found = [self._pull(each) for each in objects(answer, self.host) if text(each, "head", "ref") == branch]
        newest = max(found, key=lambda pull: pull.number, default=None)
        if newest is None or newest.state != "open":
            return newest
        # Only the pull request by itself says whether it can be merged.
        return self._pull(self._wire.get(f"{self._path}/pulls/{newest.number}"))

    def open(self, draft: Draft) -> Pull:
        """See `Forge.open`."""
        body = {"title": draft.title, "head": draft.branch, "base": draft.base, "body": draft.body}
        try:
            pull = self._pull(self._wire.send("POST", f"{self._path}/pulls", body))
        except RefusedError as error:
            if error.status != 422 or "already exists" not in error.said:
                raise
            known = self.find(draft.branch)
            if known is None or known.state != "open":
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
        for each in objects(self._wire.get(where, {"per_page": 100}), self.host):
            if marker in str(each.get("body", "")):
                comment = number(each, "id", self.host)
                self._wire.send("PATCH", f"{self._path}/comments/{comment}", {"body": text})
                return
        self._wire.send("POST", where, {"body": text})

    def _pull(self, data: Any) -> Pull:
        state: State = "merged" if text(data, "merged_at") else "open" if text(data, "state") == "open" else "closed"
        return Pull(
            number=number(data, "number", self.host), state=state, branch=text(data, "head", "ref"),
            base=text(data, "base", "ref"), sha=text(data, "head", "sha"), body=text(data, "body"),
            url=text(data, "html_url"), conflicts=text(data, "mergeable_state") == "dirty",
        )  # fmt: skip
