"""Bookings without a broker or a database: its desks on stores in memory, for what a decision alone does not show."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from ops.settings import _private_key
from services.bookings.directory import PEOPLE, USES
from services.bookings.domain import OPEN, Person, Use
from services.bookings.rooms.domain import DAYS, Room
from services.bookings.rooms.handlers import ROOMS
from services.bookings.sessions import domain
from shared.calls import Call
from shared.events.locale import Locale
from shared.runtime.directory import LOCALES
from shared.runtime.testing import MemoryStore
from shared.security.identity import Signer
from shared.storage.kinds import Kind

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # noon in Shanghai, a Monday
START = AT + timedelta(days=2)
WEEK = {day: [["08:00", "22:00"]] for day in DAYS}


class KeptActs:
    """An audit that only keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str, list[str]]] = []

    def record(self, call: Call, act: str, subjects: Any = (), purpose: str = "", route: str = "") -> None:
        self.kept.append((call.actor, act, list(subjects)))


class Memory:
    """A platform in memory, for one community: "c"."""

    def __init__(self, **environ: str) -> None:
        self._stores: dict[type, MemoryStore] = {}
        self.settings = SimpleNamespace(environ=environ)
        self.audit = KeptActs()
        self.signer = Signer(_private_key(os.urandom(4).hex()))
        self.keep(LOCALES, Locale(id="c"))

    def store(self, kind: Kind) -> Any:
        return self._stores.setdefault(kind.type, MemoryStore(kind))

    def sweeper(self) -> None:
        return None

    def keep(self, kind: Kind, *aggregates: Any) -> None:
        """Have these, as they are."""
        self.store(kind).create_all([(self.call(), one.but(community="c"), []) for one in aggregates])

    def people(self, *ids: str, **facts: Any) -> None:
        self.keep(PEOPLE, *(Person(id=id, **facts) for id in ids))

    def room(self, id: str, **facts: Any) -> Room:
        asked: dict[str, Any] = {"name": id, "use": "class", "capacity": 30, "timezone": "Asia/Shanghai", "hours": WEEK}
        self.keep(ROOMS, made := Room(id=id, **(asked | facts)))
        return made

    def call(self, actor: str = "w", *roles: str, at: datetime = AT, query: Any = None, **body: Any) -> Call:
        """A worker's, unless said."""
        return Call(community="c", at=at, actor=actor, roles=frozenset(roles or ("worker",)), query=query or {}, body=body)

    def use(self, id: str) -> Use:
        return self.store(USES).find("c", id)

    def events(self, kind: Kind, name: str) -> list[Any]:
        """The events of this name that a store of this kind has said."""
        return [row for row in self.store(kind).events.rows if row["name"] == name]


def session(id: str = "s", capacity: int = 2, **facts: Any) -> Use:
    """A session in two days that people can take places in."""
    asked: dict[str, Any] = {"kind": "activity", "state": OPEN, "room_id": "r", "room_name": "厅", "timezone": "Asia/Shanghai"}
    asked |= {"start": START, "end": START + timedelta(hours=2), "capacity": capacity, "seats": capacity, "claims": [id]}
    return domain.findable(Use(id=id, community="c", **(asked | facts)))


def taken(use: Use, *people: str, at: datetime = AT) -> Use:
    """With places of these people, in order."""
    for name in people:
        use, _ = domain.take(use, Person(id=name), [name], "", at)
    return use
