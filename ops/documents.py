"""What the edge shows besides the services: the OpenAPI document, the page to read it, and the events' documents."""

from __future__ import annotations

import importlib
import json
import shutil
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

from ops.services import SERVICES
from shared.events import Event

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Linli · API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#api", deepLinking: true, docExpansion: "list" });</script>
</body>
</html>
"""
ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js")


def service_classes() -> list[type]:
    """The nameko class of every service."""
    warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
    found = []
    for name in SERVICES:
        module = importlib.import_module(f"services.{name}.service")
        found.append(next(c for c in vars(module).values() if isinstance(c, type) and getattr(c, "name", "") == name))
    return found


def openapi() -> dict[str, Any]:
    """The merged OpenAPI document."""
    from shared.entrypoints.openapi import document

    return document(service_classes())


def event_schema(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of one event's body."""
    import dataclasses

    hints = get_type_hints(event)
    properties = {f.name: _type(hints[f.name]) for f in dataclasses.fields(event)}
    required = [f.name for f in dataclasses.fields(event) if f.default is dataclasses.MISSING]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/api/events/{event.name}.json",
        "title": event.__name__,
        "description": " ".join((event.__doc__ or "").split()),
        "type": "object",
        "properties": properties,
        "required": required,
    }


def _type(hint: Any) -> dict[str, Any]:
    plain: dict[Any, dict[str, Any]] = {
        str: {"type": "string"},
        int: {"type": "integer"},
        bool: {"type": "boolean"},
        float: {"type": "number"},
        datetime: {"type": "string", "format": "date-time"},
    }
    if hint in plain:
        return plain[hint]
    arguments = get_args(hint)
    if type(None) in arguments:
        return {"anyOf": [_type(next(a for a in arguments if a is not type(None))), {"type": "null"}]}
    return {"type": "array", "items": _type(arguments[0])}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: who says what, on which exchange."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for name, event in sorted(Event.catalogue.items()):
        if event.restricted:
            continue  # no outsider hears it
        messages[name] = {
            "name": name,
            "contentType": "application/json",
            "summary": " ".join((event.__doc__ or "").split()),
            "payload": event_schema(event),
            "bindings": {"amqp": {"messageType": f"linli.{event.speaker}.{name}"}},
        }
        channel = channels.setdefault(
            event.speaker,
            {
                "address": f"{event.speaker}.events",
                "messages": {},
                "bindings": {
                    "amqp": {
                        "is": "routingKey",
                        "exchange": {"name": f"{event.speaker}.events", "type": "topic", "durable": True},
                    }
                },
            },
        )
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
        operations[f"say_{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{event.speaker}"},
            "messages": [{"$ref": f"#/channels/{event.speaker}/messages/{name}"}],
        }
    info = {"title": "Linli events", "version": "1.0.0"}
    return {
        "asyncapi": "3.0.0",
        "info": info,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def write_documents(folder: Path) -> None:
    """Write all of it below `folder`, which the edge serves as /api."""
    import swagger_ui

    (folder / "docs").mkdir(parents=True, exist_ok=True)
    (folder / "events").mkdir(parents=True, exist_ok=True)
    (folder / "openapi.json").write_text(json.dumps(openapi(), ensure_ascii=False))
    (folder / "asyncapi.json").write_text(json.dumps(asyncapi(), ensure_ascii=False))
    for name, event in Event.catalogue.items():
        (folder / "events" / f"{name}.json").write_text(json.dumps(event_schema(event)))
    assets = Path(swagger_ui.__file__).parent / "static"
    for asset in ASSETS:
        shutil.copy(assets / asset, folder / "docs" / asset)
    (folder / "docs" / "index.html").write_text(PAGE)


if __name__ == "__main__":
    import sys

    write_documents(Path(sys.argv[1]))
