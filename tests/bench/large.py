"""A community of 200 rooms, 2,000 programmes, 50,000 residents, and a million uses and places: is it as fast as an empty one?

It is written past HTTP, document by document as the services would have; the questions are then asked of the services' own
desks, with what each read examined (from explain) and how long it took.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from services.bookings.directory import PEOPLE, USES
from services.bookings.domain import CONFIRMED, OPEN, RESERVATION, Person, Use, claims, next_reminder
from services.bookings.duty.domain import Queue, draw
from services.bookings.duty.handlers import QUEUES, Duty
from services.bookings.programmes.domain import Programme
from services.bookings.programmes.handlers import PROGRAMMES
from services.bookings.rooms.domain import DAYS, Room
from services.bookings.rooms.handlers import ROOMS, Reservations
from services.bookings.sessions import domain as sessions
from services.bookings.sessions.handlers import Sessions
from shared.calls import Call, derived_id
from shared.events.locale import Locale
from shared.runtime.directory import LOCALES
from shared.runtime.testing import Collector
from shared.security.identity import Signer
from shared.security.privacy import PlainVault
from shared.storage.kinds import Document, Kind
from shared.storage.mongo import MongoBackend
from shared.storage.store import Order, Store
from shared.storage.tenants import Tenants
from tests.conftest import Database

ZONE = "Asia/Shanghai"
HOURS = {day: [["08:00", "22:00"]] for day in DAYS}
TODAY = datetime(2026, 11, 23, tzinfo=UTC)  # 08:00 in Shanghai
SEATS = 9


@dataclass(frozen=True)
class Size:
    """How large a community is."""

    rooms: int = 200
    programmes: int = 2_000
    people: int = 50_000
    sessions: int = 90_000
    reservations: int = 100_000

    def times(self, scale: float) -> Size:
        """The same community, smaller."""
        return Size(**{name: max(1, int(value * scale)) for name, value in vars(self).items()})

    @property
    def uses_and_places(self) -> int:
        """A session counts once, and once for each of its places."""
        return self.reservations + self.sessions * (1 + SEATS)


class Watched(MongoBackend):
    """Notes what each read asked for, so that explain can say what it cost."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: list[Document] = []
        self.ordered: list[tuple[Document, list[str]]] = []

    def _find(self, where: Document) -> list[Document]:
        self.asked.append(where)
        return super()._find(where)

    def _listed(self, order: Order, where: Document, limit: int) -> list[Document]:
        self.asked.append(where)
        self.ordered.append((where, [field for field, _ in order]))
        return super()._listed(order, where, limit)

    def to_be_sorted(self) -> list[str]:
        """Lists, asked for since the last time, that no index gives in their order: MongoDB would read all that matches and
        sort it. (SecantusDB sorts always: see storage/windows.py. Its explain counts what matches, whatever the limit.)"""
        ordered, self.ordered = self.ordered, []
        indexes = [[field for field, _ in index["key"]] for index in self._collection.index_information().values()]
        unique = [{f for f, _ in i["key"]} for i in self._collection.index_information().values() if i.get("unique")]
        found = []
        for where, order in ordered:
            exact = {field for field, value in where.items() if not isinstance(value, dict)}
            ranged = set(where) - exact
            # Each value of a unique index is one document's at most: so few are sorted as are named.
            named = exact | {field for field in ranged if "$in" in where[field]}
            served = any(set(i[: len(exact)]) == exact and i[len(exact) :][: len(order)] == order for i in indexes)
            few = any(fields <= named for fields in unique if "_id" not in fields)
            if not (few or (served and ranged <= set(order))):
                found.append(f"{self._collection.name}: {sorted(where)} by {order}")
        return found

    def examined(self) -> list[tuple[int, int]]:
        """(documents examined, documents returned) of each read since the last time."""
        asked, self.asked = self.asked, []
        found = []
        for where in asked:
            # SecantusDB reads by _id at once, whatever else the filter names (1.5 ms among 4,000 documents and among 12,000),
            # but its explain then shows another index's plan.
            plan = {"_id": where["_id"]} if "_id" in where else where
            stats = self._collection.find(plan).explain()["executionStats"]
            found.append((int(stats["totalDocsExamined"]), int(stats["nReturned"])))
        return found


class Ground:
    """What the desks stand on: stores on a real database, without broker or entrypoints."""

    def __init__(self, uri: str, database: str) -> None:
        # More patient than a service's: a list of all there is keeps the server from its heartbeats for a while.
        self._client: MongoClient[Any] = MongoClient(uri, tz_aware=True, timeoutMS=120_000, connectTimeoutMS=120_000)
        self._tenants, self._database = Tenants(self._client, database), database
        self._stores: dict[type, Store[Any]] = {}
        self.backends: list[Watched] = []
        key = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"  # an example key of RFC 8037: it guards nothing here
        public = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        self.vault, self.service = PlainVault(), "bench"
        self.settings = SimpleNamespace(environ={})
        self.audit = None  # nothing that is asked here opens anybody's record
        self.signer = Signer({"kty": "OKP", "crv": "Ed25519", "d": key, "x": public, "kid": "bench"})

    def store(self, kind: Kind) -> Store[Any]:
        """The store of one kind."""
        if kind.type not in self._stores:
            backend = Watched(self._client, self._tenants, self._database, kind)
            backend.prepare()
            self.backends.append(backend)
            self._stores[kind.type] = Store(kind, backend, Collector(), PlainVault())
        return self._stores[kind.type]


def populate(ground: Ground, community: str, size: Size, seed: int = 7) -> None:
    """Write the community's documents."""
    dice = random.Random(seed)
    call = Call(community=community, at=TODAY)

    def write(kind, found):
        return _write(ground.store(kind), call, found)

    write(LOCALES, [Locale(id=community, timezone=ZONE)])
    rooms = [f"{community}-room-{n}" for n in range(size.rooms)]
    write(ROOMS, (Room(id=id, name=id, use="hall", capacity=60, timezone=ZONE, hours=HOURS) for id in rooms))
    write(PEOPLE, (Person(id=_person(community, n)) for n in range(size.people)))
    write(PROGRAMMES, (_programme(community, n) for n in range(size.programmes)))
    write(USES, _sessions(community, size, rooms, dice))
    write(USES, _reservations(community, size, rooms, dice))


def _write(store: Store[Any], call: Call, found: Any, batch: int = 500) -> None:
    waiting: list[Any] = []
    for aggregate in found:
        waiting.append((call, aggregate, []))
        if len(waiting) == batch:
            store.create_all(waiting)
            waiting = []
    store.create_all(waiting)


def _person(community: str, n: int) -> str:
    return derived_id(community, "person", str(n))


def _programme(community: str, n: int) -> Programme:
    first = TODAY.date().isoformat()
    return Programme(
        id=f"{community}-programme-{n}",
        kind="activity",
        title=f"活动 {n}",
        timezone=ZONE,
        rule="FREQ=WEEKLY;COUNT=26",
        first=first,
        begins="09:00",
        finishes="10:00",
        capacity=SEATS,
    )


def _slots(rooms: list[str], count: int) -> Iterator[tuple[str, datetime]]:
    """Every room's quarters of an hour from 08:00 to 22:00, a day after the other, room by room: each once. Half of the
    `count` that are wanted lie behind us."""
    day = TODAY - timedelta(days=count // (56 * len(rooms)) // 2)
    while True:
        for quarter in range(56):
            for room in rooms:
                yield room, day + timedelta(minutes=15 * quarter)
        day += timedelta(days=1)


def _sessions(community: str, size: Size, rooms: list[str], dice: random.Random) -> Iterator[Use]:
    slots = _slots(rooms[: max(1, len(rooms) // 2)], size.sessions)
    for n in range(size.sessions):
        room, start = next(slots)
        id = f"{community}-session-{n}"
        places = [
            {"n": m, "person": person, "tell": [person], "rank": 0, "at": start, "by": "", "state": "taken", "late": False}
            for m, person in enumerate((_person(community, dice.randrange(size.people)) for _ in range(SEATS)), start=1)
        ]
        programme = f"{community}-programme-{n % size.programmes}"
        people = sorted({p["person"] for p in places})
        yield Use(
            id=id,
            kind="activity",
            state=OPEN,
            room_id=room,
            room_name=room,
            timezone=ZONE,
            start=start,
            end=start + timedelta(minutes=15),
            programme_id=programme,
            title="活动",
            capacity=SEATS + 60,
            places=places,
            arrivals=SEATS,
            claims=claims(room, start, start + timedelta(minutes=15)),
            due=start - timedelta(hours=24),
            found_by=["kind:activity", f"room:{room}", f"programme:{programme}", *(f"person:{p}" for p in people)],
        )


def _reservations(community: str, size: Size, rooms: list[str], dice: random.Random) -> Iterator[Use]:
    slots = _slots(rooms[max(1, len(rooms) // 2) :] or rooms, size.reservations)
    for n in range(size.reservations):
        room, start = next(slots)
        person = _person(community, dice.randrange(size.people))
        yield Use(
            id=f"{community}-reservation-{n}",
            kind=RESERVATION,
            state=CONFIRMED,
            room_id=room,
            room_name=room,
            timezone=ZONE,
            start=start,
            end=start + timedelta(minutes=15),
            resident_id=person,
            claims=claims(room, start, start + timedelta(minutes=15)),
            due=next_reminder(start, TODAY),
            found_by=[f"kind:{RESERVATION}", f"room:{room}", f"person:{person}"],
        )


def queue_of(ground: Ground, community: str, tickets: int) -> None:
    """A day's counter queue."""
    day = TODAY.date().isoformat()
    queue = Queue(id=derived_id("queue", community, day), day=day)
    for _ in range(tickets):
        queue, _ = draw(queue, "walk_in", "", [], None, "", TODAY)
    _write(ground.store(QUEUES), Call(community=community, at=TODAY), [queue])


class Questions:
    """What people ask all day, each as the service answers it."""

    def __init__(self, ground: Any, community: str) -> None:
        self.ground, self.community = ground, community
        self._rooms, self._sessions, self._duty = Reservations(ground), Sessions(ground), Duty(ground)
        self._taken = 0

    def _call(self, actor: str = "", **query: Any) -> Call:
        roles = frozenset({"resident"})
        asked = Call(community=self.community, at=TODAY, actor=actor or _person(self.community, 1), roles=roles, query=query)
        asked.render = lambda shown: orjson.dumps({"id": shown["id"]})
        return asked

    def availability(self) -> int:
        """A day's availability of one room: so many slots."""
        room = self.ground.store(ROOMS).find(self.community, f"{self.community}-room-0")
        return len(self._rooms.availability(self._call(date=date(2026, 11, 23).isoformat()), room)["slots"])

    def bookings(self) -> int:
        """One resident's bookings from now on."""
        return len(self._sessions.mine(self._call(limit=50, after="")).items)

    def place(self) -> int:
        """Taking a place in a session that lies ahead."""
        self._taken += 1
        uses = self.ground.store(USES)
        ahead = {"found_by": "kind:activity", "start": {"$gte": TODAY, "$lt": TODAY + timedelta(days=1)}}
        if self._taken == 1:
            self._session = uses.all(self.community, ahead, limit=1)[0].id
        call = self._call(f"{self.community}-newcomer-{self._taken}")
        return int(self._sessions.take(call, self._session)["state"] in (sessions.TAKEN, sessions.WAITING))

    def queue(self) -> int:
        """A day's counter queue."""
        return len(self._duty.queue(self._call())["tickets"])

    ALL = ("availability", "bookings", "place", "queue")

    def time(self, name: str, rounds: int = 40) -> float:
        """The median milliseconds of one question."""
        took = []
        for _ in range(rounds):
            started = time.perf_counter()
            getattr(self, name)()
            took.append((time.perf_counter() - started) * 1000)
        return statistics.median(took)

    def examined(self, name: str) -> list[tuple[int, int]]:
        """(examined, returned) of every read of one question."""
        getattr(self, name)()
        for backend in self.ground.backends:
            backend.asked.clear()
        getattr(self, name)()
        return [pair for backend in self.ground.backends for pair in backend.examined()]


def compare(console: Console, scale: float, keep: bool) -> None:
    """Each question in a large community and in an empty one, side by side on one database, in turn."""
    size = Size().times(scale)
    with tempfile.TemporaryDirectory(prefix="linli-large-") as folder:
        database = Database(Path(folder))
        try:
            ground = Ground(database.uri, "large")
            both = {"large": Questions(ground, "large"), "empty": Questions(ground, "empty")}
            # Its one busy day is as full as any day of the large one: answers of equal size.
            small = Size(rooms=2, programmes=1, people=10, sessions=56, reservations=56)
            for name, questions in both.items():
                populate(ground, name, size if name == "large" else small)
                queue_of(ground, name, 300)
                for question in Questions.ALL:
                    questions.time(question, 5)
            rows = [_compared(both, question) for question in Questions.ALL]
        finally:
            database.stop()
    title = f"{size.rooms} rooms, {size.programmes} programmes, {size.people} residents, {size.uses_and_places} uses and places"
    table = Table("", "large", "empty", "ratio", "examined / returned", title=title, box=None)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if keep:
        _keep(title, rows)


def _compared(both: dict[str, Questions], question: str) -> tuple[str, ...]:
    rounds = [{name: questions.time(question, 10) for name, questions in both.items()} for _ in range(8)]
    large, empty = (statistics.median(r[name] for r in rounds) for name in ("large", "empty"))
    reads = both["large"].examined(question)
    examined, returned = (sum(pair[n] for pair in reads) for n in (0, 1))
    return question, f"{large:.2f} ms", f"{empty:.2f} ms", f"{large / empty:.2f} ×", f"{examined} / {returned}"


def _keep(title: str, rows: list[tuple[str, ...]]) -> None:
    keep(
        "large",
        [
            f"A community of {title}, and an empty one beside it on the same database "
            f"({date.today().isoformat()}; medians of 80):",
            "",
            "| | large | empty | ratio | examined / returned |",
            "|-|-:|-:|-:|-:|",
            *(f"| {' | '.join(row)} |" for row in rows),
        ],
    )


def keep(name: str, lines: list[str]) -> None:
    """Into docs/benchmarks.md, behind a mark of its own."""
    file = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
    text, block = file.read_text(), "\n".join([f"<!-- {name} -->", "", *lines, "", f"<!-- /{name} -->"])
    head, found, rest = text.partition(f"<!-- {name} -->")
    tail = rest.partition(f"<!-- /{name} -->")[2] if found else ""
    file.write_text(f"{head}{block}{tail}" if found else text.replace("<!-- results -->", f"{block}\n\n<!-- results -->"))
