"""Comments on Dynatrace's problems, once each however often they are sent.

Dynatrace knows no idempotency keys (Problems API v2), so the key goes into the comment's `context`, and the comments
that are there are read first. Two daemons that tell the same at the same moment can still both comment: at least once,
as with all notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

from reconciler.model.errors import BlindError, TerminalError, TransientError

PAGE: Final = 500
"""Comments that are asked for at a time; more than Dynatrace gives."""
PAGES: Final = 20
"""Pages that are read at most. Beyond them a comment is taken for new: a second one is better than none."""


class Said(Protocol):
    """A complete answer that is not 401, 429 or a redirect."""

    @property
    def status(self) -> int:
        """The status."""

    @property
    def good(self) -> bool:
        """Whether Dynatrace did what was asked."""

    def json(self) -> Any:
        """Return the decoded body. Raises BlindError where it is none."""

    def shown(self, text: str) -> str:
        """Return a text of Dynatrace's as people may see it: bounded, and without our token."""


class Client(Protocol):
    """Requests to one Dynatrace environment, bounded in time and size, with its API token.

    Each raises BlindError where no whole answer came, and for 401, 429 and redirects.
    """

    def get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Said:
        """Read. ``path`` is percent-encoded."""

    def post_json(self, path: str, data: object) -> Said:
        """Write, exactly once."""


@dataclass(frozen=True)
class ProblemComments:
    """Comments on the problems of one environment. The token needs `problems.read` and `problems.write`."""

    client: Client

    def comment(self, pid: str, text: str, key: str) -> None:
        """Add a comment to a problem, unless one with this key is there. ``pid`` is Dynatrace's {PID}.

        Raises:
            TransientError: not commented, or not known to be; to be tried again.
            TerminalError: Dynatrace does not have the problem, or does not take the comment.
        """
        path = f"/api/v2/problems/{quote(pid, safe='')}/comments"
        if not any(each == key for each in self._contexts(path)):
            _checked(self.client.post_json(path, {"message": text, "context": key}), pid)

    def _contexts(self, path: str) -> Iterator[str]:
        """Yield the contexts of the comments that are there."""
        params = (("pageSize", str(PAGE)),)
        for _ in range(PAGES):
            answer = self.client.get(path, params)
            _checked(answer, path.split("/")[4])
            document = answer.json()
            comments = document.get("comments") if isinstance(document, Mapping) else None
            if not isinstance(comments, list):
                raise BlindError("Dynatrace's list of comments is none", hint="check the address of Dynatrace")
            yield from (str(each.get("context")) for each in comments if isinstance(each, Mapping))
            following = document.get("nextPageKey")
            if not following:
                return
            # With a page's key nothing else may be asked for.
            params = (("nextPageKey", str(following)),)


def _checked(answer: Said, pid: str) -> None:
    if answer.good:
        return
    told = f"Dynatrace answered {answer.status} for a comment on {pid[:60]}"
    if words := _words(answer):
        told += f": {answer.shown(words)}"
    if answer.status == 403:
        raise BlindError(told, hint="the token needs the scopes problems.read and problems.write")
    if answer.status >= 500:
        raise TransientError(told)
    raise TerminalError(told, hint="it is left out; the problem may be one of Dynatrace's tests, or long gone")


def _words(answer: Said) -> str:
    """Return what Dynatrace's error envelope says."""
    try:
        data = answer.json()
    except BlindError:
        return ""
    error = data.get("error") if isinstance(data, Mapping) else None
    message = error.get("message") if isinstance(error, Mapping) else None
    return message if isinstance(message, str) else ""
