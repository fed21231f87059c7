"""`python -m ops.database …`: the development database, SecantusDB, made to do some things as MongoDB does them.

As it comes it reads the catalog of a collection's indexes anew up to a dozen times for one operation, an update rewrites the
entries of every index, also of those whose values it leaves alone, the bytes of a key are put together anew, from their
format on, wherever one is needed, and every command looks up whether it is to be profiled. See docs/decisions/0012.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import bson
from secantus import cli, server, storage

from ops import matching, packing

Document = dict[str, Any]
Index = tuple[str, Document, Document]  # name, key, options
Named = tuple[str, Document, bool, bool]  # name, key, sparse, unique
Partials = dict[str, Document] | None


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

    def _iter_indexes(self, db: str, coll: str) -> Iterable[Index]:
        rows: list[Index] = self._remembered(self._read_indexes, db, coll)
        return rows

    def _read_indexes(self, db: str, coll: str) -> list[Index]:
        return list(super()._iter_indexes(db, coll))

    def _all_indexes(self, db: str, coll: str) -> list[Named]:
        rows: list[Named] = self._remembered(super()._all_indexes, db, coll)
        return rows

    def _partial_filters(self, db: str, coll: str) -> dict[str, Document]:
        filters: dict[str, Document] = self._remembered(super()._partial_filters, db, coll)
        return filters

    def _index_options_map(self, db: str, coll: str) -> dict[str, Document]:
        options: dict[str, Document] = self._remembered(super()._index_options_map, db, coll)
        return options

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

    def _maybe_mark_multikey(self, db: str, coll: str, doc: Any, indexes: Any, already_multikey: set[str]) -> set[str]:
        # The one change to the catalog that is made in the middle of a snapshot.
        before = len(already_multikey)
        marked: set[str] = super()._maybe_mark_multikey(db, coll, doc, indexes, already_multikey)
        if len(marked) > before:
            self._forget()
        return marked

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
            super()._delete_index_entries(db, coll, doc, indexes, partials, recordid=recordid)
        else:
            held[recordid] = doc

    def _write_index_entries(
        self, db: str, coll: str, doc: Document, indexes: list[Named], partials: Partials = None, *, recordid: int
    ) -> None:
        before = (getattr(self._tls, "held", None) or {}).pop(recordid, None)
        if before is not None:
            partials = self._partial_filters(db, coll) if partials is None else partials
            indexes = [index for index in indexes if index[0] in partials or _differ(before, doc, index[1])]
            super()._delete_index_entries(db, coll, before, indexes, partials, recordid=recordid)
        super()._write_index_entries(db, coll, doc, indexes, partials, recordid=recordid)


def _differ(before: Document, after: Document, key: Document) -> bool:
    """Whether a field has changed that an index looks into. By its bytes: to Python, 1 is True."""
    fields = {path.partition(".")[0] for path in key}
    old, new = ({f: document[f] for f in fields if f in document} for document in (before, after))
    return bool(bson.encode(old) != bson.encode(new))


if __name__ == "__main__":
    packing.install()
    matching.install()
    sys.setswitchinterval(0.0005)  # a read shall not wait for 5 ms of a bulk write: every caller has a thread
    server.Storage = Storage
    sys.exit(cli.main())
