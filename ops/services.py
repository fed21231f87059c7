"""The services of this installation: a folder with a record is one."""

from __future__ import annotations

import importlib
from pathlib import Path

from shared.runtime.record import Service

FOLDER = Path(__file__).resolve().parent.parent / "services"


def discover(folder: Path = FOLDER) -> tuple[Service, ...]:
    """Every record, in the order of ports."""
    names = [path.parent.name for path in folder.glob("*/record.py")]
    found = [importlib.import_module(f"services.{name}.record").RECORD for name in names]
    for name in names:
        if (folder / name / "events.py").exists():  # what it says, where that is not in the catalogue
            importlib.import_module(f"services.{name}.events")
    return tuple(sorted(found, key=lambda record: record.port))


RECORDS = {record.name: record for record in discover()}
SERVICES = tuple(RECORDS)
