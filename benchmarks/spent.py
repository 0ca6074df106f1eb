"""Processor time by who used it: what a rate could be at best follows from it, however busy the machine was."""

from __future__ import annotations

import os
import resource
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

OWN, THREADS, WRITING, READING, PUSHING, SERVER = (
    "deciding, writing, following", "looking, applying", "fast-import", "reading", "push", "API server",
)  # fmt: skip
"""The product's main thread, on which all is decided; its other threads; its git children that stay, by what they do;
those that have ended, which are pushes with the remote's side of them; the cluster's process."""
PARTS = (OWN, THREADS, WRITING, READING, PUSHING, SERVER)


def spent() -> Mapping[str, float]:
    """Return the seconds used so far by this process, asked for from its main thread, and by its children.

    Without the children where the system does not tell.
    """
    own = time.thread_time()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: defaultdict[str, float] = defaultdict(float)
    found |= {OWN: own, THREADS: time.process_time() - own, PUSHING: ended.ru_utime + ended.ru_stime}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            words = (folder / "cmdline").read_text("utf-8", "replace").split("\0")
        except OSError:
            continue  # it has just ended
        if int(fields[1]) == os.getpid():
            found[_part(words)] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def _part(words: list[str]) -> str:
    if "benchmarks.aside" in words:
        return SERVER
    return WRITING if "fast-import" in words else READING


def between(before: Mapping[str, float], after: Mapping[str, float]) -> Mapping[str, float]:
    """Return the seconds of each part, 0 where there was nothing."""
    return {part: max(after.get(part, 0.0) - before.get(part, 0.0), 0.0) for part in PARTS}
