"""The end of a worker: what is said, and that nothing runs after it."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber, ProducerFenced, UnknownProducerId

from streams.broker.allowed import denied
from streams.errors import CloutError, LostPlace

if TYPE_CHECKING:
    pass


LAST_WORD_S = 2.0


_LOST = (
    "the broker no longer has what this worker wrote before: a topic was deleted and made again under it, or replicas were lost; "
    "the next start says which topic and what to do"
)


_SAID: dict[type[KafkaError], str] = {
    ProducerFenced: "another worker has taken over its partitions, most likely because this one was silent for longer than "
    "CLOUT_SESSION_TIMEOUT_S, or because another one was started with the same CLOUT_NAME; what it had not committed is "
    "read again there",
    OutOfOrderSequenceNumber: _LOST,
    UnknownProducerId: _LOST,
}


def die(why: object) -> None:
    """End the worker at once: no handler may run after this. The next one starts from what was committed."""
    end = threading.Timer(LAST_WORD_S, os._exit, (1,))  # stderr may be a pipe that nobody reads
    end.daemon = True
    end.start()
    why = next((LostPlace(said) for kind, said in _SAID.items() if isinstance(why, kind)), why)
    if isinstance(why, BaseException):
        why = denied(why) or why
    expected = isinstance(why, CloutError)
    for note in getattr(why, "__notes__", ()) if expected else ():  # a traceback has them itself
        sys.stderr.write(note)
    sys.stderr.write(f"clout worker ends: {why if expected else repr(why)}\n")
    if isinstance(why, BaseException) and not expected:
        traceback.print_exception(why)
    sys.stderr.flush()
    os._exit(1)
