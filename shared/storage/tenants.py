"""The communities that have data in one database, and where in them something was written of late.

Timers, the sweeper and the trail's writer come again and again, for each community and each kind of aggregate in it, most of
which are quiet most of the time. So a process notes, before it writes and seldom, where it writes; who comes keeps in mind
where nothing waited, and does not ask there again until something was written. See docs/decisions/0013.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from shared.calls import Call
from shared.rules.errors import Refused
from shared.rules.roles import INSTALLATION
from shared.storage.cursors import EPOCH
from shared.telemetry import log, where

BELIEVED_SECONDS = 1.0  # for an answer
NOTED_SECONDS = 60.0  # for which a note stands for whatever is written there
MARGIN = timedelta(seconds=NOTED_SECONDS + 60)  # a write takes its time, and clocks differ
AHEAD = timedelta(minutes=1)  # that is asked for together with what is due now
AGAIN = timedelta(minutes=10)  # after which every place is looked at, whatever was noted

Written = dict[str, datetime]  # community: the latest note of a write there


class Tenants:
    """The communities of one database, noted before their first document is written."""

    def __init__(self, client: MongoClient[Any], database: str) -> None:
        options: Any = client[database].with_options(write_concern=WriteConcern(w="majority", j=True))
        self._collection = options["tenants"]
        self._noted: dict[tuple[str, str], tuple[float, float]] = {}  # by both clocks: one may have stood still
        # When they were asked for, and the answer.
        self._rows: tuple[float, list[dict[str, Any]]] = (-BELIEVED_SECONDS, [])

    def note(self, collection: str, communities: Iterable[str], new: bool = True) -> None:
        """Say that something is about to be written there; `new`: also where nothing was so far. Raises PyMongoError; then
        it must not be written."""
        now = time.monotonic(), time.time()
        for community in communities:
            noted = self._noted.get((collection, community))
            if noted is None or any(not 0 <= there - then < NOTED_SECONDS for there, then in zip(now, noted, strict=True)):
                where = {"_id": community, "community": INSTALLATION}
                note = {"$set": {f"written.{collection}": datetime.now(UTC)}}
                if self._collection.update_one(where, note, upsert=new).matched_count or new:
                    self._noted[(collection, community)] = now

    def written(self, collection: str) -> Written:
        """Every community, and what was noted of this collection; as it was a second ago, for every timer asks this."""
        at, rows = self._rows
        if time.monotonic() - at >= BELIEVED_SECONDS:
            rows = list(self._collection.find({"community": INSTALLATION}).sort("_id", 1))
            self._rows = (time.monotonic(), rows)
        return {row["_id"]: row.get("written", {}).get(collection, EPOCH) for row in rows}


class Watch:
    """What one who comes again and again need not look at. Each has one of their own: what they look for differs."""

    def __init__(self, margin: timedelta = MARGIN) -> None:
        self._margin = margin  # that what is looked for may have come after its note
        # When the last look began that found nothing, by the machine's clock; until when that holds, by the business'.
        self._quiet: dict[tuple[str, str], tuple[datetime, datetime | None]] = {}
        self._since: dict[tuple[str, str], float] = {}  # when it was, by the clock that nobody sets

    def places(self, collection: str, written: Written, now: datetime | None = None) -> Iterator[str]:
        """The communities where something may wait. `now` for what waits for a time."""
        for community, at in written.items():
            looked, until = self._quiet.get((collection, community), (None, None))
            since = time.monotonic() - self._since.get((collection, community), 0.0)
            stale = looked is None or at + self._margin > looked or since > AGAIN.total_seconds()
            if stale or (now is not None and (until is None or until <= now)):
                yield community

    def quiet(self, collection: str, community: str, looked: datetime, until: datetime | None = None) -> None:
        """Nothing waits there, as a look found that began at `looked`; nothing will by itself before `until`."""
        self._quiet[(collection, community)] = (looked, until)
        self._since[(collection, community)] = time.monotonic()

    def due(self, store: Any, now: datetime, limit: int = 500) -> Iterator[tuple[str, Any]]:
        """What time itself is to change by now: (community, aggregate), each community's, earliest first. What is due in a
        moment is asked for with it: where there is nothing of that either, it is quiet until then."""
        collection = store.kind.collection
        for community in self.places(collection, store.backend.written(), now):
            looked = datetime.now(UTC)
            waiting = store.due(community, now + AHEAD, limit)
            if not waiting:
                self.quiet(collection, community, looked, now + AHEAD)
            for one in waiting:
                if one.due <= now:
                    yield community, one

    def turn(self, store: Any, call: Call, act: Callable[[Call, Any], Any]) -> None:
        """Do `act` with all that time is to change by now, each in its community."""
        for community, one in self.due(store, call.at):
            guarded(act, call.plain(community), one)


def guarded(act: Callable[[Call, Any], Any], call: Call, one: Any) -> None:
    """Do it. One that cannot be changed now is tried again with the next look: the others must not wait for it."""
    try:
        act(call, one)
    except Exception as error:
        code = error.code if isinstance(error, Refused) else type(error).__name__
        log("timers").error("time_stands_still", id=one.id, error=code, where=where(error))
