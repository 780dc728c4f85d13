"""Where events come from: files of five formats, and a seeded generator shaped like real data. No Kafka, no clock."""

from __future__ import annotations

from streams.sources.record import Produced, produced
from streams.sources.shape import Shape
from streams.sources.source import FORMATS, MALFORMED, Source, open_source
from streams.sources.synthetic import Synthetic

__all__ = ["FORMATS", "MALFORMED", "Produced", "Shape", "Source", "Synthetic", "open_source", "produced"]
