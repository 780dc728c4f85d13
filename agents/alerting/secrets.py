"""Secrets by their names: from the environment, or from files. They are read when they are needed, and never shown.

A receiver may repeat what it was sent, as in "no such hook: T0K3N": what was read is hidden in all that is told.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from streams.errors import CloutError
from streams.logins import Secret
from streams.model.channels import SECRET

VARIABLE = "CLOUT_SECRET_"
_MOST_BYTES = 8_192
_LEAST, _LEAST_PART = 4, 8  # characters: what is shorter hides nothing, and would be found in other words
_HIDDEN = "***"
_is_word = re.compile(r"[a-z_-]{1,19}").fullmatch  # as `services` in the path of a hook
_is_base64 = re.compile(r"[A-Za-z0-9+/]{8,}={0,2}")


class Missing(CloutError):
    """There is no such secret."""


class Secrets:
    """`secret:ops-url` is the variable CLOUT_SECRET_OPS_URL, or the file `ops-url` in a folder."""

    def __init__(self, folder: str = "", environ: Mapping[str, str] | None = None) -> None:
        self._folder, self._environ = folder, os.environ if environ is None else environ
        self._known: set[str] = set()
        self._hides: re.Pattern[str] | None = None

    def get(self, reference: str) -> Secret:
        """What a reference stands for. Raises Missing."""
        name = reference.removeprefix(SECRET)
        variable = VARIABLE + name.upper().replace("-", "_").replace(".", "_")
        if text := self._environ.get(variable, "").strip():
            return self._given(text)
        if self._folder:
            try:
                with (Path(self._folder) / name).open("rb") as file:
                    read = file.read(_MOST_BYTES + 1)
            except OSError:
                read = b""
            if len(read) > _MOST_BYTES:
                raise Missing(f"the secret {name} is too long: more than {_MOST_BYTES:,} bytes")
            with contextlib.suppress(UnicodeDecodeError):
                if text := read.decode().strip():
                    return self._given(text)
        where = (
            f"there is no file {name} in {self._folder}" if self._folder else "CLOUT_SECRETS names no folder of files"
        )
        raise Missing(f"the secret {name} is not there: {variable} is not set, and {where}")

    def url(self, url: str) -> str:
        """A URL, or the one that a reference stands for. Raises Missing."""
        return self.get(url) if url.startswith(SECRET) else url

    def hide(self, text: str) -> str:
        """The same without secrets that were read, nor parts of their URLs; also where they stand in base64."""
        if not self._known:
            return text
        if self._hides is None:
            longest = sorted(self._known, key=len, reverse=True)
            self._hides = re.compile("|".join(map(re.escape, longest)), re.IGNORECASE)
        hides = self._hides
        text = hides.sub(_HIDDEN, text)
        return _is_base64.sub(lambda found: _HIDDEN if hides.search(_decoded(found[0])) else found[0], text)

    def _given(self, text: str) -> Secret:
        known = {one for part in _parts(text) for one in (part, quote(part, safe=""), unquote(part))}
        if not known <= self._known:
            self._known |= known
            self._hides = None
        return Secret(text)


def _parts(text: str) -> Iterator[str]:
    """What of a secret must not be shown: all of it; of a URL each part that may be the secret one."""
    if len(text) >= _LEAST:
        yield text
    with contextlib.suppress(ValueError):
        url = urlsplit(text)
        if url.netloc:
            parts = [url.path, *url.path.split("/"), url.query, *re.split("[&=]", url.query), url.fragment]
            yield from (part for part in parts if len(part) >= _LEAST_PART and not _is_word(part))
            login = (url.netloc.rpartition("@")[0], url.password or "")
            yield from (part for part in login if len(part) >= _LEAST)


def _decoded(text: str) -> str:
    with contextlib.suppress(ValueError):
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    return ""
