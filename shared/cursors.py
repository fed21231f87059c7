"""Cursors of lists: the time and id of the last item of a page."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from shared.errors import Invalid


def to_cursor(born: datetime, id: str) -> str:
    """Where a page ended, as opaque text."""
    return base64.urlsafe_b64encode(f"{born.isoformat()}|{id}".encode()).decode().rstrip("=")


def from_cursor(text: str) -> tuple[datetime, str]:
    """Where the page before ended. Raises Invalid("cursor_invalid")."""
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        born, _, id = plain.partition("|")
        at = datetime.fromisoformat(born)
        if at.tzinfo is None:
            raise ValueError("no offset")
        return at, id
    except (ValueError, binascii.Error) as error:
        raise Invalid("cursor_invalid", "not a cursor that this list gave", "after") from error
