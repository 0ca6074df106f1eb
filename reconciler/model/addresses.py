"""Whose an address is: what counts requests or guesses by address must not be evaded by taking the next one."""

from __future__ import annotations

import ipaddress
from typing import Final

_NETWORK: Final = 64
"""Digits of an IPv6 address that say whose it is; one person has all the others."""


def whose(address: str) -> str:
    """Return what is one for all addresses that one person has: an IPv4 address, or the /64 network of an IPv6 one.

    What is no address is returned as it is.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _NETWORK), strict=False))
    return str(found)
