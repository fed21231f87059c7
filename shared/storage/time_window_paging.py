"""Pages of a list from a server that reads all that a filter matches before it sorts and takes some of it.

MongoDB walks an index and stops at the limit. SecantusDB does not: a page of 50 among 10,000 costs it 10,000. It is asked
for windows of time instead, one after the other until the page is full: about as much is read as is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient

from shared.storage.cursors import EPOCH, MILLISECOND

Document = dict[str, Any]
Find = Callable[[Document, int], list[Document]]
Order = list[tuple[str, int]]

LAST = datetime(9000, 1, 1, tzinfo=UTC)
BOUNDS = frozenset({"$gte", "$gt", "$lt", "$lte"})
# Far from where the list is expected to begin little is. Each step is a third of what is left, so that no window holds much
# more than those before it.
DISTANCES = tuple(timedelta(days=days) for days in (3650, 120, 80, 53, 36, 24, 16, 11, 7, 5, 3, 2, 1))
WIDTH = timedelta(seconds=1)
SPARSE, DENSER = 16, 4  # times as wide as the last one: after an empty window, and at most after one that held something
GENEROUS = 1.1  # one window that holds a little too much costs less than two


class ByIndex:
    """For a server that walks an index and stops at the limit."""

    def page(self, find: Find, where: Document, order: Order, size: int, near: datetime | None) -> list[Document]:
        """Up to `size` documents in order."""
        return find(where, size)


class ByWindows:
    """For a server that reads all that a filter matches. `lists` are the indexes by which lists go, a time last in each."""

    def __init__(self, lists: Iterable[tuple[str, ...]]) -> None:
        self._lists = {(frozenset(fields), time) for *fields, time in lists}

    def page(self, find: Find, where: Document, order: Order, size: int, near: datetime | None) -> list[Document]:
        """Up to `size` documents in order; by windows where it is said about when the list begins."""
        field, step = order[0]
        exact = frozenset(name for name, value in where.items() if not isinstance(value, dict)) - {"community"}
        # Where more is asked than the list's own fields, and these exactly, no index would find a window.
        known = set(where) <= {"community", field, *exact} and BOUNDS.issuperset(where.get(field, {}))
        if near and known and (exact, field) in self._lists:
            return page(find, where, field, step < 0, size, near)
        return find(where, size)


Paging = ByIndex | ByWindows


def for_server(client: MongoClient[Any], lists: Iterable[tuple[str, ...]]) -> Paging:
    """How this server wants to be asked for pages of these lists."""
    return ByWindows(lists) if "secantusVersion" in client.admin.command("buildInfo") else ByIndex()


def page(find: Find, where: Document, field: str, newest_first: bool, size: int, near: datetime) -> list[Document]:
    """Up to `size` documents in the order of the time `field`; `find(where, size)` gives those of one window in order.
    `near` is a time at which the list is likely to begin in earnest."""
    begin, end = _bounds(where.get(field, {}))
    at, last, step = (end, begin, -1) if newest_first else (begin, end, 1)
    edges = [*(near - step * distance for distance in DISTANCES), near]
    if (edges[0] - at) * step <= timedelta():
        edges = []  # it is known where it begins: at the cursor of the page before
    found: list[Document] = []
    width, span = WIDTH, timedelta()
    while (last - at) * step > timedelta() and len(found) < size:
        edge = next((edge for edge in edges if (edge - at) * step > timedelta()), None)
        reach = min(width if edge is None else (edge - at) * step, (last - at) * step)
        since, until = sorted((at, at + step * reach))
        read = find(where | {field: {"$gte": since, "$lt": until}}, size - len(found))
        found, at = found + read, at + step * reach
        if edge is None:
            span += reach
            width = _next_width(reach, span, len(read), len(found), size)
    return found


def _next_width(reach: timedelta, span: timedelta, read: int, found: int, size: int) -> timedelta:
    """As wide as should hold what is wanted still, if it goes on as in the whole `span`."""
    if not read:
        return reach * SPARSE
    wanted = (size - found) * GENEROUS / found
    return reach * DENSER if span / reach * wanted >= DENSER else max(MILLISECOND, span * wanted)


def _bounds(asked: dict[str, Any]) -> tuple[datetime, datetime]:
    """The first moment that is asked for, and the first behind the last."""
    begins = [EPOCH, asked.get("$gte", EPOCH), asked.get("$gt", EPOCH - MILLISECOND) + MILLISECOND]
    ends = [LAST, asked.get("$lt", LAST), asked.get("$lte", LAST - MILLISECOND) + MILLISECOND]
    return max(begins), min(ends)
