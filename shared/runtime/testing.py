"""What tests stand on: a store in memory, held to the same suite as the real one, and a relay that only collects."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from shared.security.privacy import PlainVault
from shared.storage.kinds import Document, Kind
from shared.storage.store import Inserted, Order, Store, Taken
from shared.storage.tenants import Written


class MemoryBackend:
    """A collection in memory: the same guarantees for one process, none for two."""

    def __init__(self, kind: Kind) -> None:
        sealed = (("unique",),) if kind.sealed_unique else ()
        self._unique = (*kind.unique, *sealed)
        self._documents: dict[tuple[str, str], Document] = {}
        self._lock = threading.RLock()

    def insert(self, documents: Sequence[Document]) -> list[Inserted | BaseException]:
        """Insert each one whose id and unique values are free."""
        with self._lock:
            return [self._insert(document) for document in documents]

    def _insert(self, document: Document) -> Inserted:
        key = (document["community"], document["_id"])
        if key in self._documents:
            return Inserted("_id")
        if index := self._refusing_index(document):
            return Inserted(index)
        self._documents[key] = copy.deepcopy(document)
        return Inserted()

    def _refusing_index(self, document: Document) -> str:
        for fields in self._unique:
            for other in self._documents.values():
                same = other["community"] == document["community"] and other["_id"] != document["_id"]
                if same and all(not _values(other, f).isdisjoint(_values(document, f)) for f in fields):
                    return "_".join(fields)
        return ""

    def update(self, id: str, community: str, version: int, changes: Document, events: list[Document]) -> bool:
        """The guarded write."""
        with self._lock:
            document = self._documents.get((community, id))
            if document is None or document["version"] != version:
                return False
            if index := self._refusing_index(document | changes):
                raise Taken(index)
            document.update(copy.deepcopy(changes))
            document.setdefault("outbox", []).extend(copy.deepcopy(events))
            return True

    def read(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        """The documents of these (community, id) pairs."""
        with self._lock:
            return [copy.deepcopy(self._documents.get(key)) for key in keys]

    def query(self, where: Document, order: Order, limit: int, near: datetime | None = None) -> list[Document]:
        """Matching documents. `where` must name the community."""
        if "community" not in where:
            raise ValueError("a query without its community")
        with self._lock:
            found = [copy.deepcopy(d) for d in self._documents.values() if _matches(d, where)]
        for name, step in reversed(order):
            found.sort(key=partial(_field, name), reverse=step < 0)
        return found[:limit]

    def remove_events(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Take confirmed events out."""
        with self._lock:
            for community, id, event in rows:
                document = self._documents[(community, id)]
                document["outbox"] = [row for row in document["outbox"] if row["id"] != event]

    def forget(self, community: str, at: datetime) -> None:
        """Delete what was due before."""
        with self._lock:
            due = [key for key, d in self._documents.items() if key[0] == community and d.get("due") and d["due"] < at]
            for key in due:
                del self._documents[key]

    def written(self) -> Written:
        """Every community that has a document; noted just now, for nothing is noted here."""
        return {community: datetime.now(UTC) for community in sorted({community for community, _ in self._documents})}


class Collector:
    """A relay that keeps what it is offered; `connected` while a test says that events go out."""

    connected = False

    def __init__(self) -> None:
        self.rows: list[Document] = []

    def offer(self, collection: str, community: str, id: str, rows: list[Document]) -> None:
        """Take committed events."""
        self.rows += rows


class MemoryStore(Store[Any]):
    """A store in memory for unit tests."""

    def __init__(self, kind: Kind, outbox_cap: int = 200) -> None:
        self.events = Collector()
        super().__init__(kind, MemoryBackend(kind), self.events, PlainVault(), outbox_cap)


def _field(name: str, document: Document) -> Any:
    return document.get(name)


def _values(document: Document, field: str) -> set[Any]:
    value: Any = document
    for step in field.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return set(value) if isinstance(value, list) else {value}


def _matches(document: Document, where: Document) -> bool:
    for name, wanted in where.items():
        if name == "$or":
            if not any(_matches(document, part) for part in wanted):
                return False
        elif not _holds(_values(document, name), wanted):
            return False
    return True


def _holds(values: set[Any], wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return wanted in values
    tests = {
        "$in": lambda v: any(x in v for x in values),
        "$ne": lambda v: v not in values,
        "$lt": lambda v: any(x is not None and x < v for x in values),
        "$lte": lambda v: any(x is not None and x <= v for x in values),
        "$gt": lambda v: any(x is not None and x > v for x in values),
        "$gte": lambda v: any(x is not None and x >= v for x in values),
    }
    return all(tests[operator](value) for operator, value in wanted.items())
