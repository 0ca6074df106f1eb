"""The script that many teams have: takes alerts, says thanks, and keeps them in memory.

`python -m benchmarks.webhook_script` prints its port and ends when its input does.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SEEN: dict[tuple[str, str], dict[str, Any]] = {}


class Handler(BaseHTTPRequestHandler):
    """Answers as soon as it has read."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Take a payload of Alertmanager."""
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in payload["alerts"]:
            SEEN[alert["fingerprint"], alert["startsAt"]] = alert
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


def main() -> None:
    """Serve until the input ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
