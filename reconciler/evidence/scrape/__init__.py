"""A service's own `/metrics`, read by the daemon itself: for a team without a Prometheus, and for the demo."""

from reconciler.evidence.scrape.addresses import Addresses
from reconciler.evidence.scrape.provider import ScrapeProvider

__all__ = ["Addresses", "ScrapeProvider"]
