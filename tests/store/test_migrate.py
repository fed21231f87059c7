"""Indexes before the services start: what is missing, what is left of an older release, and twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from ops import migrate
from ops.documents import service_classes
from ops.settings import Installation, Problem
from shared.security.revocations import REVOCATION_KEPT_SECONDS


@pytest.fixture
def installation(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    made = Installation(tmp_path, {})
    made.make_secrets()
    monkeypatch.setattr(Installation, "mongo", lambda self, user: database.uri.replace("/test", f"/{user}"))
    client: MongoClient[Any] = MongoClient(database.uri)
    for kind in service_classes():
        client.drop_database(str(vars(kind)["name"]))
    return made


def states(installation: Installation) -> set[str]:
    return {row["state"] for row in migrate.status(installation)}


def test_everything_is_built_once_and_a_second_run_does_nothing(installation: Installation) -> None:
    rows = migrate.status(installation)
    assert {row["service"] for row in rows} == {"bookings", "notifications", "petitions", "residents"}
    assert states(installation) == {migrate.TO_BUILD}
    said: list[str] = []
    assert migrate.run(installation, said.append) == len(rows) == len(said)
    assert states(installation) == {migrate.DONE}
    assert migrate.run(installation, said.append) == 0


def test_what_an_older_release_left_goes_and_what_is_gone_comes_back(installation: Installation, database: Any) -> None:
    migrate.run(installation, lambda text: None)
    people: Any = MongoClient(database.uri)["residents"]["residents"]
    names = set(people.index_information())
    some = next(name for name in names if name.startswith("some_"))
    people.create_index([("community", 1), ("outbox.at", 1)], name=some.removeprefix("some_"))
    dropped = next(name for name in names if name.startswith("community_1_find"))
    people.drop_index(dropped)
    assert states(installation) == {migrate.DONE, migrate.TO_DROP, migrate.TO_BUILD}
    assert migrate.run(installation, lambda text: None) == 2
    assert set(people.index_information()) == names


def test_an_index_that_is_wanted_otherwise_is_made_anew(installation: Installation, database: Any) -> None:
    migrate.run(installation, lambda text: None)
    revoked: Any = MongoClient(database.uri)["residents"]["revoked"]
    revoked.drop_index("noted_1")
    revoked.create_index("noted", expireAfterSeconds=5)
    assert states(installation) == {migrate.DONE, migrate.TO_BUILD}
    assert migrate.run(installation, lambda text: None) == 1
    assert revoked.index_information()["noted_1"]["expireAfterSeconds"] == REVOCATION_KEPT_SECONDS


def test_what_cannot_be_unique_is_said(installation: Installation, database: Any) -> None:
    entries: Any = MongoClient(database.uri)["petitions"]["audit"]
    entries.insert_many([{"_id": str(n), "community": "lijing", "n": 1, "key": str(n)} for n in range(2)])
    with pytest.raises(Problem, match=r"petitions\.audit.*two records"):
        migrate.run(installation, lambda text: None)


def test_a_database_that_is_away_is_said_to_be(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    away = "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=200"
    monkeypatch.setattr(Installation, "mongo", lambda self, user: away)
    monkeypatch.setattr(migrate, "MongoClient", lambda uri, **_: MongoClient(uri, serverSelectionTimeoutMS=200))
    with pytest.raises(Problem, match="does not answer"):
        migrate.status(installation)
