"""The indexes of a database: which there shall be, whose they are, and which there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import bson
from pymongo import IndexModel
from pymongo.collection import Collection

Wanted = Iterator[tuple[Collection[Any], IndexModel]]


class Indexed(Protocol):
    """Whatever keeps something in collections of its own."""

    def indexes(self) -> Wanted:
        """Each index that there shall be, and of which collection."""

    def outdated(self) -> list[tuple[Collection[Any], str]]:
        """The names of those that an older release made, and that nobody asks by any more."""


def name_of(index: IndexModel) -> str:
    """By which the database knows it."""
    return str(index.document["name"])


def is_there(collection: Collection[Any], index: IndexModel) -> bool:
    """Whether it was built, as it is wanted now."""
    there = collection.index_information().get(name_of(index))
    return there is not None and _essence(there) == _essence(index.document)


def _essence(index: Mapping[str, Any]) -> tuple[Any, ...]:
    keys = index["key"].items() if isinstance(index["key"], Mapping) else index["key"]
    some = bson.encode(index.get("partialFilterExpression", {}))  # times are told with their zone or without
    return [(field, int(order)) for field, order in keys], bool(index.get("unique")), index.get("expireAfterSeconds"), some


def build(indexed: Indexed) -> None:
    """Build what is missing, one after the other: what was interrupted goes on where it was. Then drop what is outdated."""
    for collection, index in indexed.indexes():
        collection.create_indexes([index])
    for collection, name in indexed.outdated():
        collection.drop_index(name)
