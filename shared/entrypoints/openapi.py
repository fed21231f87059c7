"""The OpenAPI 3.1 document, from the same schemas that guard the doors."""

from __future__ import annotations

import inspect
import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from shared.entrypoints.api import Api
from shared.entrypoints.fields import Moment, Nothing
from shared.entrypoints.problems import MEDIA_TYPE, TITLES

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; what programs may act on"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code"],
                "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def operations(service: type) -> list[tuple[str, Api]]:
    """The HTTP operations of a service class, with the names of their methods."""
    listed = []
    for name, method in inspect.getmembers(service, inspect.isfunction):
        listed += [(name, e) for e in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()) if isinstance(e, Api)]
    return sorted(listed, key=lambda pair: (pair[1].template, pair[1].method))


def document(services: list[type], version: str = "1.0.0") -> dict[str, Any]:
    """One document for all services, as the edge shows them. Internal operations are left out."""
    plugin = MarshmallowPlugin(schema_name_resolver=_named)
    about = {"description": "Neighbourhood services: residents, rooms, messages. Errors are RFC 9457 problem+json."}
    spec = APISpec("Linli", version, "3.1.0", plugins=[plugin], info=about)
    plugin.map_to_openapi_type(Moment, "string", "date-time")
    spec.components.schema("Problem", PROBLEM)
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    spec.components.security_scheme("bearer", scheme)
    for service in services:
        for name, operation in operations(service):
            if not operation.internal:
                spec.path(path=operation.template, operations={operation.method.lower(): _operation(service, name, operation)})
    return spec.to_dict()


def _named(schema: Any) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    owner = cls.__module__.split(".")[1] if cls.__module__.startswith("services.") else "shared"
    return f"{owner.capitalize()}{cls.__name__}"


def _operation(service: type, name: str, operation: Api) -> dict[str, Any]:
    tag = service.__name__
    described: dict[str, Any] = {
        "operationId": f"{tag.lower()}_{name}",
        "summary": name.replace("_", " ").capitalize(),
        "tags": [tag],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
        "security": [{"bearer": []}] if (operation.allow or operation.signed_in) and not operation.guests else [],
    }
    if operation.allow:
        described["x-roles"] = sorted(operation.allow)
    if operation.takes_bytes:
        described["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": {}}}}
    if operation.takes:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.takes}}}
    return described


def _parameters(operation: Api) -> list[Any]:
    path = [
        {"in": "path", "name": part, "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 80}}
        for part in re.findall(r"{(\w+)}", operation.template)
    ]
    query = [{"in": "query", "schema": operation.query}] if operation.query else []
    header: list[Any] = []
    if operation.idempotent:
        schema = {"type": "string", "minLength": 8, "maxLength": 255, "pattern": "^[!-~]+$"}
        header.append({"in": "header", "name": "Idempotency-Key", "required": False, "schema": schema})
    if operation.method in ("PATCH", "PUT", "DELETE"):
        header.append(
            {"in": "header", "name": "If-Match", "required": False, "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'}}
        )
    return [*path, *query, *header]


def _responses(operation: Api) -> dict[str, Any]:
    codes = [422, 503, 500, 405]
    codes += [401, 403] if operation.allow or operation.signed_in or operation.counted else []
    codes += [403] if operation.browser else []
    codes += [429] if operation.counted else []
    asked = operation.query._declared_fields if operation.query else {}
    codes += [404] if "{" in operation.template or "community" in asked or operation.signed_in else []
    codes += [400, 413] if operation.method not in ("GET", "DELETE") else [400]
    codes += [415] if operation.takes else []
    codes += [409, 412] if operation.method != "GET" else []
    refusals = {
        str(code): {
            "description": TITLES[code],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for code in sorted(set(codes))
    }
    return {**_success(operation), **refusals}


def _success(operation: Api) -> dict[str, Any]:
    if operation.gives in (None, Nothing):
        return {"204": {"description": "Done"}}
    if isinstance(operation.gives, str):
        content = {operation.gives.partition(";")[0]: {"schema": {"type": "string"}}}
        return {str(operation.status): {"description": "As asked", "content": content}}
    schema: Any = operation.gives
    if operation.lists:
        schema = {
            "type": "object",
            "required": ["items", "next"],
            "properties": {"items": {"type": "array", "items": schema}, "next": {"type": ["string", "null"]}},
        }
    return {str(operation.status): {"description": "As asked", "content": {"application/json": {"schema": schema}}}}
