"""A file that grows, read on and on, as `tail -F` does: also when it is replaced by a new one, or begun anew."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

from streams.errors import UsageError

LOOK_S = 0.2  #: between two looks at a file that has nothing new
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")


class Followed(io.RawIOBase):
    """Its bytes as they come; reading waits. A last line without an end is ended where the next file begins."""

    def __init__(self, path: str) -> None:
        """Raises UsageError if it cannot be read, or is packed."""
        self._path = Path(path)
        try:
            self._file = self._path.open("rb", buffering=0)
        except OSError as error:
            raise UsageError(f"{path} cannot be followed: {error.strerror or error}; check the file") from None
        if os.pread(self._file.fileno(), 4, 0).startswith(_PACKED):
            self._file.close()
            raise UsageError(f"{path} is packed: only plain files can be followed; leave out --follow")
        self.replaced = 0  #: how often another file has taken its place
        self._whole = True  # does what was read end with a line?

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while True:
            if data := self._file.read(size):
                self._whole = data.endswith(b"\n")
                return data
            if self._is_new():
                if not self._whole:
                    self._whole = True
                    return b"\n"
            else:
                time.sleep(LOOK_S)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _is_new(self) -> bool:
        """Is there another file of this name, or was this one begun anew? Then that is read from its start."""
        own = os.fstat(self._file.fileno())
        try:
            there = self._path.stat()
        except OSError:
            return False  # between two
        if (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino):
            if there.st_size >= self._file.tell():
                return False
            self._file.seek(0)
        else:
            if own.st_size > self._file.tell():
                return False  # something came to the old one at last
            try:
                file = self._path.open("rb", buffering=0)
            except OSError:
                return False
            self._file.close()
            self._file = file
        self.replaced += 1
        return True
