"""A community with 100,000 petitions: what the lists and a case's page read, and how long they take."""

from __future__ import annotations

import copy
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from services.petitions.cases import domain
from services.petitions.cases.handlers import PETITIONS, Station
from services.petitions.directory import PEOPLE, Somebody
from services.petitions.domain import Actor
from shared.calls import Call
from shared.events.locale import Locale
from shared.runtime.directory import LOCALES
from tests.bench.large import TODAY, Ground, keep
from tests.conftest import Database

COMMUNITY, COUNT = "crowded", 100_000
STAFF = Actor("worker", "worker", frozenset({"worker"}))
MIDNIGHT = TODAY + timedelta(hours=16)  # in Shanghai
BATCH = 250  # the server must answer its heartbeats in between


def populate(ground: Ground, count: int = COUNT) -> str:
    """Write them: one through the domain, the others like it, each with its own number, topic, state, days and filer.
    Returns one id from the middle."""
    call = Call(community=COMMUNITY, at=TODAY)
    locale = Locale(id=COMMUNITY)
    ground.store(LOCALES).create_all([(call, locale, [])])
    ground.store(PEOPLE).create_all([(call, Somebody(id="worker", roles=["worker"]), [])])
    facts = {
        "number": "FIRST",
        "kind": domain.APPEAL,
        "topic": "噪声",
        "text": "x" * 300,
        "channel": "counter",
        "found_by": [],
        "petitioners": [{"name": "赵测试"}],
    }
    store = ground.store(PETITIONS)
    made = domain.file("first", facts, STAFF, locale, TODAY)[0]
    store.create_all([(call, made.but(id="first", community=COMMUNITY), [])])
    collection: Any = store.backend._collection  # type: ignore[attr-defined]
    one = collection.find_one({"_id": "first", "community": COMMUNITY})
    dice = random.Random(11)
    for start in range(0, count, BATCH):
        collection.insert_many([_another(made, one, n, dice) for n in range(start, min(count, start + BATCH))], ordered=False)
    return f"petition-{count // 2}"


def _another(made: domain.Petition, one: dict[str, Any], n: int, dice: random.Random) -> dict[str, Any]:
    born = TODAY - timedelta(minutes=n * 5)
    is_open = n % 10 == 0
    # Deadlines end at midnight; a few of them have passed.
    due = MIDNIGHT + timedelta(days=dice.randrange(60) if n % 500 else -dice.randrange(30)) if is_open else None
    timed = made.but(received_at=born).timed(due, due)
    document = copy.copy(one) | {
        "_id": f"petition-{n}",
        "number": f"XF{n}",
        "born": born,
        "received_at": born,
        "due": due,
        "next_due": due,
        "agenda": timed.agenda,
        "topic": domain.TOPICS[n % len(domain.TOPICS)],
        "state": domain.REGISTERED if is_open else domain.CLOSED,
        "found_by": [f"filer:{n % 30_000}"],
        "trail_acts": [],
    }
    return document


class Asked:
    """The questions that are asked of them."""

    ALL = ("due_soon", "page_of_a_case", "newest", "one_topic", "one_number", "what_is_due")

    def __init__(self, ground: Ground, id: str) -> None:
        self._station, self._ground, self._id = Station(ground), ground, id  # type: ignore[arg-type]

    def _call(self, **query: Any) -> Call:
        roles = frozenset({"worker"})
        return Call(COMMUNITY, TODAY, actor="worker", sub="worker", roles=roles, query={"limit": 50, "after": ""} | query)

    def due_soon(self) -> int:
        """The 50 earliest deadlines."""
        return len(self._station.due_soon(self._call()).items)

    def whole_agenda(self) -> Iterator[datetime]:
        """When each case of it is due, all its pages."""
        after: str | None = ""
        while after is not None:
            page = self._station.due_soon(self._call(limit=200, after=after))
            yield from (petition.next_due for petition in page.items)
            after = page.next

    def page_of_a_case(self) -> int:
        """One petition whole."""
        return int(self._station.read(self._call(), self._id).id == self._id)

    def newest(self) -> int:
        """The first page of the list."""
        return len(self._station.page(self._call()).items)

    def one_topic(self) -> int:
        """A search by topic."""
        return len(self._searched({"topic": "停车"}))

    def one_number(self) -> int:
        """A search by number."""
        return len(self._searched({"number": "XF777"}))

    def what_is_due(self) -> int:
        """What the clock takes up in one sweep."""
        return len(self._ground.store(PETITIONS).due(COMMUNITY, TODAY + timedelta(days=3)))

    def _searched(self, body: dict[str, Any]) -> list[Any]:
        call = self._call()
        call.body = body | {"limit": 50, "after": ""}
        return self._station.search(call).items

    def examined(self) -> int:
        """How many documents all reads of petitions since the last time examined."""
        return sum(read for backend in self._ground.backends if backend.kind is PETITIONS for read, _ in backend.examined())

    def forget(self) -> None:
        """What was asked so far."""
        for backend in self._ground.backends:
            backend.asked.clear()

    def to_be_sorted(self) -> list[str]:
        """Lists, asked for since the last time, that no index gives in their order."""
        return [line for backend in self._ground.backends for line in backend.to_be_sorted()]


def measure(uri: str, name: str) -> list[tuple[str, ...]]:
    """A row for each question: how many documents it gave, and the median of nine times."""
    ground = Ground(uri, name)
    began = time.monotonic()
    asked = Asked(ground, populate(ground))
    print(f"{COUNT:,} petitions written in {time.monotonic() - began:.0f} s", flush=True)
    rows = []
    for question in Asked.ALL:
        answered, times = getattr(asked, question)(), []
        for _ in range(9):
            start = time.perf_counter()
            getattr(asked, question)()
            times.append((time.perf_counter() - start) * 1000)
        rows.append((question.replace("_", " "), str(answered), f"{statistics.median(times):.1f} ms"))
    return rows


def compare(console: Console, write: bool) -> None:
    """The table of it, on a database of its own; with `write` into docs/benchmarks.md too."""
    with tempfile.TemporaryDirectory(prefix="linli-petitions-") as folder:
        database = Database(Path(folder))
        try:
            rows = measure(database.uri, "petitions")
        finally:
            database.stop()
    title = f"A community of {COUNT:,} petitions, a tenth of them open"
    table = Table("", "given", "time", title=title, box=None)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if write:
        keep(
            "petitions",
            [
                f"{title} ({date.today().isoformat()}; medians of 9):",
                "",
                "| | given | time |",
                "|-|-:|-:|",
                *(f"| {' | '.join(row)} |" for row in rows),
            ],
        )
