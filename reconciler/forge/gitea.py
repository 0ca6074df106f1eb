"""Gitea and Forgejo, as their API v1 (`/api/swagger`) documents it; they have no comments on commits.

There whoever may read may open a pull request of any branch, write into it what they like and close it in their own
name. So only those that the token's own user opened mean anything, and the others are as if they were not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.forge.protocol import Closing, Draft, Pull, State, Status, opened
from reconciler.forge.reading import number, objects, record, text
from reconciler.forge.wire import DeniedError, RefusedError, TooMuchError, Wire
from reconciler.model.errors import BlindError

_PAGE: Final = 50
_PAGES: Final = 4
"""Pages of our own pull requests that are looked through, the most recently changed first: there is no search by
branch. Where an older version cannot list by author either, others are among them."""
_FURTHER: Final = 20
"""Pages that are looked through for what is rarely wanted: who closed, and what stands in the way."""
_NOT_OURS: Final = (
    "Closed: the pull request of this branch is opened by reconciler itself, so that what is closed is somebody's no, "
    "and not what somebody else wrote."
)
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
        """See `Forge.find`; those of others are left out, with whose the forge should not bother us at all."""
        me, login = self._me()
        asked: dict[str, str | int] = {"state": "all", "sort": "recentupdate", "limit": _PAGE, "poster": login}
        found: list[Pull] = []
        for listed in self._wire.pages(f"{self._path}/pulls", asked, _PAGES):
            ours = (each for each in self._of(listed, branch) if _author(each) == me)
            found += [self._pull(each) for each in ours]
            if any(pull.base == base or not base for pull in found):
                break
        return tuple(sorted(found, key=lambda pull: -pull.number))

    def open(self, draft: Draft) -> Pull:
        """See `Forge.open`; labels go by numbers there, and are left out.

        What somebody else opened for this branch before us is closed: there can be only one.
        """
        body = {"head": draft.branch, "base": draft.base, "title": draft.title, "body": draft.body}
        try:
            return self._pull(self._wire.send("POST", f"{self._path}/pulls", body))
        except RefusedError as error:
            known = opened(self.find(draft.branch, draft.base), draft.base) if error.status == 409 else None
            if known is not None:
                return known
            if error.status != 409 or not self._clear(draft):
                raise
        return self._pull(self._wire.send("POST", f"{self._path}/pulls", body))

    def _clear(self, draft: Draft) -> bool:
        """Close what somebody else opened for this branch onto this base. Returns whether there was something."""
        me, _ = self._me()
        asked: dict[str, str | int] = {"state": "open", "sort": "recentupdate", "limit": _PAGE}
        for listed in self._wire.pages(f"{self._path}/pulls", asked, _FURTHER):
            for each in self._of(listed, draft.branch):
                pull = self._pull(each)
                if _author(each) != me and opened((pull,), draft.base) is not None:
                    self._wire.send("PATCH", f"{self._path}/pulls/{pull.number}", {"state": "closed"})
                    self._wire.send("POST", f"{self._path}/issues/{pull.number}/comments", {"body": _NOT_OURS})
                    return True
        return False

    def withdraw(self, pull: Pull, body: str, why: str) -> None:
        """See `Forge.withdraw`."""
        self._wire.send("PATCH", f"{self._path}/pulls/{pull.number}", {"state": "closed", "body": body})
        self._wire.send("POST", f"{self._path}/issues/{pull.number}/comments", {"body": why})

    def closing(self, pull: Pull) -> Closing:
        """See `Forge.closing`; the newest `close` of the timeline, where anybody who may read adds comments.

        It is read from when it was closed. An older `close` than that is of somebody else's, before it was reopened.
        """
        now = self._wire.get(f"{self._path}/pulls/{pull.number}")
        if text(now, "state") != "closed" or not (at := text(now, "closed_at")):
            return Closing()
        asked: dict[str, str | int] = {"since": at, "limit": _PAGE}
        try:
            return self._closing(self._wire.pages(f"{self._path}/issues/{pull.number}/timeline", asked, _FURTHER))
        except TooMuchError:
            return Closing()

    def _closing(self, pages: Iterable[Any]) -> Closing:
        for listed in pages:
            for each in objects(listed, self.host):
                if text(each, "type") == "close":
                    return Closing(
                        text(each, "user", "login"), text(each, "user", "full_name"), text(each, "created_at")
                    )
        return Closing()

    def say(self, commit: str, status: Status) -> None:
        """See `Forge.say`."""
        body = {"state": status.verdict, "context": status.context, "description": status.text[:_LONGEST]}
        more = {"target_url": status.url} if status.url else {}
        self._wire.send("POST", f"{self._path}/statuses/{quote(commit)}", {**body, **more})

    def remark(self, commit: str, marker: str, text: str) -> None:
        """Do nothing: there are no comments on commits; the status says it."""

    def _of(self, listed: Any, branch: str) -> Iterator[dict[str, Any]]:
        """Yield those of the repository's own branch: those of forks are listed too."""
        for each in objects(listed, self.host):
            if branch in _heads(each) and text(each, "head", "repo", "full_name").lower() == self._repository:
                yield each

    def _me(self) -> tuple[int, str]:
        """Return number and name of the token's user, without which nothing that is found could be believed."""
        try:
            found = self._wire.me()
        except DeniedError as error:
            hint = "give the token the scope `read:user` too: whose a pull request is has to be known"
            raise BlindError(f"{self.host} does not say whose the token is: {error.message}", hint=hint) from error
        return number(found, "id", self.host), text(found, "login")

    def _pull(self, answer: Any) -> Pull:
        data = record(answer, self.host)
        state: State = "merged" if data.get("merged") is True else "open" if text(data, "state") == "open" else "closed"
        return Pull(
            number=number(data, "number", self.host), state=state,
            branch=text(data, "head", "label") or text(data, "head", "ref"), base=text(data, "base", "ref"),
            sha=text(data, "head", "sha"), body=text(data, "body"), url=text(data, "html_url"),
            conflicts=state == "open" and data.get("mergeable") is False,
        )  # fmt: skip


def _author(data: Mapping[str, Any]) -> int | None:
    user = data.get("user")
    found = user.get("id") if isinstance(user, dict) else None
    return found if isinstance(found, int) else None


def _heads(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return what may name the branch: where it was deleted, `ref` is the pull request's own and `label` still it."""
    return text(data, "head", "ref"), text(data, "head", "label")
