"""The examples in the docstrings of the model say what is so."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["score", "windows"])
def test_examples(name: str) -> None:
    """Each has some, and all of them hold."""
    result = doctest.testmod(importlib.import_module(f"streams.model.{name}"))
    assert result.attempted > 2
    assert result.failed == 0
