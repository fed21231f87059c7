"""The indexes of a database: which there shall be, whose they are, and which there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

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
    """Whether it was built."""
    return name_of(index) in collection.index_information()


def build(indexed: Indexed) -> None:
    """Build what is missing, one after the other: what was interrupted goes on where it was. Then drop what is outdated."""
    for collection, index in indexed.indexes():
        collection.create_indexes([index])
    for collection, name in indexed.outdated():
        collection.drop_index(name)
