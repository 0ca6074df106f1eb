"""Alerts as Alertmanager sends them: one after the other over one connection, or many groups at the same time."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.repositories import PROJECT, STAGE, TITLE

PATH = "/webhooks/alertmanager"


def alert(service: str, number: int) -> dict[str, Any]:
    """Return a firing alert of a service; its number makes it another alert."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    labels = {"alertname": "SlowResponses", "project": PROJECT, "stage": STAGE, "service": service}
    return {
        "status": "firing",
        "labels": labels | {"problem": TITLE, "instance": f"pod-{number}"},
        "annotations": {"summary": f"{service} is slow"},
        "startsAt": f"{now}.{number % 1000:03}Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph",
        "fingerprint": f"{number:016x}",
    }


def payload(alerts: Sequence[dict[str, Any]]) -> bytes:
    """Return one group's notification."""
    return json.dumps({
        "version": "4", "receiver": "reconciler", "status": "firing", "alerts": list(alerts), "groupLabels": {},
        "groupKey": "{}:{}", "commonLabels": {}, "commonAnnotations": {}, "truncatedAlerts": 0,
        "externalURL": "http://alertmanager.example.org",
    }).encode()  # fmt: skip


class Sender:
    """Sends over one connection that stays open."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(self, body: bytes) -> tuple[float, dict[str, Any]]:
        """Return the seconds until the answer was read, and what it says; raises where it is no 200."""
        began = time.perf_counter()
        self._connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"answered {answer.status}: {text.decode()[:500]}")
        return took, json.loads(text) if text else {}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def storm(port: int, bodies: Sequence[bytes]) -> float:
    """Send all at the same time, again where the answer is 503 as Alertmanager does; return the seconds for all."""
    return asyncio.run(_storm(port, bodies))


async def _storm(port: int, bodies: Sequence[bytes]) -> float:
    began = time.perf_counter()
    await asyncio.gather(*(_delivered(port, body) for body in bodies))
    return time.perf_counter() - began


async def _delivered(port: int, body: bytes) -> None:
    for attempt in range(20):
        status = await _sent(port, body)
        if status == 200:
            return
        if status != 503:
            raise RuntimeError(f"answered {status}")
        await asyncio.sleep(min(0.2 * 2**attempt, 3.0))
    raise RuntimeError("never taken")


async def _sent(port: int, body: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        status = await reader.readline()
        await reader.read()
        return int(status.split()[1])
    except (ConnectionError, IndexError):
        return 503
    finally:
        writer.close()
