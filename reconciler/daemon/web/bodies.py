"""Bodies of requests: of a type that is understood, within the limits of size and time, and whole."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from reconciler.daemon.web.answers import READ, Refusal, later
from reconciler.daemon.web.limits import Share


def check_type(request: Request, types: tuple[str, ...]) -> None:
    """Check the headers that say what the body is. Raises Refusal (415) with what is understood."""
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = next(
        (value.strip(' "').lower() for name, _, value in _parameters(parameters) if name.strip().lower() == "charset"),
        "utf-8",
    )
    listed = " or ".join(f"`{each}`" for each in types)
    if media.strip().lower() not in types or charset not in {"utf-8", "us-ascii"}:
        raise Refusal(415, "this type of content is not understood", f"send {listed}, in UTF-8", {"Accept": types[0]})
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Refusal(415, "compressed bodies are not taken", "send it as it is", {"Accept-Encoding": "identity"})


def _parameters(text: str) -> list[tuple[str, str, str]]:
    return [each.partition("=") for each in text.split(";")]


async def read_body(request: Request, largest: int, share: Share, until: float) -> bytes:
    """Return the whole body.

    ``until`` is the moment on the loop's clock by which it must have come; ``share`` is told of each byte that came:
    to announce a large body costs a stranger nothing, so it takes no room from others.

    Raises:
        Refusal: 413 where it is too large; 503 where it comes too slowly, or others' bodies take up all the room;
            400 where the sender breaks off.
    """
    announced = int(request.headers.get("content-length", "0"))
    if announced > largest:
        raise _too_large(largest)
    body = bytearray()
    try:
        async with asyncio.timeout_at(until):
            async for piece in request.stream():
                body += piece
                if len(body) > largest:
                    raise _too_large(largest)
                if not share.hold(len(piece)):
                    raise later("too much is being worked on")
    except TimeoutError as error:
        raise later("the body did not come in time", "send it faster") from error
    except ClientDisconnect as error:
        raise Refusal(400, "the connection was closed before the body was whole", "send all of it") from error
    request.scope.setdefault("state", {})[READ] = True
    return bytes(body)


def _too_large(largest: int) -> Refusal:
    return Refusal(413, f"the body is larger than {largest:,} bytes", "send fewer problems at a time")
