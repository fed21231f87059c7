"""Chains and records that are copied while somebody appends."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.backups import take
from ops.backups.databases import RAW, Copied
from ops.settings import Problem
from shared.calls import Call
from shared.rules.roles import INSTALLATION
from shared.runtime.chain_writer import LEASE
from shared.security.audit import Audit
from shared.storage.mongo import connect
from shared.storage.tenants import Tenants

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
Meanwhile = Callable[[int], None]


class Copying:
    """A database with a chain, copied without files; `meanwhile` is done during each copying."""

    def __init__(self, uri: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        client, self.name, self._folder = connect(uri, 5), f"backup_{uuid.uuid4().hex[:8]}", folder
        self.there: Any = client[self.name]
        self.audit = Audit("petitions", client, self.name, Tenants(client, self.name))
        self.audit.prepare()
        self.there["tenants"].insert_one({"_id": "lijing", "community": INSTALLATION})
        self.tries = 0
        self.meanwhile: Meanwhile = lambda n: None
        (folder / "databases" / "petitions").mkdir(parents=True)
        monkeypatch.setattr(take, "SETTLE_SECONDS", 0)
        monkeypatch.setattr(take, "database", lambda *_: client.get_database(self.name, codec_options=RAW))
        monkeypatch.setattr(take, "_copy", self._copy)

    def _copy(self, *_: Any) -> dict[str, Copied]:
        self.tries += 1
        (self._folder / "databases" / "petitions").mkdir(parents=True, exist_ok=True)
        self.meanwhile(self.tries)
        return {}

    def act(self, n: int) -> None:
        act = {"key": f"petitions/p/{n}", "act": "changed", "actor": "", "roles": [], "subjects": ["p"], "purpose": ""}
        self.audit.extend("lijing", [act | {"route": "", "correlation": "", "at": AT, "digest": "of it"}])

    def read(self) -> None:
        call = Call(community="lijing", at=AT, actor="worker", roles=frozenset({"worker"}))
        self.audit.record(call, "read_contact", ["p"])

    def copied(self) -> dict[str, Copied]:
        return take._copied(None, "petitions", self._folder)  # type: ignore[arg-type]

    @property
    def lease(self) -> dict[str, Any]:
        return dict(self.there["leases"].find_one({"_id": LEASE}))


@pytest.fixture
def copying(database: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Copying:
    return Copying(database.uri, monkeypatch, tmp_path)


def test_an_act_that_is_appended_meanwhile_has_everything_copied_again(copying: Copying) -> None:
    copying.act(1)
    copying.meanwhile = lambda n: copying.act(2)  # the second time it is there already
    copying.copied()
    assert copying.tries == 2


def test_whoever_goes_on_appending_is_told_of(copying: Copying) -> None:
    copying.meanwhile = copying.act
    with pytest.raises(Problem, match="petitions"):
        copying.copied()
    assert copying.tries == take.TRIES


def test_readings_may_be_written_down_meanwhile(copying: Copying) -> None:
    copying.act(1)
    copying.meanwhile = lambda n: copying.read()
    copying.copied()
    assert copying.tries == 1


def test_the_lease_is_taken_from_who_has_it_and_given_up_at_the_end(copying: Copying) -> None:
    late = datetime(2090, 1, 1, tzinfo=UTC)
    copying.there["leases"].insert_one({"_id": LEASE, "community": INSTALLATION, "holder": "p-0", "until": late, "fence": 7})
    seen: list[dict[str, Any]] = []
    copying.meanwhile = lambda n: seen.append(copying.lease)
    copying.copied()
    assert seen[0]["holder"].startswith("backup-")
    assert (seen[0]["fence"], seen[0]["until"] > datetime.now(UTC)) == (8, True)
    assert copying.lease["until"] <= datetime.now(UTC)


def test_a_copy_made_after_another_took_the_lease_does_not_count(copying: Copying) -> None:
    copying.meanwhile = lambda n: copying.there["leases"].update_one({"_id": LEASE}, {"$set": {"holder": f"p-{n}"}})
    with pytest.raises(Problem, match="another backup"):
        copying.copied()
