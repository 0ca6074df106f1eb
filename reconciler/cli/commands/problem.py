"""`reconciler problem`: report a problem, say that it is over, or see which there are."""

from __future__ import annotations

from reconciler.cli.group import LazyGroup

_VERBS = {verb: f"reconciler.cli.commands.problem_{verb}" for verb in ("open", "resolve", "list")}

command = LazyGroup("problem", modules=_VERBS, help="Open, resolve or list problems.")
