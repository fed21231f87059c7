"""Named errors with stable codes. Free of any framework: only problems.py knows status numbers."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A command that is not carried out, with a stable `code` that callers may act on.

    `detail` is a sentence for a person and never holds personal data. `field` names the input at
    fault (dotted path). `extra` is merged into the reply, for instance alternatives.
    """

    def __init__(self, code: str, detail: str = "", field: str = "", **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = [{"field": field, "code": code, "detail": detail}] if field else []
        self.extra = extra


class Malformed(Refused):
    """The request is not what the protocol says: broken JSON, a bad header."""


class Invalid(Refused):
    """Well-formed, but against a rule for the input."""


class Unauthenticated(Refused):
    """Nobody, or nobody any more: no token, a bad one, wrong credentials."""


class Forbidden(Refused):
    """Known, but not allowed."""


class Missing(Refused):
    """Not there, or not for this caller's eyes."""


class Conflict(Refused):
    """Against the present state: taken, over, busy."""


class Stale(Refused):
    """The caller's If-Match names a version that is no longer current."""


class TooLarge(Refused):
    """The body is larger than the service reads."""


class WrongType(Refused):
    """The body is of a content type that is not spoken here."""


class Limited(Refused):
    """Too many attempts; `extra["retry_after"]` says how many seconds to wait."""


class Unavailable(Refused):
    """A part is down or overloaded. Nothing is lost; repeat with the same Idempotency-Key."""


class Permanent(Exception):
    """An event handler's way to say: this message can never succeed, park it at once."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
