"""A hot document for tests of the store: a session with seats, and what is decided of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson

from shared.calls import Call
from shared.events.base import Aggregate
from shared.events.bookings import RoomOpened
from shared.storage.kinds import Kind
from shared.storage.mongo import MongoBackend, connect
from shared.storage.tenants import Tenants

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Session(Aggregate):
    """Like a session with seats: a hot document."""

    PERSONAL: ClassVar = ("note",)

    name: str = ""
    note: str = ""
    claims: list[str] = field(default_factory=list)
    seats: int = 60
    taken: list[str] = field(default_factory=list)
    due: datetime | None = None


KIND = Kind(
    Session,
    "sessions",
    unique=(("claims",),),
    indexes=(("name", "born"), ("due",)),
    search={"note": lambda s: {s.note} if s.note else set()},
)


def backend_of(uri: str, database: str) -> MongoBackend:
    client = connect(uri, 5)
    return MongoBackend(client, Tenants(client, database), database, KIND)


def call(community: str = "lijing", **more: Any) -> Call:
    made = Call(community=community, at=NOW, **more)
    made.render = lambda aggregate: orjson.dumps({"id": aggregate.id, "version": aggregate.version})
    return made


def opened(id: str, **facts: Any) -> tuple[Session, list[Any]]:
    return Session(**({"claims": [id]} | facts)), [RoomOpened(id, "hall", 1, NOW)]


def take(session: Session, who: str) -> tuple[Session, list[Any]]:
    events = [RoomOpened(session.id, who, len(session.taken) + 1, NOW)]
    return session.but(taken=[*session.taken, who]), events


def seat(session: Session, who: str) -> tuple[Session, list[Any]]:
    return session.but(taken=[*session.taken, who]), []
