"""`python -m ops.secantus.database …`: the development database, SecantusDB, made to do some things as MongoDB does them.

As it comes it reads the catalog of a collection's indexes anew up to a dozen times for one operation, an update rewrites the
entries of every index, also of those whose values it leaves alone, the bytes of a key are put together anew, from their
format on, wherever one is needed, and every command looks up whether it is to be profiled. See docs/decisions/0012.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import bson
from secantus import cli, server, storage
from wiredtiger import WT_NOTFOUND

from ops.secantus import matching, packing

Document = dict[str, Any]
Index = tuple[str, Document, Document]  # name, key, options
Named = tuple[str, Document, bool, bool]  # name, key, sparse, unique
Partials = dict[str, Document] | None
ENTRIES = storage._IDX_ENTRIES_TABLE
INTRICATE = ("unique", "prepareUnique", "sparse", "collation")  # an index that is more than its entries


@dataclass(frozen=True)
class Catalog:
    """The indexes of a collection, in the forms in which they are asked for."""

    indexes: list[Index]
    named: list[Named]
    options: dict[str, Document]
    partials: dict[str, Document]
    plain: dict[str, packing.Plain]  # whose entries can be written as they are: nothing to claim, no geometry, no collation
    rest: list[Named]  # the others
    single: frozenset[str]  # fields of indexes that have met no array yet

    @property
    def foreign(self) -> Set[str]:
        """Whether these are about a document may hang on fields that are not in their key."""
        return self.partials.keys() - self.plain.keys()


@lru_cache(maxsize=1000)
def read_catalog(prefix: bytes, rows: tuple[tuple[bytes, bytes], ...]) -> Catalog:
    """What these rows say, whoever reads them: nobody changes a catalog, only rows."""
    read = [(key[len(prefix) : -1].decode(), bson.decode(value)) for key, value in rows]
    indexes = [(name, row.get("key", {}), row.get("options", {})) for name, row in read]
    plain: dict[str, packing.Plain] = {}
    for name, key, options in indexes:
        some = options.get("partialFilterExpression")
        since = packing.since(some)
        ordered = all(way in (1, -1) and "$" not in field for field, way in key.items())
        known = since.field in key if since else not some
        if ordered and known and not any(options.get(option) for option in INTRICATE):
            plain[name] = packing.Plain(prefix + packing.pack("S", name), key, since)
    named = [(name, key, bool(options.get("sparse")), bool(options.get("unique"))) for name, key, options in indexes]
    return Catalog(
        indexes,
        named,
        {name: options for name, _, options in indexes},
        {name: options["partialFilterExpression"] for name, _, options in indexes if options.get("partialFilterExpression")},
        plain,
        [index for index in named if index[0] not in plain],
        frozenset().union(*(_fields(key) for _, key, options in indexes if not options.get("multikey"))),
    )


class Storage(storage.Storage):
    """Its storage.

    What a thread read of the catalog is remembered no longer than the snapshot in which it was read: it is always what reading
    again would have found, for each way in which a snapshot begins forgets it.

    What an update takes out of the indexes is held back until it is known what it puts in; both then happen, in the same
    transaction as before, for the indexes where they differ.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        self._profiles: dict[str, Document] = {}
        super().__init__(*given, **more)

    def _forget(self) -> None:
        self._tls.catalog = {}

    def _remembered(self, read: Callable[[str, str], Any], db: str, coll: str) -> Any:
        known: dict[tuple[str, str, str], Any] | None = getattr(self._tls, "catalog", None)
        if known is None:
            known = self._tls.catalog = {}
        key = (read.__name__, db, coll)
        if key not in known:
            known[key] = read(db, coll)
        return known[key]

    def _catalog(self, db: str, coll: str) -> Catalog:
        found: Catalog = self._remembered(self._read_catalog, db, coll)
        return found

    def _read_catalog(self, db: str, coll: str) -> Catalog:
        cursor, prefix, rows = self._cursor(storage._IDX_TABLE), packing.pack("SS", db, coll), []
        cursor.set_key(db, coll, "")
        near = cursor.search_near()
        more = near != WT_NOTFOUND and (near >= 0 or cursor.next() == 0)
        while more and (key := bytes(cursor._get_key())).startswith(prefix):
            rows.append((key, bytes(cursor._get_value())))
            more = cursor.next() == 0
        return read_catalog(prefix, tuple(rows))

    def _iter_indexes(self, db: str, coll: str) -> Iterable[Index]:
        return self._catalog(db, coll).indexes

    def _all_indexes(self, db: str, coll: str) -> list[Named]:
        return self._catalog(db, coll).named

    def _partial_filters(self, db: str, coll: str) -> dict[str, Document]:
        return self._catalog(db, coll).partials

    def _index_options_map(self, db: str, coll: str) -> dict[str, Document]:
        return self._catalog(db, coll).options

    def _told_apart(self, db: str, coll: str, indexes: list[Named]) -> tuple[list[packing.Plain], list[Named]]:
        """Those whose entries `packing` puts together, and the others."""
        catalog = self._catalog(db, coll)
        plain = catalog.plain
        if indexes is catalog.named:
            return list(plain.values()), catalog.rest
        return [plain[name] for name, *_ in indexes if name in plain], [index for index in indexes if index[0] not in plain]

    def _coll_options(self, db: str, coll: str) -> Document | None:
        options: Document | None = self._remembered(super()._coll_options, db, coll)
        return options

    def _write_coll_options(self, *given: Any, **more: Any) -> None:
        super()._write_coll_options(*given, **more)
        self._forget()

    def get_profile(self, db: str) -> Document:
        """Read once: this process is the only one that sets it."""
        if db not in self._profiles:
            self._profiles[db] = super().get_profile(db)
        return self._profiles[db]

    def set_profile(self, db: str, **settings: Any) -> None:
        """For all commands from here on."""
        super().set_profile(db, **settings)
        self._profiles.pop(db, None)

    def _refresh_read_snapshot(self) -> None:
        self._forget()
        super()._refresh_read_snapshot()

    def release_thread_snapshot(self) -> None:
        """At the end of every command."""
        self._forget()
        super().release_thread_snapshot()

    def _reset_thread_session(self) -> None:
        self._forget()
        super()._reset_thread_session()

    def _coll_lock(self, db: str, coll: str) -> Any:
        self._forget()
        return super()._coll_lock(db, coll)

    def _batch_transaction(self, *, sync: bool = False) -> Any:
        self._forget()
        return super()._batch_transaction(sync=sync)

    def _unique_conflict(self, db: str, coll: str, doc: Document, indexes: list[Named], **more: Any) -> Any:
        rest = self._told_apart(db, coll, indexes)[1]
        return super()._unique_conflict(db, coll, doc, rest, **more) if rest else None

    def _validate_geo_indexes(self, db: str, coll: str, doc: Document, indexes: list[Named], partials: Partials = None) -> None:
        if rest := self._told_apart(db, coll, indexes)[1]:
            super()._validate_geo_indexes(db, coll, doc, rest, partials)

    def _maybe_mark_multikey(self, db: str, coll: str, doc: Any, indexes: Any, already_multikey: set[str]) -> set[str]:
        if not any(isinstance(doc.get(field), (list, dict)) for field in self._catalog(db, coll).single):
            return already_multikey
        # The one change to the catalog that is made in the middle of a snapshot.
        before = len(already_multikey)
        marked: set[str] = super()._maybe_mark_multikey(db, coll, doc, indexes, already_multikey)
        if len(marked) > before:
            self._forget()
        return marked

    # -- questions

    def _try_index_id_keys(self, db: str, coll: str, filter: Document, *, collation: Any = None) -> list[Any] | None:
        """Which documents to look at, or None for all. Who names an id is not asked by any other index."""
        if len(filter) > 1 and "_id" in filter and not any(field.startswith("$") for field in filter):
            by_id: list[Any] | None = super()._try_index_id_keys(db, coll, {"_id": filter["_id"]}, collation=collation)
            if by_id is not None:
                return by_id
        found: list[Any] | None = super()._try_index_id_keys(db, coll, filter, collation=collation)
        return found

    # -- updates

    def _update_matching_single_txn(self, *given: Any, **more: Any) -> Any:
        with self._updating():
            return super()._update_matching_single_txn(*given, **more)

    def _update_chunk(self, *given: Any, **more: Any) -> Any:
        with self._updating():
            return super()._update_chunk(*given, **more)

    @contextmanager
    def _updating(self) -> Iterator[None]:
        self._tls.held = {}
        try:
            yield
        finally:
            self._tls.held = None

    def _enforce_capped_bounds_locked(self, *given: Any) -> Any:
        self._tls.held = None  # what goes out of the indexes from here on goes for good
        return super()._enforce_capped_bounds_locked(*given)

    def _delete_index_entries(
        self, db: str, coll: str, doc: Document, indexes: list[Named], partials: Partials = None, *, recordid: int
    ) -> None:
        held = getattr(self._tls, "held", None)
        if held is None:
            self._take_out(db, coll, doc, indexes, partials, recordid)
        else:
            held[recordid] = doc

    def _write_index_entries(
        self, db: str, coll: str, doc: Document, indexes: list[Named], partials: Partials = None, *, recordid: int
    ) -> None:
        before = (getattr(self._tls, "held", None) or {}).pop(recordid, None)
        if before is not None:
            foreign = self._catalog(db, coll).foreign
            changed = _changed(before, doc, indexes)
            indexes = [index for index in indexes if index[0] in foreign or not changed.isdisjoint(_fields(index[1]))]
            self._take_out(db, coll, before, indexes, partials, recordid)
        plain, rest = self._told_apart(db, coll, indexes)
        cursor = self._cursor(ENTRIES)
        for key in packing.entries(doc, recordid, plain):
            packing.insert(cursor, key)
        if rest:
            super()._write_index_entries(db, coll, doc, rest, partials, recordid=recordid)

    def _take_out(self, db: str, coll: str, doc: Document, indexes: list[Named], partials: Partials, recordid: int) -> None:
        plain, rest = self._told_apart(db, coll, indexes)
        cursor = self._cursor(ENTRIES)
        for key in packing.entries(doc, recordid, plain):
            packing.remove(cursor, key)
        if rest:
            super()._delete_index_entries(db, coll, doc, rest, partials, recordid=recordid)


def _fields(key: Document) -> set[str]:
    """What an index looks into."""
    return {path.partition(".")[0] for path in key}


def _changed(before: Document, after: Document, indexes: list[Named]) -> set[str]:
    """The fields that an index looks into and that have changed. By their bytes: to Python, 1 is True."""
    fields = set().union(*(_fields(key) for _, key, *_ in indexes))

    def held(document: Document, field: str) -> bytes:
        encoded: bytes = bson.encode({field: document[field]} if field in document else {})
        return encoded

    return {field for field in fields if held(before, field) != held(after, field)}


if __name__ == "__main__":
    packing.install()
    matching.install()
    sys.setswitchinterval(0.0005)  # a read shall not wait for 5 ms of a bulk write: every caller has a thread
    server.Storage = Storage
    sys.exit(cli.main())
