"""What a daemon's own configuration says that is taken, and that somebody may not have meant: warnings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.model.bridge_config import BridgeConfig
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import MapNode
from reconciler.model.reader import read_yaml

IN_CLEAR: Final = "passwords go over the network in clear"
TO_DO: Final = (
    "add `bridge.tls: {certFile: ..., keyFile: ...}`, or listen on 127.0.0.1 behind a proxy that does it; with such a "
    "proxy on another machine, see that nobody else reaches this address"
)


def is_in_clear(bridge: BridgeConfig) -> bool:
    """Whether passwords are asked for where others can read along."""
    return bridge.kind == "basic" and bridge.tls is None and bridge.listen is not None and not bridge.listen.loopback


def about_daemon(data: bytes, path: str) -> Iterator[Finding]:
    """Yield doubts about a configuration; none about one that is refused."""
    try:
        config = load_daemon_config(data, path)
        root = read_yaml(data, path)
    except UserError:
        return
    if is_in_clear(config.bridge):
        block = root.get("bridge") if isinstance(root, MapNode) else None
        node = block.get("listen") if isinstance(block, MapNode) else None
        place = node.place if node is not None else Place(path)
        yield doubt(
            "bridge-in-clear", IN_CLEAR, place,
            expected="`tls` beside `auth: {kind: basic}`, unless bound to loopback", hint=TO_DO,
        )  # fmt: skip
