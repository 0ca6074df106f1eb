"""What is told of each conversation with the remote: what for, what came of it, and how long it took.

Only what starts `git` against the remote is a conversation. Where the remote is a directory of this machine its refs
and objects are read in place, so that a push is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from reconciler.model.errors import BlindError

Op: TypeAlias = Literal["list", "fetch", "push"]
Result: TypeAlias = Literal["ok", "lost", "declined", "failed", "blind"]
"""`lost`: somebody else's push came first. `declined`: a hook or a rule said no. `blind`: the remote cannot be seen, or
doesn't let us in. `failed`: anything else, which passes by itself."""


class Heard(Protocol):
    """Hears of each conversation once it is over. Called by the mirror's thread; must be quick and never raise."""

    def __call__(self, op: Op, result: Result, seconds: float) -> None:
        """Take what came of one conversation."""


def unheard(op: Op, result: Result, seconds: float) -> None:
    """Tell nobody."""


@dataclass
class Conversation:
    """One that is going on; whoever leads it says how it ended where that is neither `ok` nor an error."""

    result: Result = "ok"


@contextmanager
def conversing(op: Op, heard: Heard, clock: Callable[[], float]) -> Iterator[Conversation]:
    """Tell ``heard`` of what happens inside, errors too. ``clock`` is monotonic, in seconds."""
    began = clock()
    conversation = Conversation()
    try:
        yield conversation
    except BlindError:
        conversation.result = "blind"
        raise
    except BaseException:
        conversation.result = "failed"
        raise
    finally:
        heard(op, conversation.result, clock() - began)
