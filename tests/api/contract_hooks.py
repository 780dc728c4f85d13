"""What Schemathesis leaves aside; `schemathesis.toml` names this module."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def map_query(_: schemathesis.HookContext, query: Any) -> Any:
    """Without `fields`: schemas tell the whole of an answer, of which it leaves a part (tests/api/test_fields.py)."""
    return {name: value for name, value in query.items() if name != "fields"} if query else query
