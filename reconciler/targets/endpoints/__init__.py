"""Webhooks that playbooks may call by name: targets that are called once and hold no state."""

from reconciler.targets.endpoints.post import Reply, post
from reconciler.targets.endpoints.server import Address, EndpointServer

__all__ = ["Address", "EndpointServer", "Reply", "post"]
