"""What to do about a server whose certificate nobody known vouches for: which key of reconciler.yaml names who does."""

from __future__ import annotations

from pathlib import Path

_UNKNOWN = "certificate verify failed"


def advice(said: str, key: str, ca_file: Path | None) -> str:
    """Return what to do about an error's words; empty where they are about something else."""
    if _UNKNOWN not in said.lower():
        return ""
    if ca_file is not None:
        return f"{ca_file} must hold the authority of the server's certificate, and that the address's host name"
    return f"if the server's certificate is of an authority of your own, name that as `{key}`"
