"""Bytes of a file or of stdin as lines: plain, gzip or zstd told apart by their first bytes, in constant memory."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from streams.errors import CloutError, UsageError
from streams.sources.kinds import HEAD_BYTES, LONGEST_MAGIC_BYTES, by_magic

CHUNK_BYTES = 1 << 18
MAX_LINE_BYTES = 16 << 20  # no event is near that; a file without line ends must not fill the memory
_MARK = b"\xef\xbb\xbf"  # of UTF-8
_GZIP = b"\x1f\x8b"
_ZSTD = (
    b"\x28\xb5\x2f\xfd",
    *(bytes((byte,)) + b"\x2a\x4d\x18" for byte in range(0x50, 0x60)),
)  # frames of data, of notes


def open_bytes(path: str) -> BinaryIO:
    """The raw bytes of `path`, of stdin for `-`. UsageError if they cannot be read."""
    if path == "-":
        return sys.stdin.buffer
    if Path(path).is_dir():
        raise UsageError(f"{path} is a directory; name a file in it (plain, .gz or .zst), or - for stdin")
    try:
        return Path(path).open("rb")  # the Source closes it
    except FileNotFoundError:
        raise UsageError(
            f"{path} does not exist (looked from {Path.cwd()}); check the name, or use - for stdin"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read: {reason}; check the file and its permissions") from None


class Lines:
    """Iterator over the lines of a stream, without their ends and without blank ones.

    `number` is the line last handed out, from 1; `blank` and `too_long` count what was left out. Lines before `first` are
    passed over, and counted nowhere else than in `number`.
    Raises CloutError, naming the last good line, when compressed data end early or are damaged.
    """

    def __init__(self, raw: BinaryIO, name: str, first: int = 1, around: bytes | None = None) -> None:
        """`around`: what is no part of a line at its ends; None: all white space."""
        self.name, self._around = name, around
        self.first = first
        self.number = 0
        self.blank = 0
        self.too_long = 0
        self.first_too_long = 0
        self.too_long_head = b""  #: how the first of them begins
        head = b""
        while len(head) < LONGEST_MAGIC_BYTES and (more := raw.read(LONGEST_MAGIC_BYTES - len(head))):
            head += more
        if known := by_magic(head):
            raise UsageError(f"{name} {known}")
        rest = cast(BinaryIO, _Rejoined(head, raw))
        if head.startswith(_GZIP):
            self._chunks = self._gzip(rest)
        elif head.startswith(_ZSTD):
            self._chunks = self._zstd(rest)
        else:
            self._chunks = self._plain(rest)

    @property
    def read(self) -> int:
        """How many lines with something in them were handed out."""
        return max(0, self.number - self.first + 1) - self.blank

    def __iter__(self) -> Iterator[bytes]:
        for line in self._split():
            self.number += 1
            if self.number < self.first:
                self.blank = self.too_long = self.first_too_long = 0
                continue
            text = line.removeprefix(_MARK).strip(self._around)  # in the middle too: files put together by `cat`
            if text and not text.isspace():
                yield text
            else:
                self.blank += 1

    def _split(self) -> Iterator[bytes]:
        held: list[bytes] = []  # the pieces of a line that has not ended yet
        held_bytes = 0
        for chunk in self._chunks:
            first, *lines = chunk.split(b"\n")
            if held_bytes <= MAX_LINE_BYTES:
                held.append(first)
            held_bytes += len(first)
            if not lines:
                continue
            yield self._whole(held, held_bytes)
            tail = lines.pop()
            yield from lines
            held, held_bytes = [tail], len(tail)
        if held_bytes:
            yield self._whole(held, held_bytes)

    def _whole(self, pieces: list[bytes], size_bytes: int) -> bytes:
        if size_bytes <= MAX_LINE_BYTES:
            return b"".join(pieces)
        self.too_long += 1
        if not self.first_too_long:
            self.first_too_long, self.too_long_head = self.number + 1, b"".join(pieces)[:HEAD_BYTES]
        self.blank -= 1  # it is handed on as an empty line, and counted once
        return b""

    def _plain(self, raw: BinaryIO) -> Iterator[bytes]:
        # read1 hands over what has arrived: a pipe that trickles must not wait for a full chunk
        while chunk := raw.read(CHUNK_BYTES):
            yield chunk

    def _gzip(self, raw: BinaryIO) -> Iterator[bytes]:
        try:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                while chunk := unpacked.read1(CHUNK_BYTES):
                    yield chunk
        except EOFError:
            raise self._truncated("gzip") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._damaged("gzip", error) from None

    def _zstd(self, raw: BinaryIO) -> Iterator[bytes]:
        # zstandard's stream reader takes a cut file for a whole one, so each frame is followed to its end by hand
        unpack = zstandard.ZstdDecompressor().decompressobj
        frame = unpack()
        inside = False
        try:
            while data := raw.read(CHUNK_BYTES):
                while data:
                    inside = True
                    chunk = frame.decompress(data)
                    if chunk:
                        yield chunk
                    data = frame.unused_data if frame.eof else b""
                    if frame.eof:
                        frame, inside = unpack(), False
        except zstandard.ZstdError as error:
            raise self._damaged("zstd", error) from None
        if inside:
            raise self._truncated("zstd")

    def _truncated(self, kind: str) -> CloutError:
        return CloutError(
            f"{self.name}: the {kind} data end in the middle, after line {self.number}; the file is incomplete. "
            "What came before was read; fetch the file again for the rest"
        )

    def _damaged(self, kind: str, error: Exception) -> CloutError:
        return CloutError(
            f"{self.name}: damaged {kind} data after line {self.number} ({error}). "
            "What came before was read; fetch the file again for the rest"
        )


class _Rejoined(io.RawIOBase):
    """A stream with the bytes back in front that were read to recognise it; works for pipes, which cannot seek."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest
        self._read = getattr(rest, "read1", rest.read)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return cast(bytes, self._read(size))
        head, self._head = self._head, b""
        if 0 <= size < len(head):
            head, self._head = head[:size], head[size:]
        return head
