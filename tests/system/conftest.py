"""One system for all scenarios of a test run; tests that break it on purpose heal it before they end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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
        found = [(*hit, _test_at(at)) for *hit, at in clear.search(running)]
        assert not found, found[:10]


_started: list[tuple[datetime, str]] = []


def pytest_runtest_logstart(nodeid: str) -> None:
    _started.append((datetime.now(UTC), nodeid))


def _test_at(moment: datetime | None) -> str:
    """The test that ran then, by the clock of this machine."""
    before = [nodeid for at, nodeid in _started if moment and at <= moment]
    return before[-1] if before else "unknown"


@pytest.fixture
def lijing(world: World) -> Community:
    return world.lijing


@pytest.fixture
def shengtaiyuan(world: World) -> Community:
    return world.shengtaiyuan
