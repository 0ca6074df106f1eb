"""`reconciler monitoring`: what monitoring tools need to tell of missed objectives, made from these."""

from __future__ import annotations

from reconciler.cli.group import LazyGroup

_VERBS = {tool: f"reconciler.cli.commands.monitoring_{tool}" for tool in ("prometheus", "dynatrace")}

command = LazyGroup("monitoring", modules=_VERBS, help="Set up monitoring from the SLOs.")
