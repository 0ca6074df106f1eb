"""Telling Prometheus or Alertmanager to read its files again, and hearing whether it took them."""

from __future__ import annotations

from typing import Final

import httpx

from reconciler.model.errors import BlindError, TerminalError

_PATH: Final = "/-/reload"
_PATIENCE: Final = 30.0
"""Seconds: a Prometheus with many rules reads them all before it answers."""


def reload(url: str) -> None:
    """Have the server at an address read its configuration.

    Raises:
        TerminalError: it does not take it, with its words; or it does not offer this.
        BlindError: it cannot be reached.
    """
    where = url.rstrip("/").removesuffix(_PATH) + _PATH
    try:
        answer = httpx.post(where, timeout=_PATIENCE, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BlindError(f"{where} cannot be reached: {error}", hint="correct `--reload`, or start it") from error
    if answer.is_success:
        return
    said = " ".join(answer.text.split())[:500] or "nothing more"
    hint = "the files were put back as they were"
    if answer.status_code in (403, 404, 405):
        hint = f"start Prometheus with --web.enable-lifecycle; {hint}"
    raise TerminalError(f"{where} answered {answer.status_code}: {said}", hint=hint)
