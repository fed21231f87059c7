"""A database server of one's own, for the store suite and the compatibility suite."""

from __future__ import annotations

import gc
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from ops.stack import database_command
from tests.system.world import free_ports

gc.set_threshold(10_000, 50, 100)  # thousands of tests are collected, and stay: the collector took a fifth of that time

# Those that wait much stand beside those that compute much.
LONGEST = ("test_trail", "test_faults", "test_bad_input", "test_clocks_hold", "test_many_petitions", "test_sessions",
           "test_who_sees_what")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes come first: where files go side by side, none of them shall be begun last."""
    place = {name: n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


class Database:
    """A SecantusDB process that a test may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_ports(1)[0], folder
        self.uri = f"mongodb://127.0.0.1:{self.port}/test?retryWrites=false&directConnection=true"
        self.start()

    def start(self) -> None:
        with (self._folder / "log").open("ab") as out:
            self._process = subprocess.Popen(database_command(self.port, self._folder / "data"), stdout=out, stderr=out)
        end = time.monotonic() + 30
        with MongoClient[Any](self.uri, serverSelectionTimeoutMS=300) as client:
            while True:
                try:
                    client.admin.command("ping")
                    return
                except PyMongoError:
                    assert time.monotonic() < end, "the database did not start"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    running = Database(tmp_path_factory.mktemp("database"))
    yield running
    running.stop()
