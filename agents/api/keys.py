"""The tokens there are, and the policies around them: read in the background, followed as a worker does."""

from __future__ import annotations

import asyncio
import hmac
import logging

from agents.worker.policies import Following
from streams.errors import CloutError
from streams.model.tokens import Token, hash_of
from streams.policies.book import Book
from streams.settings import Settings

log = logging.getLogger("clout.api")

RETRY_S = 5.0
_LOOK_S = 0.01


class Keys:
    """Nothing is read before `start`; until it is read to its end `book` is None."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._following: Following | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = False
        self._of: Book | None = None
        self._by_hash: dict[str, Token] = {}

    @property
    def book(self) -> Book | None:
        """The policies as they were read last."""
        return self._following.book if self._following and self._ready else None

    def start(self) -> None:
        """Begin to read, if nobody has; returns at once."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="tokens")

    async def close(self) -> None:
        """Read no further."""
        if self._reading:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        if self._following:
            await self._following.close()

    def find(self, secret: str) -> Token | None:
        """Whose token it is, ended or not; None: nobody's."""
        book = self.book
        if book is not self._of:
            self._of, self._by_hash = book, {one.hash: one for one in (book.tokens if book else ())}
        # how long the look-up takes tells of a hash at most, never of a token; what is found is compared in constant time
        hashed = hash_of(secret)
        found = self._by_hash.get(hashed)
        return found if found and hmac.compare_digest(found.hash, hashed) else None

    async def reaches(self, offset: int, within_s: float) -> None:
        """Return once policies are read up to that offset, or after so many seconds."""
        try:
            async with asyncio.timeout(within_s):
                while (book := self.book) and book.offset < offset:  # noqa: ASYNC110 - it is a second at most, after a write
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            pass

    async def _read(self) -> None:
        while not self._ready:
            self._following = Following(self._settings)
            try:
                await self._following.open()
                self._ready = True
            except CloutError as error:
                log.warning("tokens are not read, and nobody is let in by one, until this is well: %s", error)
                await asyncio.sleep(RETRY_S)
