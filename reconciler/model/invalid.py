"""A refused file: everything that was found wrong in it at once, so that a person fixes it in one go."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.errors import Place, UserError


class InvalidFile(UserError):  # noqa: N818 - it is a state of the file that validators report, not only an error
    """A file that cannot be used. It reads as its first finding; ``errors`` holds all of them in file order."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        ordered = sorted(errors, key=lambda error: error.place or Place(""))
        first = ordered[0]
        super().__init__(first.message, place=first.place, expected=first.expected, hint=first.hint)
        self.errors = tuple(ordered)

    def __str__(self) -> str:
        """Return the first finding and how many more there are."""
        more = len(self.errors) - 1
        return f"{super().__str__()} [and {more} more]" if more else super().__str__()
