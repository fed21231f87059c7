"""The web server: what a worker raises is raised to whoever answers, with the place where it happened."""

from __future__ import annotations

import sys
import traceback
from types import SimpleNamespace
from typing import Any

import pytest

from shared.entrypoints.server import Server


class Workers:
    """A container that works at once."""

    def spawn_worker(self, entrypoint: Any, args: Any, kwargs: Any, context_data: Any, handle_result: Any) -> None:
        try:
            result, exc_info = entrypoint(*args), None
        except ValueError:
            result, exc_info = None, sys.exc_info()
        handle_result(SimpleNamespace(), result, exc_info)


def a_handler_that_fails(call: str) -> None:
    raise ValueError(call)


def test_what_a_worker_raises_says_where_it_happened() -> None:
    server = object.__new__(Server)
    server.container = Workers()
    assert server.work(str.upper, "a", {}) == "A"
    with pytest.raises(ValueError, match="b") as raised:
        server.work(a_handler_that_fails, "b", {})
    assert "a_handler_that_fails" in [frame.name for frame in traceback.extract_tb(raised.tb)]
