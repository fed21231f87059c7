"""`python -m ops.database …`: the development database, SecantusDB, that reads its catalog of indexes once an operation.

As it comes it reads the catalog of a collection anew up to a dozen times for one operation, so that each index makes every read
and write dearer. MongoDB, on which an installation in earnest runs, keeps it in memory. See docs/decisions/0012.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from secantus import cli, server, storage

Index = tuple[str, dict[str, Any], dict[str, Any]]


class Storage(storage.Storage):
    """Its storage. What a thread read of the catalog is remembered no longer than the snapshot in which it was read.

    So it is always what reading again would have found: each way in which a snapshot begins or ends forgets it.
    """

    def _forget(self) -> None:
        self._tls.catalog = {}

    def _iter_indexes(self, db: str, coll: str) -> Iterable[Index]:
        known: dict[tuple[str, str], list[Index]] | None = getattr(self._tls, "catalog", None)
        if known is None:
            known = self._tls.catalog = {}
        if (db, coll) not in known:
            known[db, coll] = list(super()._iter_indexes(db, coll))
        return known[db, coll]

    def _refresh_read_snapshot(self) -> None:
        self._forget()
        super()._refresh_read_snapshot()

    def release_thread_snapshot(self) -> None:
        """At the end of every command."""
        self._forget()
        super().release_thread_snapshot()

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


if __name__ == "__main__":
    server.Storage = Storage
    sys.exit(cli.main())
