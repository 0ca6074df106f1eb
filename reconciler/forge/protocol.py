"""What is asked of a forge, in words that all of them share: pull requests, and what is said about a commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

State: TypeAlias = Literal["open", "closed", "merged"]
Verdict: TypeAlias = Literal["pending", "success", "failure"]


@dataclass(frozen=True)
class Draft:
    """A pull request to be opened: from a branch onto another one of the same repository."""

    branch: str
    base: str
    title: str
    body: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pull:
    """A pull or merge request. ``sha`` is the head that it showed last; ``conflicts``: it cannot be merged as it is."""

    number: int
    state: State
    branch: str
    base: str
    sha: str
    body: str
    url: str
    conflicts: bool = False


def opened(pulls: tuple[Pull, ...], base: str) -> Pull | None:
    """Return the newest open one onto a base."""
    return next((pull for pull in pulls if pull.state == "open" and pull.base == base), None)


@dataclass(frozen=True)
class Closing:
    """Who closed a pull request, empty where the forge does not tell, and when, as the forge writes it."""

    login: str = ""
    name: str = ""
    at: str = ""


@dataclass(frozen=True)
class Status:
    """What is said about a commit. ``context`` is what it is about: one replaces another of the same context."""

    verdict: Verdict
    context: str
    text: str
    url: str = ""


class Forge(Protocol):
    """One repository on a forge. Used by one thread; every method asks the server, within a deadline.

    All raise TransientError (try again, not before ``retry_after``), BlindError among them, and TerminalError where the
    forge refuses just this.
    """

    @property
    def host(self) -> str:
        """Which server it is, for messages."""

    @property
    def takes_remarks(self) -> bool:
        """Whether it has comments on commits."""

    def find(self, branch: str, base: str = "") -> tuple[Pull, ...]:
        """Return the pull requests of a branch of this repository, the newest first, whatever their states and bases.

        Some of them where there are many; one onto ``base`` is looked for further than others. What comes from a fork,
        where everybody may name a branch as ours, is not among them.
        """

    def open(self, draft: Draft) -> Pull:
        """Open a pull request; where there is an open one of this branch onto this base already, return that."""

    def withdraw(self, pull: Pull, body: str, why: str) -> None:
        """Close a pull request with another text in one go, and add a comment."""

    def closing(self, pull: Pull) -> Closing:
        """Return who closed a pull request."""

    def say(self, commit: str, status: Status) -> None:
        """Say something about a commit, in place of what was said in this context before."""

    def remark(self, commit: str, marker: str, text: str) -> None:
        """Comment on a commit; a comment of ours that holds the marker is edited instead.

        What others wrote is left alone as far as the forge says who we are, and where it may not be edited.
        """
