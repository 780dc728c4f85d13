"""What a Redis URL may say behind its question mark: how the connection is made, and nothing about what comes through it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from streams.errors import UsageError

#: these belong to the application: here bytes go in and come out, in the client's own shapes
_OURS = {"decode_responses", "encoding", "encoding_errors", "legacy_responses"}
_TAKEN = {
    "db",
    "username",
    "password",
    "protocol",
    "client_name",
    "max_connections",
    "health_check_interval",
    "retry_on_timeout",
    "socket_timeout",
    "socket_connect_timeout",
    "socket_keepalive",
    "socket_read_size",
}
_TAKEN_WITH_TLS = {
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_ca_data",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_ciphers",
    "ssl_exclude_verify_flags",
    "ssl_include_verify_flags",
    "ssl_keyfile",
    "ssl_min_version",
    "ssl_password",
}


def understood(url: str) -> str:
    """The URL without the options that other programs may need and this one must not have.

    Raises UsageError for an option that the client has not, or not without TLS: it would fail at the first command only.
    """
    parts = urlsplit(url)
    if not parts.query:
        return url
    taken = []
    for name, value in parse_qsl(parts.query):
        if name in _TAKEN_WITH_TLS and parts.scheme != "rediss":
            raise UsageError(f"CLOUT_REDIS has the option {name}, which is for TLS: write rediss://, or leave it out")
        if name not in _OURS | _TAKEN | _TAKEN_WITH_TLS:
            raise UsageError(
                f"CLOUT_REDIS has an unknown option {name!r}: leave it out, or use one of "
                f"{', '.join(sorted(_TAKEN))}, and with rediss:// {', '.join(sorted(_TAKEN_WITH_TLS))}"
            )
        if name not in _OURS:
            taken.append((name, value))
    return parts._replace(query=urlencode(taken)).geturl()
