"""Collections in files and back: BSON behind BSON in the order of ids, packed with gzip, as mongodump writes them.

What is personal in them is encrypted, as it is in the database: a file is worth nothing without the installation's secrets.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from bson import decode_file_iter
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ops.settings import Installation

RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
DOCUMENTS_A_TIME, BYTES_A_TIME = 500, 8_000_000
# Who holds which lease, and what was published although it still stands in an outbox: to publish it again does no harm.
PASSING = frozenset({"leases", "published"})
Raw = RawBSONDocument


@dataclass(frozen=True)
class Copied:
    """What was copied: how many, and the SHA-256 of all of it in its order."""

    count: int
    sha256: str


class Counting:
    """Hands documents on, and knows how many there were and what their hash is."""

    def __init__(self, documents: Iterable[Raw]) -> None:
        self._documents, self._count, self._hash = documents, 0, hashlib.sha256()

    def __iter__(self) -> Iterator[Raw]:
        for document in self._documents:
            self._count += 1
            self._hash.update(document.raw)
            yield document

    @property
    def copied(self) -> Copied:
        return Copied(self._count, self._hash.hexdigest())


def database(installation: Installation, service: str) -> Database[Raw]:
    """A service's own database, with the rights of the service itself; each write is on disk on most members."""
    client: MongoClient[Any] = MongoClient(installation.mongo(service), serverSelectionTimeoutMS=5000, tz_aware=True)
    return client.get_database(
        service, codec_options=RAW, read_concern=ReadConcern("majority"), write_concern=WriteConcern(w="majority", j=True)
    )


def collections(there: Database[Any]) -> list[str]:
    """The names of what is worth keeping."""
    names = there.list_collection_names(filter={"type": "collection"})
    return sorted(name for name in names if name not in PASSING and not name.startswith("system."))


def in_order(collection: Collection[Raw]) -> Iterator[Raw]:
    """Every document that is there all the while, each once: an id does not change, so none is read over."""
    return iter(collection.find({}, batch_size=DOCUMENTS_A_TIME).sort("_id", 1))


def write(documents: Iterable[Raw], file: Path) -> Copied:
    """Write them; raises what the disk raises."""
    counted = Counting(documents)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with gzip.open(file, "wb", compresslevel=5) as out:
        for document in counted:
            out.write(document.raw)
    return counted.copied


def read(file: Path) -> Iterator[Raw]:
    """What a file holds."""
    with gzip.open(file, "rb") as packed:
        yield from decode_file_iter(cast(BinaryIO, packed), RAW)


def hashed(documents: Iterable[Raw]) -> Copied:
    """How many there are, and their hash, without keeping them."""
    counted = Counting(documents)
    for _ in counted:
        pass
    return counted.copied


def load(documents: Iterable[Raw], collection: Collection[Raw]) -> None:
    """Insert all of them."""
    some: list[Raw] = []
    size = 0
    for document in documents:
        some.append(document)
        size += len(document.raw)
        if len(some) == DOCUMENTS_A_TIME or size > BYTES_A_TIME:  # one may be a photo, or ten thousand be small
            collection.insert_many(some, ordered=False)
            some, size = [], 0
    if some:
        collection.insert_many(some, ordered=False)
