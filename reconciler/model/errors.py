"""The errors of the product, ordered by what happens next.

::

    ReconcilerError
    ├── UserError        a person must change something; names file:line:column     exit 1
    ├── ConfigError      the daemon's own configuration or command line is wrong    exit 2
    ├── TerminalError    trying again cannot help; recorded as the action's failure
    ├── TransientError   try again, not before ``retry_after`` seconds
    ├── BlindError       the state could not be seen: do nothing new and say so
    └── BugError         an invariant of ours does not hold                         exit 3

Whoever catches one of these decides by its class, never by its text.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.copies import quick


@quick
@dataclass(frozen=True, order=True)
class Place:
    """Where in a file something stands. Lines and columns count from 1; 0 means the whole file."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Render as ``path:line:column``, the form that editors and CI systems jump to."""
        if not self.line:
            return self.path
        return f"{self.path}:{self.line}:{self.column}" if self.column else f"{self.path}:{self.line}"


class ReconcilerError(Exception):
    """Base of all errors of the product.

    ``hint`` is what the reader must do next, in the imperative; empty where the message says it all.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return message and hint on one line, as logs want them."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UserError(ReconcilerError):
    """A file or a command is wrong and a person must change it.

    ``expected`` says what may stand at ``place``; ``hint`` how to write it.
    """

    def __init__(self, message: str, *, place: Place | None = None, expected: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.place = place
        self.expected = expected

    def __str__(self) -> str:
        """Return ``place: message; expected ...; hint`` on one line."""
        head = f"{self.place}: " if self.place else ""
        tail = f"; expected {self.expected}" if self.expected else ""
        return f"{head}{super().__str__()}{tail}"


class ConfigError(ReconcilerError):
    """The daemon's configuration, its environment or the command line is wrong."""


class TerminalError(ReconcilerError):
    """The server understood and refused, or the object cannot take the change."""


class VerdictError(TerminalError):
    """What is on a branch cannot be gone on from. The same commits and keys always lead to the same."""


class TransientError(ReconcilerError):
    """A fault that passes by itself. ``retry_after`` is in seconds; 0 leaves it to the caller."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class BlindError(TransientError):
    """What is there could not be seen (unreachable, refused credentials, unreadable answer)."""


class BugError(ReconcilerError):
    """Something that cannot happen did."""
