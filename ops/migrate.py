"""What a release wants of the databases before its services start. Each step is looked at before it is done, so that whatever
was interrupted goes on, and a second run does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure, PyMongoError

from ops.documents import service_classes
from ops.settings import Installation, Problem
from shared.runtime.platform import Stored
from shared.security.audit import Audit
from shared.security.privacy import Vault
from shared.security.revocations import Revocations
from shared.storage.indexes import Indexed, is_there, name_of
from shared.storage.mongo import MongoBackend
from shared.storage.tenants import Tenants

Row = dict[str, Any]
Say = Callable[[str], None]
TO_BUILD, TO_DROP, DONE = "to build", "to drop", "there"
DUPLICATE = 11000


class Database:
    """One service's database, with all the time that it takes."""

    def __init__(self, installation: Installation, kind: type) -> None:
        self.service = str(vars(kind)["name"])
        self._client: MongoClient[Any] = MongoClient(installation.mongo(self.service), serverSelectionTimeoutMS=5000)
        tenants = Tenants(self._client, self.service)
        stored = {one.kind.type: one.kind for one in _attributes(kind) if isinstance(one, Stored)}
        self._indexed: list[Indexed] = [MongoBackend(self._client, tenants, self.service, kind) for kind in stored.values()]
        self._indexed += [
            Audit(self.service, self._client, self.service, tenants),
            Vault(self._client, self.service, installation.secrets["master"][self.service]),
            Revocations(self._client, self.service),
        ]

    def steps(self) -> Iterator[tuple[Row, Callable[[], object]]]:
        """What there is to do, and what does it; with what is done already."""
        for indexed in self._indexed:
            for collection, index in indexed.indexes():
                state = DONE if is_there(collection, index) else TO_BUILD
                yield self._row(collection.name, name_of(index), state), partial(_build, collection, index)
            for collection, name in indexed.outdated():
                yield self._row(collection.name, name, TO_DROP), partial(collection.drop_index, name)

    def _row(self, collection: str, index: str, state: str) -> Row:
        return {"service": self.service, "collection": collection, "index": index, "state": state}


def _build(collection: Collection[Any], index: IndexModel) -> None:
    if name_of(index) in collection.index_information():  # of the same name, but otherwise
        collection.drop_index(name_of(index))
    collection.create_indexes([index])


def _attributes(kind: type) -> Iterator[Any]:
    for base in kind.__mro__:
        yield from vars(base).values()


def status(installation: Installation) -> list[Row]:
    """Every index: whether it is there. Raises Problem."""
    return [row for row, _ in _steps(installation)]


def run(installation: Installation, say: Say) -> int:
    """Do what is to be done; returns how many steps there were. Raises Problem where one cannot be done."""
    done = 0
    for row, act in _steps(installation):
        if row["state"] == DONE:
            continue
        what = f"{row['service']}.{row['collection']}: {row['index']}"
        say(f"{row['state']}: {what}")
        try:
            act()
        except OperationFailure as error:
            why = "two records have what only one may have" if error.code == DUPLICATE else f"the database says {error.code}"
            raise Problem(f"{what} cannot be made: {why}") from error
        except PyMongoError as error:
            raise Problem(f"{what}: {type(error).__name__}; run it again") from error
        done += 1
    return done


def _steps(installation: Installation) -> Iterator[tuple[Row, Callable[[], object]]]:
    for kind in service_classes():
        try:
            yield from Database(installation, kind).steps()
        except PyMongoError as error:
            raise Problem(f"the database does not answer: {type(error).__name__}") from error
