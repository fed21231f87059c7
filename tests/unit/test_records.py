"""One record a service: what the code does is what the record says, and what deployments are made of."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from ops.documents import service_classes
from ops.edge import Contested, claims, patterns, templates
from ops.services import RECORDS, SERVICES
from ops.settings import ROOT
from shared.entrypoints.api import Api
from shared.entrypoints.inbox import On
from shared.events.residents import AccessRevoked

CLASSES = {service.name: service for service in service_classes()}  # type: ignore[attr-defined]


def _entrypoints(service: type, kind: type) -> list[Any]:
    methods = inspect.getmembers(service, inspect.isfunction)
    return [e for _, method in methods for e in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()) if isinstance(e, kind)]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_hears_whom_its_record_names(name: str) -> None:
    heard = {event.speaker for handler in _entrypoints(CLASSES[name], On) for event in handler.events}
    assert heard == set(RECORDS[name].hears)
    assert set(RECORDS[name].hears_restricted) <= {other for other in SERVICES if RECORDS[other].restricted}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_asks_whom_its_record_names_and_is_let_in_there(name: str) -> None:
    asked: set[str] = set()
    for path in (ROOT / "services" / name).glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ask":
                peer = node.args[1]
                if isinstance(peer, ast.Constant):
                    asked.add(str(peer.value))
                else:  # several, one after the other: named where they are listed
                    asked |= {other for other in SERVICES if f'"{other}"' in path.read_text()}
    assert asked == set(RECORDS[name].asks)
    for peer in asked:
        assert any(name in operation.internal for operation in _entrypoints(CLASSES[peer], Api)), (
            f"{peer} lets {name} ask nothing"
        )


def test_no_service_lets_in_who_does_not_ask() -> None:
    for name, service in CLASSES.items():
        for operation in _entrypoints(service, Api):
            for caller in operation.internal:
                assert name in RECORDS[caller].asks, f"{operation.path} lets {caller} in"


def test_every_service_hears_what_tokens_are_void() -> None:
    for name, service in CLASSES.items():
        handlers = [handler for handler in _entrypoints(service, On) if AccessRevoked in handler.events]
        assert [handler.once for handler in handlers] == ["id:revoked"], name
        assert AccessRevoked.speaker in RECORDS[name].hears_restricted


def test_each_has_ports_of_its_own() -> None:
    first = sorted(record.port for record in RECORDS.values())
    assert all(b - a >= 10 for a, b in pairwise(first))


def test_every_operation_is_found_where_it_is_and_no_hidden_one_anywhere() -> None:
    routes = patterns(claims(templates()))
    for service, its in templates().items():
        for template in its:
            example = template.replace("{community}", "lijing").replace("{", "").replace("}", "")
            assert next(owner for owner, pattern in routes if re.match(pattern, example)) == service, template
    for hidden in (
        "/internal/contacts",
        "/metrics",
        "/readyz",
        "/livez",
        "/api/v1/lijing/internal/contacts",
        "/api/v1/lijing/",
    ):
        assert not [owner for owner, pattern in routes if re.match(pattern, hidden)], hidden


def test_a_path_that_is_claimed_twice_is_refused() -> None:
    own = {"bookings": {"/api/v1/{community}/rooms"}, "petitions": {"/api/v1/{community}/rooms/{id}/petitions"}}
    with pytest.raises(Contested, match="claimed by bookings and petitions"):
        claims(own)


def test_compose_runs_what_the_records_say() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, record in RECORDS.items():
        part = compose[name]
        assert part["build"]["args"] == {"SERVICE": name}
        assert part.get("deploy", {}).get("replicas", 1) == record.replicas
        assert part["mem_limit"] == record.memory
        assert name in compose["edge"]["depends_on"]
        assert name in compose["edge"]["environment"]["LINLI_SERVICES"].split()
        assert record.seen_at in compose["edge"]["environment"]["LINLI_SEEN_AT"].split()


def test_the_image_has_what_each_service_needs_of_the_distribution() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    for name, record in RECORDS.items():
        for package in record.packages:
            assert re.search(rf'"\$SERVICE" = {name} \].*\n?.*{package}', recipe), package


def test_the_example_of_settings_names_ports_and_replicas_of_each() -> None:
    example = (ROOT / ".env.example").read_text()
    for name, record in RECORDS.items():
        assert f"LINLI_{name.upper()}_PORT={record.port}\n" in example
        assert f"LINLI_{name.upper()}_REPLICAS=1\n" in example


def test_nothing_that_is_shared_names_a_service() -> None:
    for path in (ROOT / "shared").glob("**/*.py"):
        if path.parts[-2] in ("events", *SERVICES):
            continue  # the catalogue is grouped by who says it
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in SERVICES, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_a_record_imports_the_shape_of_records_alone() -> None:
    for name in SERVICES:
        tree = ast.parse(Path(ROOT / "services" / name / "record.py").read_text())
        imports = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert imports == ["shared.runtime.record"]
