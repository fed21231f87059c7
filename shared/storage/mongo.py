"""The store's backend over MongoDB's wire protocol, and what its unknown outcomes come to."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, get_type_hints

from pymongo import ASCENDING, IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.rules.errors import Unavailable
from shared.storage.cursors import EPOCH
from shared.storage.indexes import Wanted, build
from shared.storage.kinds import Document, Kind
from shared.storage.store import Inserted, Order, Taken
from shared.storage.tenants import Tenants, Written
from shared.storage.time_window_paging import ByIndex, Paging, for_server
from shared.telemetry import DATABASE_UP

DUPLICATE = 11000
DOCUMENTS_A_WRITE = 50  # documents changed at once: SecantusDB compares each of their parts with each that is named
# After these nobody knows whether the write happened.
UNKNOWN = (AutoReconnect, NetworkTimeout, ExecutionTimeout, WTimeoutError, ConnectionFailure)
T = TypeVar("T")


def connect(uri: str, timeout: float) -> MongoClient[Any]:
    """A client whose every operation ends within `timeout` seconds."""
    milliseconds = int(timeout * 1000)
    return MongoClient(
        uri,
        tz_aware=True,
        connect=False,
        timeoutMS=milliseconds,
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=2000,
        maxPoolSize=50,
        appname="linli",
    )


def database_name(uri: str) -> str:
    """The database that a URI names."""
    return uri.partition("://")[2].partition("/")[2].partition("?")[0]


class MongoBackend:
    """One collection. Writes are `w: majority, j: true`; reads that settle an outcome are at majority."""

    def __init__(self, client: MongoClient[Any], tenants: Tenants, database: str, kind: Kind, patience: float = 4.0) -> None:
        self.kind, self._tenants, self._patience = kind, tenants, patience
        options: Any = client[database].with_options(write_concern=WriteConcern(w="majority", j=True))
        self._collection: Collection[Document] = options[kind.collection]
        self._settled = self._collection.with_options(read_concern=ReadConcern("majority"))
        self._paging: Paging = ByIndex()

    def prepare(self) -> None:
        """Create the indexes, and learn how this server wants to be asked."""
        self._paging = for_server(self._collection.database.client, self._lists)
        build(self)

    @property
    def _lists(self) -> tuple[tuple[str, ...], ...]:
        return (*self.kind.indexes, ("born",)) if self.kind.order == "born" else self.kind.indexes

    def indexes(self) -> Wanted:
        """See Indexed. Each begins with `community`."""
        sealed = (("unique",),) if self.kind.sealed_unique else ()
        for fields in (*self.kind.unique, *sealed):
            keys = [("community", ASCENDING), *((f, ASCENDING) for f in fields)]
            yield self._collection, IndexModel(keys, unique=True, name="unique_" + "_".join(fields))
        for *fields, last in self._lists:
            # Pages go by a time and the id: an index without the id would leave the order to be sorted, whole lists at a time.
            yield self._index(*fields, last, "_id", only=last if self._may_lack(last) else "")
        for waits in ("outbox.at", *(["trail_acts.at"] if self.kind.trailed else [])):
            yield self._index(waits, only=waits)
        for field in self.kind.search:
            yield self._index(f"find.{field}")

    def outdated(self) -> list[tuple[Collection[Any], str]]:
        """See Indexed: those that hold every record, where there is one of some alone."""
        there = set(self._collection.index_information())
        whole = there & {name.removeprefix("some_") for name in there if name.startswith("some_")}
        return [(self._collection, name) for name in sorted(whole)]

    def _may_lack(self, field: str) -> bool:
        """Whether a record may be without this time."""
        return field != "born" and get_type_hints(self.kind.type).get(field) == datetime | None

    def _index(self, *fields: str, only: str = "") -> tuple[Collection[Any], IndexModel]:
        """Of those that have the time `only`: of most records nothing waits, and most writes are of such. Whoever asks by
        it says that it is after EPOCH, or the index would not do."""
        keys = ["community", *fields]
        some: Document = {"partialFilterExpression": {only: {"$gte": EPOCH}}} if only else {}
        name = ("some_" if only else "") + "_".join(f"{key}_1" for key in keys)
        return self._collection, IndexModel([(key, ASCENDING) for key in keys], name=name, **some)

    # -- reads

    def read(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        """The documents of these (community, id) pairs, in order."""
        by_community: dict[str, set[str]] = defaultdict(set)
        for community, id in keys:
            by_community[community].add(id)
        found: dict[tuple[str, str], Document] = {}
        for community, ids in by_community.items():
            where = {"_id": ids.pop() if len(ids) == 1 else {"$in": list(ids)}, "community": community}
            for document in _run(partial(self._find, where)):
                found[(community, document["_id"])] = document
        return [found.get(key) for key in keys]

    def _find(self, where: Document) -> list[Document]:
        return list(self._settled.find(where))

    def query(self, where: Document, order: Order, limit: int, near: datetime | None = None) -> list[Document]:
        """Matching documents. `where` must name the community."""
        if "community" not in where:
            raise ValueError("a query without its community")
        return _run(partial(self._paging.page, partial(self._listed, order), where, order, limit, near))

    def _listed(self, order: Order, where: Document, limit: int) -> list[Document]:
        return list(self._collection.find(where).sort(order).limit(limit))

    # -- writes

    def _note(self, communities: set[str]) -> None:
        _run(lambda: self._tenants.note(self.kind.collection, communities))

    def insert(self, documents: Sequence[Document]) -> list[Inserted | BaseException]:
        """Insert all of them in one round trip; each has its own outcome."""
        self._note({document["community"] for document in documents})
        if len(documents) == 1:
            return [self._insert_one(documents[0])]
        try:
            self._collection.insert_many(list(documents), ordered=False)
            DATABASE_UP.set(1)
        except BulkWriteError as error:
            return self._sort_out(documents, error.details)
        except UNKNOWN:
            return [self._settle_insert(document) for document in documents]
        except PyMongoError as error:
            raise unavailable(error) from error
        return [Inserted()] * len(documents)

    def _insert_one(self, document: Document) -> Inserted | BaseException:
        try:
            self._collection.insert_one(document)
            DATABASE_UP.set(1)
        except UNKNOWN:
            return self._settle_insert(document)
        except OperationFailure as error:
            if error.code == DUPLICATE:
                return Inserted(_index(error.details or {}))
            raise unavailable(error) from error
        except PyMongoError as error:
            raise unavailable(error) from error
        return Inserted()

    def _sort_out(self, documents: Sequence[Document], details: Any) -> list[Inserted | BaseException]:
        outcomes: list[Inserted | BaseException] = [Inserted()] * len(documents)
        if details.get("writeConcernErrors"):
            return [self._settle_insert(document) for document in documents]
        for failure in details.get("writeErrors", []):
            if failure["code"] == DUPLICATE:
                outcomes[failure["index"]] = Inserted(_index(failure))
            else:
                outcomes[failure["index"]] = Unavailable("database_unavailable", "the database refused the write")
        return outcomes

    def _settle_insert(self, document: Document) -> Inserted | BaseException:
        """Find out what became of an insert whose reply was lost: read it back by its stamp, or write it again."""
        until = time.monotonic() + self._patience
        while time.monotonic() < until:
            try:
                present = self._settled.find_one({"_id": document["_id"], "community": document["community"]})
                if present is not None:
                    mine = document["wrote"][0] in present.get("wrote", [])
                    return Inserted("" if mine else "_id")
                self._collection.insert_one(document)
                return Inserted()
            except UNKNOWN:
                time.sleep(0.1)
            except OperationFailure as error:
                if error.code != DUPLICATE:
                    return unavailable(error)
                if _index(error.details or {}) != "_id":
                    # A lost write of one's own holds the claims too: only the id can tell.
                    if self._is_mine(document):
                        return Inserted()
                    return Inserted(_index(error.details or {}))
            except PyMongoError as error:
                return unavailable(error)
        DATABASE_UP.set(0)
        return Unavailable("outcome_unknown", "nobody knows yet whether it was saved; repeat with the same key")

    def _is_mine(self, document: Document) -> bool:
        where = {"_id": document["_id"], "community": document["community"]}
        return self._settled.find_one(where | {"wrote": document["wrote"][0]}) is not None

    def update(self, id: str, community: str, version: int, changes: Document, events: list[Document]) -> bool:
        """The guarded write. False where somebody else was first. Raises Taken where a unique value is somebody else's."""
        self._note({community})
        change: Document = {"$set": changes}
        if events:
            change["$push"] = {"outbox": {"$each": events}}
        guard = {"_id": id, "community": community, "version": version}
        until = time.monotonic() + self._patience
        unknown = False
        while True:
            try:
                if unknown:
                    present = self._settled.find_one({"_id": id, "community": community}) or {}
                    if changes["wrote"][-1] in present.get("wrote", []):
                        return True
                    if present.get("version") != version:
                        return False
                written = self._collection.update_one(guard, change).matched_count == 1
                DATABASE_UP.set(1)
                return written
            except UNKNOWN as error:
                unknown = True
                if time.monotonic() > until:
                    DATABASE_UP.set(0)
                    raise Unavailable(
                        "outcome_unknown", "nobody knows yet whether it was saved; repeat with the same key"
                    ) from error
                time.sleep(0.1)
            except OperationFailure as error:
                if error.code == DUPLICATE:
                    raise Taken(_index(error.details or {})) from error
                raise unavailable(error) from error
            except PyMongoError as error:
                raise unavailable(error) from error

    def remove_events(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Take confirmed events, (community, document, event), out of their outboxes. The version stays."""
        by_community: dict[str, tuple[set[str], list[str]]] = defaultdict(lambda: (set(), []))
        for community, id, event in rows:
            by_community[community][0].add(id)
            by_community[community][1].append(event)
        for community, (ids, events) in by_community.items():
            where = {"_id": {"$in": list(ids)}, "community": community}
            pull = {"$pull": {"outbox": {"id": {"$in": events}}}}
            _run(partial(self._collection.update_many, where, pull))

    def forget(self, community: str, at: datetime) -> None:
        """Delete what was due before. For kinds with an index on their field `due` that say nothing and nobody refers to."""
        _run(partial(self._collection.delete_many, {"community": community, "due": {"$gt": EPOCH, "$lt": at}}))

    def acts(self, community: str, size: int) -> list[Document]:
        """One community's documents with acts that are not in the chain yet, oldest first: for the trail's writer alone."""
        where = {"community": community, "trail_acts.at": {"$gt": EPOCH}}
        return _run(lambda: list(self._collection.find(where, {"trail_acts": 1}).sort("trail_acts.at", 1).limit(size)))

    def remove_acts(self, community: str, keys: dict[str, list[str]]) -> None:
        """Take out of each document the acts of these keys. The version stays."""
        ids = list(keys)
        for some in (ids[n : n + DOCUMENTS_A_WRITE] for n in range(0, len(ids), DOCUMENTS_A_WRITE)):
            gone = [key for id in some for key in keys[id]]
            where, pull = {"_id": {"$in": some}, "community": community}, {"$pull": {"trail_acts": {"key": {"$in": gone}}}}
            _run(partial(self._collection.update_many, where, pull))

    def left_behind(self, community: str, before: Any, size: int) -> Iterator[list[Document]]:
        """Pages of one community's documents with events older than `before`, oldest first: for the sweeper alone."""
        since, seen = EPOCH, set[str]()
        while True:
            # With a lower bound too: SecantusDB would walk through every empty outbox below the upper one.
            where = {"community": community, "outbox.at": {"$gte": since, "$lt": before}}
            page = _run(partial(self._oldest, where, size))
            if fresh := [document for document in page if document["_id"] not in seen]:
                yield fresh
            if len(page) < size:
                return
            seen.update(document["_id"] for document in page)
            last = min(row["at"] for row in page[-1]["outbox"] if row["at"] >= since)
            # A whole page of one moment: look at more of it.
            size, since = (size * 2 if last == since else size), last

    def _oldest(self, where: Document, size: int) -> list[Document]:
        return list(self._collection.find(where, {"community": 1, "outbox": 1}).sort("outbox.at", 1).limit(size))

    def written(self) -> Written:
        """Every community that has ever written here, and when it was noted last that one of these was about to be written:
        for the sweeper and timers alone."""
        return _run(lambda: self._tenants.written(self.kind.collection))


def _run(operation: Callable[[], T]) -> T:
    try:
        result = operation()
    except PyMongoError as error:
        raise unavailable(error) from error
    DATABASE_UP.set(1)
    return result


def unavailable(error: PyMongoError) -> Unavailable:
    """What callers are told where the database failed like this."""
    if isinstance(error, (ConnectionFailure, ServerSelectionTimeoutError)):
        DATABASE_UP.set(0)
    return Unavailable("database_unavailable", f"the database does not answer ({type(error).__name__})", retry_after=2)


def _index(failure: Any) -> str:
    """The name of the index that a duplicate key error is about: "_id", or its fields after community."""
    fields = [f for f in failure.get("keyPattern", {"_id": 1}) if f != "community"]
    return "_".join(fields) or "_id"
