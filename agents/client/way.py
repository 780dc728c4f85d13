"""How an API is reached: its address, the token, and what becomes of a request that was not answered well."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from types import ModuleType
from typing import TypeVar

from agents.client.ask import Ask
from agents.client.errors import Refused, Unreachable
from streams.errors import DependencyDown, UsageError

T = TypeVar("T")

TIMEOUT_S = 30.0
_AGAIN = {429, 503}
_LEAST_S = 0.1  # between two tries


def library() -> ModuleType:
    """httpx. Raises DependencyDown where it is not installed: importing the client alone does not need it."""
    try:
        import httpx
    except ImportError:
        raise DependencyDown("the client needs httpx: pip install 'clout[client]'") from None
    return httpx


class Way:
    """To one API. Raises UsageError for an address or a token that is none."""

    def __init__(self, url: str, token: str | None, timeout_s: float) -> None:
        self._httpx, self.timeout_s = library(), timeout_s
        try:
            parsed = self._httpx.URL(url)
        except (self._httpx.InvalidURL, TypeError) as error:
            raise UsageError(f"{url!r} is no address of an API ({error})") from None
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
            raise UsageError(f"{url!r} is no address of an API, such as http://127.0.0.1:8000 or https://host/prefix")
        if token is not None and not (token.isascii() and token.isprintable()):
            raise UsageError("the token has letters that no token has; `clout token add` makes one")
        self._url = str(parsed).rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def url(self, ask: Ask[T]) -> str:
        """Where a request goes."""
        return f"{self._url}{ask.target}"

    def headers(self, ask: Ask[T]) -> dict[str, str]:
        """What goes with it."""
        return self._headers if ask.body is None else {**self._headers, "content-type": "application/json"}

    @contextlib.contextmanager
    def asking(self, ask: Ask[T]) -> Iterator[None]:
        """Within it a request is made. Raises Unreachable where no answer came."""
        try:
            yield
        except self._httpx.RequestError as error:
            why = str(error) or type(error).__name__
            raise Unreachable(f"{ask.method} {self._url}{ask.path}: no answer ({why})") from error


class Tries:
    """How often, and how long, one request is made again."""

    def __init__(self, timeout_s: float) -> None:
        self._until_s = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        """Seconds."""
        return self._until_s - time.monotonic()

    def wait_s(self, error: Refused) -> float:
        """How long to wait before the next. Raises the error where the API did not say when, or said too late."""
        after_s = error.retry_after_s
        if error.status not in _AGAIN or after_s is None or after_s > self.left_s:
            raise error
        return max(after_s, _LEAST_S)
