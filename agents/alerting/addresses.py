"""Where a message may go: an address is looked at when a connection is made to it, so no name can lead inside.

Whoever may write policies names receivers; they must not reach what only this machine reaches. An allow-list opens single hosts.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from streams.errors import CloutError, UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given to anybody outside


class Refused(CloutError, OSError):
    """The receiver is where messages must not go."""


class Allowed:
    """Which hosts and networks inside may be reached: `CLOUT_ALERTING_INSIDE`, with commas."""

    def __init__(self, text: str = "") -> None:
        """Raises UsageError for what is neither a host nor a network."""
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                self._networks.append(ipaddress.ip_network(part))
            except ValueError:
                if "/" in part or ":" in part or not part.strip("."):
                    raise UsageError(
                        f"CLOUT_ALERTING_INSIDE: {part!r} is no host and no network; write alerts.example.org or 10.1.0.0/16"
                    ) from None
                self._hosts.add(part.lower().rstrip("."))

    def host(self, name: str) -> bool:
        """May all addresses of this host be reached?"""
        return name.lower().rstrip(".") in self._hosts

    def address(self, text: str) -> bool:
        """May this address be reached?"""
        at = _plain(ipaddress.ip_address(text.partition("%")[0]))
        inside = any(at in network for network in self._networks if network.version == at.version)
        return inside or (at.is_global and not at.is_multicast and _outside(at))

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Raises Refused if one of the addresses of a host must not be reached."""
        if self.host(host):
            return
        for text in addresses:
            if not self.address(text):
                where = text if text == host else f"{host} leads to {text}, which"
                raise Refused(
                    f"{where} is an address inside: messages go outside, and where CLOUT_ALERTING_INSIDE says"
                )


def _plain(at: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(at, ipaddress.IPv4Address):
        return at
    if at.ipv4_mapped:
        return at.ipv4_mapped
    if at in _NAT64:
        return ipaddress.IPv4Address(int(at) & 0xFFFFFFFF)
    if at.sixtofour:
        return at.sixtofour
    return at


def _outside(at: Address) -> bool:
    """No IPv6 address of a site (fec0::), of a tunnel (Teredo, NAT64 of one's own) or with an IPv4 address in it (::10.0.0.1)."""
    return isinstance(at, ipaddress.IPv4Address) or (at in _UNICAST and at.teredo is None)


def check_literal(host: str, allowed: Allowed) -> None:
    """Of a host that aiohttp takes for an address, and asks no resolver for: `127.1` and `2130706433` too. Raises Refused."""
    if ":" not in host and not host.replace(".", "").isdigit():
        return
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        raise Refused(f"{host[:80]} is no address; write it in full, as in 192.0.2.7") from None
    allowed.check(host, [host])


async def resolved(host: str, port: int, allowed: Allowed) -> list[tuple[Any, ...]]:
    """What to connect to, as `getaddrinfo` has it; all of it was looked at. Raises Refused, OSError."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"{host[:80]} is no name of a host") from None
    allowed.check(host, [str(address[0]) for *_, address in found])
    return list(found)


async def connected(host: str, port: int, allowed: Allowed) -> socket.socket:
    """A connection to the first address that answers. Raises Refused, OSError."""
    last: OSError = OSError(f"{host} has no address")
    for family, kind, proto, _, address in await resolved(host, port, allowed):
        connection = socket.socket(family, kind, proto)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, address)
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError):
                raise
            last = error
        else:
            return connection
    raise last
