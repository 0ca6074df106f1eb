"""`reconciler send`: give a running daemon, or the repository, what another tool has written."""

from __future__ import annotations

from reconciler.cli.group import LazyGroup

command = LazyGroup(
    "send", modules={"event": "reconciler.cli.commands.send_event"}, help="Send a problem event of another tool."
)
