"""What clients can ask, once for both: of a `Clout` a call gives the answer, of an `AsyncClout` one to wait for."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, overload

from agents.client import reads, writes
from agents.client.ask import Ask

P = ParamSpec("P")
T = TypeVar("T")


class Sync(ABC):
    """Gives answers."""

    @abstractmethod
    def ask(self, ask: Ask[T]) -> T:
        """The answer. Raises ClientError."""


class Async(ABC):
    """Gives answers to wait for."""

    @abstractmethod
    async def ask(self, ask: Ask[T]) -> T:
        """The answer. Raises ClientError."""


class Call(Generic[P, T]):
    """A method of both clients, made of the function that builds its request."""

    def __init__(self, build: Callable[P, Ask[T]]) -> None:
        self._build, self.__doc__ = build, build.__doc__

    @overload
    def __get__(self, client: Sync, owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, client: Async, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    @overload
    def __get__(self, client: None, owner: type) -> Call[P, T]: ...

    def __get__(self, client: Sync | Async | None, owner: type) -> Any:
        if client is None:
            return self

        @functools.wraps(self._build)
        def call(*args: P.args, **kwargs: P.kwargs) -> T | Awaitable[T]:
            return client.ask(self._build(*args, **kwargs))

        return call


class Calls:
    """All of them."""

    user = Call(reads.user)
    users = Call(reads.users)
    history = Call(reads.history)
    explain = Call(reads.explain)
    influence = Call(reads.influence)
    topics = Call(reads.topics)
    moments = Call(reads.moments)
    alerts_of = Call(reads.alerts_of)
    compare = Call(reads.compare)
    page = Call(reads.page)
    boards = Call(reads.boards)
    distribution = Call(reads.distribution)
    alerts = Call(reads.alerts)
    rules = Call(reads.rules)
    trial = Call(reads.trial)
    search = Call(reads.search)
    status = Call(reads.status)

    control = Call(writes.control)
    link = Call(writes.link)
    unlink = Call(writes.unlink)
    facts = Call(writes.facts)
    hide_topic = Call(writes.hide_topic)
    put_rule = Call(writes.put_rule)
    remove_rule = Call(writes.remove_rule)
    put_silence = Call(writes.put_silence)
    remove_silence = Call(writes.remove_silence)
    acknowledge = Call(writes.acknowledge)
    begin_gap = Call(writes.begin_gap)
    end_gap = Call(writes.end_gap)
    put_channel = Call(writes.put_channel)
    remove_channel = Call(writes.remove_channel)
    put_token = Call(writes.put_token)
    remove_token = Call(writes.remove_token)
