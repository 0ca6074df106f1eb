"""The commit that reconciler makes of a step, made again: its files, its message, and its id.

It is `as_commit` by a shorter way, for a whole history is gone through so; the tests hold the one to the other.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

from reconciler.model.step import Step, render_file, trailers
from reconciler.repo.replay_reading import Read
from reconciler.repo.steps import as_commit
from reconciler.repo.stream import NewCommit
from reconciler.repo.trailers import MAX_SUBJECT
from reconciler.repo.writer import RECONCILER

FACTS: Final = b"\nfacts:\n"
"""What the facts of a step's file begin with."""
_OURS: Final = str(RECONCILER)


def rendered(step: Step, *, kept: bool = False) -> NewCommit:
    """Return what `as_commit` does, in less than half the time for texts in which nothing has to be escaped."""
    content = render_file(step)
    facts = content.partition(FACTS)[2] if step.facts else b""
    # Under its key every line of the facts is indented by two spaces more than where their hash is taken.
    told = hashlib.sha256(facts[2:].replace(b"\n  ", b"\n")).hexdigest()
    written = "\n".join([f"{key}: {value}" for key, value in trailers(step, told, kept=kept).items()])
    parts = (step.subject, step.body, written) if step.body else (step.subject, written)
    message = "\n\n".join(parts) + "\n"
    if not _is_plain(step, written, message, kept=kept):
        return as_commit(step, kept=kept)
    return NewCommit({**step.files, step.path: content}, message, datetime.fromtimestamp(step.now, UTC))


def _is_plain(step: Step, written: str, message: str, *, kept: bool) -> bool:
    """Whether `compose` leaves all of a message as it is."""
    body, subject = step.body, step.subject
    return (
        message.replace("\n", "").isprintable() and "\\" not in message
        and 0 < len(subject) <= MAX_SUBJECT and " ".join(subject.split()) == subject
        and body.strip() == body and " \n" not in body
        and " \n" not in written and ":  " not in written and written.count("\n") == _lines(step) + kept
    )  # fmt: skip


def _lines(step: Step) -> int:
    """Return how many line ends there are among the trailers of a step, none of which is in a value."""
    return 7 + (step.service is not None) + (step.remediation is not None) + 2 * ("action" in step.data)


def commit_text(new: NewCommit, read: Read) -> bytes:
    """Return the commit that reconciler makes of a step, on the parents and with the tree that are there."""
    seconds = int(new.when.timestamp())
    who = f"{_OURS} {seconds} +0000"
    parents = "".join(f"parent {parent}\n" for parent in read.parents)
    return f"tree {read.tree}\n{parents}author {who}\ncommitter {who}\n\n{new.message}".encode()


def commit_id(new: NewCommit, read: Read) -> str:
    """Return the id of that commit."""
    text = commit_text(new, read)
    return hashlib.sha1(b"commit %d\0%s" % (len(text), text), usedforsecurity=False).hexdigest()
