"""The hash chain: two writers at once, and every way to tamper with it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.audit import Audit
from shared.calls import Call
from shared.mongo import connect

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def replicas(database: Any) -> list[Audit]:
    name = f"audit_{uuid.uuid4().hex[:12]}"
    made = [Audit("test", connect(database.uri, 5), name) for _ in range(3)]
    made[0].prepare()
    return made


def _call(community: str = "lijing") -> Call:
    return Call(community=community, at=NOW, actor="worker", roles=frozenset({"worker"}))


def test_three_replicas_append_to_one_chain_without_gap_or_fork(replicas: list[Audit]) -> None:
    def append(n: int) -> None:
        replicas[n % 3].record(_call(("lijing", "shengtaiyuan")[n % 2]), f"act-{n}", [str(n)])

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(append, range(300)))
    for community in ("lijing", "shengtaiyuan"):
        entries = replicas[0].entries(community)
        assert [entry["n"] for entry in entries] == list(range(150, 0, -1))
        assert replicas[1].broken(community) is None
    acts = {e["act"] for c in ("lijing", "shengtaiyuan") for e in replicas[0].entries(c)}
    assert acts == {f"act-{n}" for n in range(300)}


@pytest.mark.parametrize("tamper", ["change", "remove", "swap"])
def test_tampering_shows_where_it_happened(replicas: list[Audit], tamper: str) -> None:
    log = replicas[0]
    for n in range(10):
        log.record(_call(), f"act-{n}")
    rows = log._entries
    if tamper == "change":
        rows.update_one({"_id": "lijing:4"}, {"$set": {"act": "nothing"}})
    elif tamper == "remove":
        rows.delete_one({"_id": "lijing:4"})
    else:
        fourth, fifth = rows.find_one({"_id": "lijing:4"}), rows.find_one({"_id": "lijing:5"})
        rows.delete_many({"_id": {"$in": ["lijing:4", "lijing:5"]}})
        rows.insert_many([fifth | {"_id": "lijing:4", "n": 4}, fourth | {"_id": "lijing:5", "n": 5}])
    assert log.broken("lijing") == 4
