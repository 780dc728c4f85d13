"""What can go wrong with a request.

ClientError
├── Unreachable          no answer came: no connection, or it broke, or it took too long
├── NotUnderstood        something came that is no answer of this API
└── Refused              the API says no: problem details
    ├── NotLetIn         401: no token, or none that holds
    ├── WrongScope       403: a token of another scope; `needs`
    ├── NotFound         404: nobody, or nothing; `near`, `unknown`
    ├── Conflict         409: it cannot be done as things are
    ├── WrongInput       422: a parameter or a body is wrong; `mistakes`
    ├── TooMany          429: too many requests; `retry_after_s`
    └── NotAvailable     503: not now; `retry_after_s`
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from agents.shapes.others import Mistake
from streams.errors import CloutError

_SHOWN = 200  # characters of an answer that is no problem


class ClientError(CloutError):
    """Root of what a client raises."""


class Unreachable(ClientError):
    """No answer came."""

    exit_code = 3


class NotUnderstood(ClientError):
    """What came is no answer of this API, or of a newer one."""


class Refused(ClientError):
    """The API says no. `fields` has all that the problem says."""

    def __init__(self, status: int, fields: Mapping[str, Any], retry_after_s: float | None, request_id: str) -> None:
        self.status, self.fields, self.retry_after_s, self.request_id = status, fields, retry_after_s, request_id
        super().__init__(f"{status}: {self.detail}")

    @property
    def type(self) -> str:
        """Stable, for programs, as in `urn:clout:problem:unknown-user`."""
        return str(self.fields.get("type", "about:blank"))

    @property
    def detail(self) -> str:
        """What, where and what to do."""
        return str(self.fields.get("detail", ""))

    def _texts(self, name: str) -> list[str]:
        found = self.fields.get(name, [])
        return [str(one) for one in found] if isinstance(found, list) else []


class NotLetIn(Refused):
    """401."""


class WrongScope(Refused):
    """403."""

    @property
    def needs(self) -> str:
        """The scope that a token needs; empty: it was not said."""
        return str(self.fields.get("needs", ""))


class NotFound(Refused):
    """404."""

    @property
    def near(self) -> list[str]:
        """Who or what may have been meant."""
        return self._texts("near")

    @property
    def unknown(self) -> list[str]:
        """Of several that were asked for, those whom nobody knows."""
        return self._texts("unknown")


class Conflict(Refused):
    """409."""


class WrongInput(Refused):
    """422."""

    @property
    def mistakes(self) -> list[Mistake]:
        """What is wrong, and where."""
        try:
            return msgspec.convert(self.fields.get("errors", []), list[Mistake])
        except msgspec.ValidationError:
            return []


class TooMany(Refused):
    """429."""


class NotAvailable(Refused):
    """503."""


_BY_STATUS: dict[int, type[Refused]] = {
    401: NotLetIn, 403: WrongScope, 404: NotFound, 409: Conflict, 422: WrongInput, 429: TooMany, 503: NotAvailable,
}  # fmt: skip


def refused(status: int, headers: Mapping[str, str], content: bytes) -> Refused:
    """What an answer of that status says; names of headers are in lower case. A proxy may have given it."""
    try:
        fields = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = " ".join(content[: 4 * _SHOWN].decode(errors="replace").split())[:_SHOWN]
        fields = {"detail": f"no problem details, but: {said}" if said else "an answer without a reason"}
    after_s = _retry_after_s(headers.get("retry-after", ""))
    return _BY_STATUS.get(status, Refused)(status, fields, after_s, headers.get("x-request-id", ""))


def _retry_after_s(text: str) -> float | None:
    """Seconds, or a date (RFC 9110 10.2.3); None: neither."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    date = email.utils.parsedate_tz(text)
    return max(email.utils.mktime_tz(date) - time.time(), 0.0) if date else None
