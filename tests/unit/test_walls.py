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


def is_pure(parts: tuple[str, ...]) -> bool:
    """Whether this module of a service is a domain.py, or stands in a folder that says so."""
    return parts[-1] == "domain" or "rules" in parts


def modules(folder: str) -> list[Path]:
    return sorted(path for path in ROOT.glob(f"{folder}/**/*.py") if path.name != "__init__.py")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parts_of(path: Path) -> tuple[str, ...]:
    return path.relative_to(ROOT).with_suffix("").parts


def name_of(path: Path) -> str:
    return ".".join(parts_of(path))


def calls(node: ast.AST) -> set[str]:
    """The names of functions and classes that are called or inherited from."""
    named = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    named += [base for cls in ast.walk(node) if isinstance(cls, ast.ClassDef) for base in cls.bases]
    return {name.id for name in named if isinstance(name, ast.Name)}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "shared" else {node.module}
    return found


@pytest.mark.parametrize("path", [path for path in modules("services") if is_pure(parts_of(path))], ids=relative)
def test_a_domain_and_all_rules_import_no_framework(path: Path) -> None:
    service = parts_of(path)[1]
    for name in imported(path):
        top = name.split(".")[0]
        own = name.startswith(f"services.{service}.") and is_pure(tuple(name.split(".")))
        assert own or top in sys.stdlib_module_names or any(name == free or name.startswith(f"{free}.") for free in FREE), name


@pytest.mark.parametrize("path", modules("services"), ids=relative)
def test_every_part_keeps_its_four_things_apart(path: Path) -> None:
    """Shapes stand in schemas.py, entrypoints in service.py; neither of both says where data lies."""
    words = calls(ast.parse(path.read_text()))
    assert "Schema" not in words or path.stem == "schemas", "a shape"
    assert not words & {"api", "on", "every"} or path.stem == "service", "an entrypoint"
    assert "Kind" not in words or path.stem not in ("schemas", "service"), "where an aggregate lies"


@pytest.mark.parametrize("path", [p for p in modules("services") if p.parent.parent.name == "services"], ids=relative)
def test_beside_the_parts_stands_what_they_share(path: Path) -> None:
    """A new thing goes into a part; what stands beside them is used by two parts at least, or joins them."""
    joins = {"record", "service", "lifecycle", "schemas"}
    users = {parts_of(other)[2] for other in modules(f"services/{path.parent.name}") if name_of(path) in imported(other)}
    assert path.stem in joins or len(users) >= 2, users


@pytest.mark.parametrize("path", sorted(ROOT.glob("services/**/*.py")), ids=relative)
def test_no_service_imports_another(path: Path) -> None:
    own = path.relative_to(ROOT / "services").parts[0]
    for name in imported(path):
        assert not name.startswith("services.") or name.split(".")[1] == own, name


def test_shared_is_its_rooms_and_what_stands_beside_them() -> None:
    found = {path.name.removesuffix(".py") for path in (ROOT / "shared").iterdir() if path.name[0] not in "_."}
    assert found == LEVEL.keys() | BESIDE


@pytest.mark.parametrize("path", sorted(ROOT.glob("shared/**/*.py")), ids=relative)
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


@pytest.mark.parametrize("path", sorted(ROOT.glob("shared/**/*.py")), ids=relative)
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
    from shared.storage.kinds import Codec, Kind

    importlib.import_module(f"services.{path.parent.name}.service")
    kinds = [kept for kept in gc.get_objects() if type(kept) is Kind]  # isinstance would ask what a dead weak reference is
    assert kinds
    for kind in kinds:
        Codec(kind, PlainVault())


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/*.py")), ids=relative)
def test_no_test_imports_another(path: Path) -> None:
    """What two need stands beside them, in a module that is no test: to change one test changes no other."""
    for name in imported(path):
        assert not (name.startswith("tests.") and name.rpartition(".")[2].startswith("test_")), name
