"""A file that a command writes: whole, or not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from streams.errors import UsageError


@contextmanager
def whole(file: str) -> Iterator[IO[bytes]]:
    """A file that appears under its name when the block ended well, and not at all otherwise; or stdout."""
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path, part = Path(file), Path(f"{file}.part")
    if path.exists():
        raise UsageError(f"{file} exists: name another file, or delete it first")
    try:
        raw = part.open("wb")
    except OSError as error:
        raise UsageError(f"{part} cannot be written: {error.strerror}") from None
    try:
        with raw:
            yield raw
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
