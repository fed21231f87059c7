"""One engine for all of it, with the stand-ins for images; and the project as somebody has it who has just cloned it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.engine import Engine, HostEngine
from tests.containers.project import Project, clone
from tests.containers.standins import StandIns

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".containers"  # images, wheels, a shell: what the first run makes


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A Docker engine that has every image that the compose file names."""
    folder = Path(tempfile.mkdtemp(prefix="linli-"))  # short: a socket's path has at most 107 bytes
    try:
        if os.environ.get("IMAGES") == "real":
            with HostEngine(folder, folder / "data") as running:
                yield running
            return
        with Engine(folder, KEPT / "data") as running:
            StandIns(running, KEPT).make()
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def project(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A clone, deployed as README says, and up."""
    made = clone(engine, tmp_path_factory.mktemp("project"))
    try:
        made.up()
        yield made
    finally:
        made.down()
