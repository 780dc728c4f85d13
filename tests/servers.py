"""Where the project is, and how a test is left out that a machine cannot run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent


def left_out(reason: str) -> NoReturn:
    """Skips the test and says why; with CI=true nothing may be left out, so there it fails."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"left out, but CI=true: {reason}", pytrace=False)
    pytest.skip(reason)
