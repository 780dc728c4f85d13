"""Secrets by their names: from the environment, or from files. They are read when they are needed, and never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from streams.errors import CloutError
from streams.logins import Secret
from streams.model.channels import SECRET

VARIABLE = "CLOUT_SECRET_"
_MOST_BYTES = 8_192


class Missing(CloutError):
    """There is no such secret."""


class Secrets:
    """`secret:ops-url` is the variable CLOUT_SECRET_OPS_URL, or the file `ops-url` in a folder."""

    def __init__(self, folder: str = "", environ: Mapping[str, str] | None = None) -> None:
        self._folder, self._environ = folder, os.environ if environ is None else environ

    def get(self, reference: str) -> Secret:
        """What a reference stands for. Raises Missing."""
        name = reference.removeprefix(SECRET)
        variable = VARIABLE + name.upper().replace("-", "_").replace(".", "_")
        if text := self._environ.get(variable):
            return Secret(text.strip())
        if self._folder:
            try:
                with (Path(self._folder) / name).open("rb") as file:
                    text = file.read(_MOST_BYTES).decode().strip()
            except (OSError, ValueError):
                text = ""
            if text:
                return Secret(text)
        where = (
            f"there is no file {name} in {self._folder}" if self._folder else "CLOUT_SECRETS names no folder of files"
        )
        raise Missing(f"the secret {name} is not there: {variable} is not set, and {where}")

    def url(self, url: str) -> str:
        """A URL, or the one that a reference stands for. Raises Missing."""
        return self.get(url) if url.startswith(SECRET) else url
