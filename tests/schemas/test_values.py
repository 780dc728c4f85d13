"""The schemas say what the product does: what it writes fits them, and an event fits just when a worker takes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import CloutError
from streams.events import KINDS, MAX_AHEAD_MS, MAX_ID_BYTES, NEWEST_MS, OLDEST_MS, Event, Reject, parse
from streams.formats import rejects, state
from streams.formats.header import Header
from streams.formats.rejects import DROPPED, MOST_BYTES, REPLAYED, Origin, RejectRecord
from streams.model.alerts import FallRule, judge
from streams.model.published import AlertRecord, ScoreRecord
from streams.model.versions import DEFAULT
from streams.offline import fold, scored
from streams.schemas import values
from streams.sources.record import Produced
from streams.topics import ALERTS, ALL, EVENTS, REJECTS, SCORES, STATE, TOPIC_OF, Topic
from tests.fold.test_record import NAMES, NOW_MS, filled
from tests.servers import left_out
from tests.strategies import T0, broken_events, ids, kinds, times

try:
    from jsonschema import Draft7Validator, Draft202012Validator
except ModuleNotFoundError:  # it comes with check-jsonschema, which has no wheel for every machine
    left_out("jsonschema is not installed")

LATEST_MS = T0 + MAX_AHEAD_MS
