"""How often somebody may ask: a token bucket for each, in this process alone."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000  #: buckets that are kept; who has not asked for longest is forgotten, and begins with a full one


class Buckets:
    """So many requests a minute for each; as many at once after a minute of silence. 0 a minute: no limit."""

    def __init__(self, a_minute: int, monotonic_s: Callable[[], float]) -> None:
        self._most, self._a_second, self._monotonic_s = float(a_minute), a_minute / 60, monotonic_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what was left, and when

    def take(self, who: str) -> float:
        """Take one: 0.0; or, when there is none, the seconds until there is."""
        if not self._most:
            return 0.0
        now_s = self._monotonic_s()
        left, since_s = self._left.pop(who, (self._most, now_s))
        left = min(left + (now_s - since_s) * self._a_second, self._most)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._a_second
        self._left[who] = (left if wait_s else left - 1, now_s)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        return wait_s


def address(host: str) -> str:
    """By which a client is counted: of IPv6 the network of 64 bits, for one client has all of it."""
    if ":" not in host:
        return host
    try:
        whole = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return str(whole.ipv4_mapped or ipaddress.IPv6Network((whole, 64), strict=False))
