"""How a leak leads to the test that made it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.system.clear import written

AT = datetime(2026, 11, 28, 11, 56, 3, tzinfo=UTC)


@pytest.mark.parametrize("text", [
    '{"event": "request", "timestamp": "2026-11-28T11:56:03.12Z"}', repr({"born": AT}),
    repr({"born": AT.replace(microsecond=9)}),
])  # fmt: skip
def test_the_moment_beside_a_leak(text: str) -> None:
    found = written(text)
    assert found is not None
    assert found.replace(microsecond=0) == AT


def test_nothing_beside_it() -> None:
    assert written("a line without a time") is None
