"""RFC 9457 problem+json: how every refusal looks on the wire. The only place that knows status numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from shared.rules import errors
from shared.rules.errors import Invalid, Refused

STATUS: dict[type[Refused], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.Missing: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.TooLarge: 413,
    errors.WrongType: 415,
    errors.Invalid: 422,
    errors.Limited: 429,
    errors.Unavailable: 503,
}
TITLES = {
    400: "Malformed request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid input",
    429: "Too many attempts",
    500: "Internal error",
    503: "Temporarily unavailable",
}
MEDIA_TYPE = "application/problem+json"
Reply = tuple[int, list[tuple[str, str]], bytes]


def status_of(error: Refused) -> int:
    """The HTTP status of a named error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(status: int, code: str, detail: str = "", headers: list[tuple[str, str]] | None = None, **more: Any) -> Reply:
    """A problem+json reply."""
    body = {"type": "about:blank", "title": TITLES[status], "status": status, "code": code}
    if detail:
        body["detail"] = detail
    return status, [("Content-Type", MEDIA_TYPE), *(headers or [])], orjson.dumps(body | more)


def refusal(error: Refused) -> Reply:
    """The reply for a named error, with the headers that its status asks for."""
    status = status_of(error)
    extra = dict(error.extra)
    headers: list[tuple[str, str]] = []
    if status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    if "retry_after" in extra:
        headers.append(("Retry-After", str(int(extra["retry_after"]))))
    if status == 413:
        headers.append(("Connection", "close"))
    if error.errors:
        extra["errors"] = error.errors + list(extra.get("errors", []))
    return problem(status, error.code, error.detail, headers, **extra)


def invalid(messages: Any, where: str = "") -> Invalid:
    """What marshmallow found, as one error with a list of fields."""
    errors = list(_flatten(messages, where))
    names = ", ".join(item["field"] for item in errors[:5])
    return Invalid("input_invalid", f"check: {names}", errors=errors)


def _flatten(messages: Any, path: str) -> Iterator[dict[str, str]]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            step = "" if key == "_schema" else str(key)[:60]
            yield from _flatten(inner, f"{path}.{step}" if path and step else path or step)
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            if isinstance(message, dict):
                yield from _flatten(message, path)
            else:
                yield {"field": path or "body", "code": "invalid", "detail": str(message)}
