"""What a machine may be short of for a while, as an error of ours: everything waits for it, and nobody dies of it."""

from __future__ import annotations

from typing import Final

from reconciler.model.errors import ReconcilerError, TransientError

SHORT: Final = (OSError, MemoryError)
"""What is raised where there are no more open files, room on the disk, or memory."""
HINT: Final = "let the daemon have more of it: `ulimit -a`, the container's limits, the room where `stateDir` is"


def as_ours(error: Exception) -> ReconcilerError:
    """Return an error as one of ours; what is none is a shortage that may pass."""
    if isinstance(error, ReconcilerError):
        return error
    if isinstance(error, PermissionError):
        reason = (error.strerror or "no right").lower()
        told = f"{error.filename or 'something'} is closed to the daemon's user: {reason}"
        return TransientError(told, hint="let that user into it, and into the folders above it", retry_after=1.0)
    reason = str(error) or "out of memory"
    return TransientError(f"the machine is short of something: {reason}", hint=HINT, retry_after=1.0)
