"""The protocol that every target server keeps; nothing above it knows which server it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

from reconciler.model.targets import Effect, Fact, Want, WantRoute, WantTemplate, WantWorkload

KubernetesWant: TypeAlias = WantWorkload | WantTemplate | WantRoute
WantT_contra = TypeVar("WantT_contra", bound=Want, contravariant=True)


class TargetServer(Protocol[WantT_contra]):
    """Something that holds state which claims can be made on. Implementations are safe to call from several threads."""

    def observe(self, want: WantT_contra) -> Fact:
        """Look. Returns a `NoFact` for everything that a person or time must solve; raises only `BugError`.

        Takes at most the deadline the server was made with (seconds), retries of its own included.
        """

    def apply(self, effect: Effect) -> Fact:
        """Make the field have the value, and return the fact as read back afterwards.

        Reads first: a target that has the value and the mark already is not written; one whose mark does not yield to
        the effect's (`Mark.yields_to`) is left alone and the fact shows that mark.
        Raises `TerminalError` (refused), `TransientError` (try again), `BlindError` (could not see).
        """

    def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class Foreseeing(Protocol):
    """A target server that does less where it knows beforehand what it will be asked for."""

    def expect(self, wants: Iterable[KubernetesWant]) -> None:
        """Say what is observed next; nothing is done yet."""
