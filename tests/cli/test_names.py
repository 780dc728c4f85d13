"""`clout score` says what users are called, as text."""

from __future__ import annotations

from tests.api.conftest import Scene, scene  # noqa: F401 - a fixture
from tests.api.filled import fill
from tests.api.test_names import call
from tests.cli.conftest import Clout


def test_a_score_has_a_name(scene: Scene, clout: Clout) -> None:  # noqa: F811
    """Behind the id, which stays first; the people around have theirs; nothing in one rules the terminal."""
    fill(scene)
    call(scene, {"x:ada": "Ada \x1b[31mred", "x:cy": "@cy.example"})
    own = {name: getattr(scene.settings, name) for name in ("redis", "redis_prefix", "partitions")}
    said = clout("score", "x:ada", **own).stdout
    assert said.startswith("x:ada  Ada ")
    assert "\x1b" not in said
    assert clout("score", "x:bo/b:y", **own).stdout.startswith("x:bo/b:y  44.")
    assert "x:cy (@cy.example) 50%" in clout("score", "x:ada", "--explain", **own).stdout
