"""Values from anything that answers a GET with JSON. The daemon's configuration has the addresses."""

from reconciler.evidence.http_json.provider import HttpJsonProvider

__all__ = ["HttpJsonProvider"]
