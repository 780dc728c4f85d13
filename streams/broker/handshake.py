"""One blocking connection to a broker, step by step: address, TLS, login, brokers. To find out at which step it fails."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from typing import Self

_METADATA, _SASL_HANDSHAKE, _API_VERSIONS, _SASL_AUTHENTICATE = 3, 17, 18, 36
_MOST_BYTES = 16_000_000  # a longer answer is none of Kafka's: the first bytes of another protocol, read as a length


class Silent(Exception):
    """The other side closed, or answered something that is not Kafka's, or nothing in time."""


class Line:
    """A connection, with TLS if there is a context. Raises OSError (ssl.SSLError among them) when it does not come about."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, timeout_s: float) -> None:
        self._socket = socket.create_connection((host, port), timeout_s)
        if tls:
            with contextlib.ExitStack() as unless_done:
                unless_done.callback(self._socket.close)
                self._socket = tls.wrap_socket(self._socket, server_hostname=host)
                unless_done.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def versions(self) -> None:
        """Ask what the broker knows: every listener of a Kafka answers that, before any login. Raises Silent."""
        self._ask(_API_VERSIONS, 0, b"")

    def mechanisms(self, mechanism: str) -> tuple[int, list[str]]:
        """Propose a way to log in: the error code (33: another one, 34: no login here), and what the listener knows."""
        answer = self._ask(_SASL_HANDSHAKE, 1, _text(mechanism))
        code, many = struct.unpack_from(">hi", answer)
        at, found = 6, []
        for _ in range(many):
            name, at = _read(answer, at)
            found.append(name)
        return code, found

    def authenticate(self, token: bytes) -> tuple[int, str, bytes]:
        """One step of a login: error code, message, and the other side's bytes."""
        answer = self._ask(_SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        (code,) = struct.unpack_from(">h", answer)
        message, at = _read(answer, 2)
        (size,) = struct.unpack_from(">i", answer, at)
        return code, message, answer[at + 4 : at + 4 + max(size, 0)]

    def brokers(self) -> list[tuple[str, int]]:
        """The addresses that the brokers name themselves by."""
        answer = self._ask(_METADATA, 1, struct.pack(">i", 0))
        (many,) = struct.unpack_from(">i", answer)
        at, found = 4, []
        for _ in range(many):
            host, at = _read(answer, at + 4)
            (port,) = struct.unpack_from(">i", answer, at)
            _, at = _read(answer, at + 4)  # the rack
            found.append((host, port))
        return found

    def _ask(self, key: int, version: int, body: bytes) -> bytes:
        request = struct.pack(">hhi", key, version, key) + _text("clout") + body
        try:
            self._socket.sendall(struct.pack(">i", len(request)) + request)
            size, number = struct.unpack(">ii", self._receive(8))
            if number != key or not 4 <= size <= _MOST_BYTES:
                raise Silent("an answer that is not Kafka's")
            return self._receive(size - 4)
        except ssl.SSLError:
            raise
        except OSError as error:
            raise Silent(str(error)) from None

    def _receive(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = self._socket.recv(size - len(found))
            if not more:
                raise Silent("closed")
            found += more
        return found


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value.encode())) + value.encode()


def _read(answer: bytes, at: int) -> tuple[str, int]:
    """A text that may be null, and where the next field begins."""
    (size,) = struct.unpack_from(">h", answer, at)
    end = at + 2 + max(size, 0)
    return answer[at + 2 : end].decode(errors="replace"), end
