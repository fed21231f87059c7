"""One system for all scenarios of a test run; tests that break it on purpose heal it before they end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import clear
from tests.system.world import Community, World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("system")
    with World(folder) as running:
        running.tap()
        yield running
        # Whatever was tested: nothing personal stands in clear anywhere, in the system's data, its messages or its output.
        running.settle(120)
        found = clear.search(running)
        assert not found, found[:10]


@pytest.fixture
def lijing(world: World) -> Community:
    return world.lijing


@pytest.fixture
def shengtaiyuan(world: World) -> Community:
    return world.shengtaiyuan
