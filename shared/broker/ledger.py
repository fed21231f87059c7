"""Which events are published although they still stand in an outbox.

Taking an event out of its document costs as much as saving it. While commands come in, the relay notes a whole batch
of confirmed events here in one write, and takes them out of their documents in the next lull. An event in an outbox
is therefore unpublished unless the ledger names it: the sweeper asks before it publishes anything again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern
from uuid_utils import uuid7

from shared.rules.roles import INSTALLATION
from shared.telemetry import UNTIDIED

Row = tuple[str, str, str, str]  # collection, community, document, event
Remove = Callable[[str, list[tuple[str, str, str]]], None]

ROWS_A_TIDYING = 32  # rows taken out in one write: commands that come meanwhile wait for no more than that
ROWS_NOTED_MOST = 5_000  # rows noted by one replica: beyond that, tidying no longer gives way to commands
ORPHANED_AFTER_TIMES = 3  # times as long as a replica takes at the most: whoever noted it is dead


@dataclass
class Entry:
    """One batch of published events, still to be taken out of their documents."""

    id: str
    noted: datetime
    rows: list[Row]


class Ledger:
    """One a replica, over the collection that all replicas of a service share. `remove` takes rows out of documents;
    after `within` seconds that no longer gives way to commands."""

    def __init__(self, client: MongoClient[Any], database: str, remove: Remove, within: float = 30.0) -> None:
        self.within = timedelta(seconds=within)
        options: Any = client[database].with_options(write_concern=WriteConcern(w="majority", j=True))
        self._entries = options["published"]
        self._remove_rows = remove
        self._mine: deque[Entry] = deque()
        self.rows: Counter[str] = Counter()  # by document: what this replica has noted and not yet taken out
        self.waiting = 0  # how many these are

    def note(self, rows: list[Row]) -> None:
        """Remember, in one write, that these events are published."""
        entry = Entry(str(uuid7()), datetime.now(UTC), rows)
        self._entries.insert_one({"_id": entry.id, "community": INSTALLATION, "noted": entry.noted, "rows": rows})
        self._mine.append(entry)
        self.rows.update(document for _, _, document, _ in rows)
        self._now_waiting(len(rows))

    def urgent(self) -> bool:
        """Tidying must not give way any longer."""
        return bool(self._mine) and (self.waiting >= ROWS_NOTED_MOST or datetime.now(UTC) - self._mine[0].noted > self.within)

    def tidy_some(self) -> None:
        """Take some rows of the oldest entry out of their documents; an entry goes with its last row."""
        entry = self._mine[0]
        some = entry.rows[:ROWS_A_TIDYING]
        self.remove(some)
        del entry.rows[: len(some)]
        for _, _, document, _ in some:
            self.rows[document] -= 1
            if not self.rows[document]:
                del self.rows[document]
        if not entry.rows:
            self._entries.delete_one({"_id": entry.id, "community": INSTALLATION})
            self._mine.popleft()
        self._now_waiting(-len(some))

    def _now_waiting(self, more: int) -> None:
        self.waiting += more
        UNTIDIED.set(self.waiting)

    def remove(self, rows: Sequence[Row]) -> None:
        """Take rows out of their documents at once."""
        by_collection: dict[str, list[tuple[str, str, str]]] = {}
        for collection, community, document, event in rows:
            by_collection.setdefault(collection, []).append((community, document, event))
        for collection, its in by_collection.items():
            self._remove_rows(collection, its)

    # -- for the sweeper

    def published(self) -> set[str]:
        """The ids of all events that any replica has noted."""
        return {row[3] for entry in self._entries.find({"community": INSTALLATION}) for row in entry["rows"]}

    def tidy_after_the_dead(self) -> None:
        """Finish what replicas left behind that are no more. Its caller holds the lease."""
        before = datetime.now(UTC) - ORPHANED_AFTER_TIMES * self.within
        for entry in list(self._entries.find({"community": INSTALLATION, "noted": {"$lt": before}})):
            self.remove([tuple(row) for row in entry["rows"]])
            self._entries.delete_one({"_id": entry["_id"], "community": INSTALLATION})
