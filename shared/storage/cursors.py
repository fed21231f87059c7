"""Cursors of lists: the time and id of the last item of a page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.rules.errors import Invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)  # what the database tells apart


def to_cursor(born: datetime, id: str) -> str:
    """Where a page ended, as opaque text."""
    return base64.urlsafe_b64encode(f"{born.isoformat()}|{id}".encode()).decode().rstrip("=")


def from_cursor(text: str) -> tuple[datetime, str]:
    """Where the page before ended. Raises Invalid("cursor_invalid")."""
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        born, _, id = plain.partition("|")
        at = datetime.fromisoformat(born)
        if at.tzinfo is None or not 1970 <= at.year < 9000:
            raise ValueError("no time that a list has")
        return at, id
    except (ValueError, binascii.Error) as error:
        raise Invalid("cursor_invalid", "not a cursor that this list gave", "after") from error


def beyond(asked: dict[str, Any], at: datetime, step: int) -> dict[str, Any]:
    """What is asked of a time, from a moment on, which is in it: several may have the same."""
    # Below the next millisecond, not `$lte`: SecantusDB leaves out equals where the index has fields behind this one.
    if step > 0:
        return asked | {"$gte": max(at, asked.get("$gte", at))}
    until = at + MILLISECOND
    return asked | {"$gte": asked.get("$gte", EPOCH), "$lt": min(until, asked.get("$lt", until))}


def each(store: Any, call: Any, where: dict[str, Any]) -> Iterator[Any]:
    """All that match in the call's community, page after page."""
    after: str | None = ""
    while after is not None:
        page = store.page(call, where, limit=200, after=after)
        yield from page.items
        after = page.next
