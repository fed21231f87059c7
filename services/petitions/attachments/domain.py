"""Files that belong to petitions: JPEG, PNG or PDF by what they are, encrypted; gone after a day that nobody bound them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events.base import Aggregate, Event
from shared.rules.errors import Invalid

ATTACHMENT_BYTES_MOST = 10 * 1024 * 1024
UNBOUND_FOR = timedelta(hours=24)
STARTS = {
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"%PDF-": ("application/pdf", "pdf"),
}


@dataclass(frozen=True, kw_only=True)
class Attachment(Aggregate):
    """One file. `owner` is the blind key of whoever brought it, "" for somebody anonymous; `data` is encrypted."""

    owner: str = ""
    type: str = ""
    size: int = 0
    data: bytes = b""
    due: datetime | None = None

    @property
    def filename(self) -> str:
        """A name that says nothing."""
        return f"{self.id[:8]}.{next(ending for kind, ending in STARTS.values() if kind == self.type)}"


Decided = tuple[Attachment, list[Event]]


def type_of(data: bytes) -> str:
    """What it is, by its first bytes. Raises Invalid("attachment_type")."""
    kind_of_start = next((kind for start, (kind, _) in STARTS.items() if data.startswith(start)), "")
    if not kind_of_start:
        raise Invalid("attachment_type", "a JPEG, PNG or PDF", "body")
    return kind_of_start


def keep(id: str, owner: str, data: bytes, locked: bytes, at: datetime) -> Decided:
    """Kept for a day, until something refers to it."""
    return Attachment(id=id, owner=owner, type=type_of(data), size=len(data), data=locked, due=at + UNBOUND_FOR), []


def bind(attachment: Attachment) -> Decided:
    """Something refers to it: it stays."""
    return attachment.but(due=None), []


def drop(attachment: Attachment) -> Decided:
    """Nobody did."""
    return attachment.but(due=None, data=b"", tombstone=True), []
