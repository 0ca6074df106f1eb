"""Error answers in the words of the real servers; clients are tested against these, so they are kept exactly."""

from __future__ import annotations

import uuid
from typing import Any

INVALID = "Request validation failed: your request body or params contain invalid data"


class Refusal(Exception):  # noqa: N818  it is an answer, not a fault of ours
    """An answer that is not a success."""

    def __init__(self, status: int, body: Any = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


def error(status: int, name: str, message: str, *, detail: str = "", numbered: bool = False, **more: Any) -> Refusal:
    """Return Unleash's one form of error; those from before its domain layer carry an ``id``."""
    body = {"name": name, "message": message, "details": [{"message": detail or message}], **more}
    return Refusal(status, {"id": str(uuid.uuid4()), **body} if numbered else body)


def not_found(message: str) -> Refusal:
    """Return a 404."""
    return error(404, "NotFoundError", message)


def no_such_path(path: str) -> Refusal:
    """Return what wrong paths and wrong methods get (never 405)."""
    message = f"The path you were looking for ({path}) is not available."
    return error(404, "NotFoundError", message, numbered=True)


def bad_data(detail: str, *, inline: bool = False) -> Refusal:
    """Return a 400; its message names the detail or refers to the list of them."""
    message = f"{INVALID}: {detail}" if inline else f"{INVALID}. Refer to the `details` list for more information."
    return error(400, "BadDataError", message, detail=detail)


def bad_length(where: str, value: str, least: int, most: int) -> Refusal | None:
    """Return the refusal of a text that is too short or too long, None where it fits."""
    if least <= len(value) <= most:
        return None
    wrong = f"fewer than {least}" if len(value) < least else f"more than {most}"
    answer = bad_data(f'The `{where}` property must NOT have {wrong} characters. You sent "{value}".')
    answer.body = {"id": str(uuid.uuid4()), **answer.body}
    answer.body["details"][0]["path"] = where
    return answer
