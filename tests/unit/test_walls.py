"""Boundaries, as tests."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FREE = {"shared.events", "shared.rules"}
# The rooms of shared/, what comes in on top, what is pure at the ground: arrows run down this list only.
FLOORS = (("entrypoints",), ("runtime",), ("broker", "security"), ("storage",), ("events",), ("rules",))
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
BESIDE = {"calls", "faults", "settings", "telemetry"}  # used by all, and use the ground alone


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "shared" else {node.module}
    return found


@pytest.mark.parametrize("path", sorted(ROOT.glob("services/**/domain.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_domain_imports_no_framework(path: Path) -> None:
    service = path.relative_to(ROOT / "services").parts[0]
    for name in imported(path):
        top = name.split(".")[0]
        own = name.startswith(f"services.{service}.") and name.endswith(".domain")
        assert own or top in sys.stdlib_module_names or any(name == free or name.startswith(f"{free}.") for free in FREE), name


@pytest.mark.parametrize("path", sorted(ROOT.glob("services/**/*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_service_imports_another(path: Path) -> None:
    own = path.relative_to(ROOT / "services").parts[0]
    for name in imported(path):
        assert not name.startswith("services.") or name.split(".")[1] == own, name


def test_shared_is_its_rooms_and_what_stands_beside_them() -> None:
    found = {path.name.removesuffix(".py") for path in (ROOT / "shared").iterdir() if path.name[0] not in "_."}
    assert found == LEVEL.keys() | BESIDE


@pytest.mark.parametrize("path", sorted(ROOT.glob("shared/**/*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows_run_down(path: Path) -> None:
    room = path.relative_to(ROOT / "shared").parts[0].removesuffix(".py")
    for name in imported(path):
        other = name.split(".")[1] if name.startswith("shared.") else ""
        if other in LEVEL:
            lower = LEVEL[room] < LEVEL[other] or room == other if room in LEVEL else other == "rules"
            assert lower, f"{room} imports {name}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("shared/rules/*.py")), ids=lambda p: p.name)
def test_the_ground_is_free_of_any_framework(path: Path) -> None:
    pure = {"chinese_calendar", "dateutil"}  # days off, and recurrence rules: facts and arithmetic
    for name in imported(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names or top in pure or name.startswith("shared.rules"), name


@pytest.mark.parametrize("path", sorted(ROOT.glob("shared/**/*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_what_is_shared_knows_no_service(path: Path) -> None:
    assert not any(name.split(".")[0] in ("services", "ops", "tests") for name in imported(path))


def test_only_the_runner_patches() -> None:
    for path in [*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py"), *ROOT.glob("ops/**/*.py")]:
        assert "monkey_patch" not in path.read_text() or path.name == "runner.py", path


@pytest.mark.parametrize(
    "path", sorted(p for d in ("shared", "services", "ops", "tests") for p in ROOT.glob(f"{d}/**/*.py")), ids=str
)
def test_a_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 500


@pytest.mark.parametrize("path", sorted(ROOT.glob("services/*/service.py")), ids=lambda p: p.parent.name)
def test_no_aggregate_has_a_field_that_the_store_keeps_itself(path: Path) -> None:
    import gc
    import importlib

    from shared.security.privacy import PlainVault
    from shared.storage.store import Codec, Kind

    importlib.import_module(f"services.{path.parent.name}.service")
    kinds = [kept for kept in gc.get_objects() if type(kept) is Kind]  # isinstance would ask what a dead weak reference is
    assert kinds
    for kind in kinds:
        Codec(kind, PlainVault())


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_test_imports_another(path: Path) -> None:
    """What two need stands beside them, in a module that is no test: to change one test changes no other."""
    for name in imported(path):
        assert not (name.startswith("tests.") and name.rpartition(".")[2].startswith("test_")), name
