"""The hash chain: two writers at once, and every way to tamper with it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.petitions.directory import Somebody
from shared.calls import Call
from shared.rules.errors import Unavailable
from shared.runtime.chain_writer import check_record
from shared.security.audit import ACTS_A_QUERY, Audit
from shared.storage.mongo import connect
from shared.storage.tenants import Tenants
from shared.storage.trail import digest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def replicas(database: Any) -> list[Audit]:
    name = f"audit_{uuid.uuid4().hex[:12]}"
    clients = [connect(database.uri, 5) for _ in range(3)]
    made = [Audit("test", client, name, Tenants(client, name)) for client in clients]
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


def _act(record: str, n: int) -> dict[str, Any]:
    return {
        "key": f"{record}/{n}",
        "act": "petition_filed",
        "actor": "worker",
        "roles": ["worker"],
        "subjects": [record],
        "purpose": "",
        "route": "",
        "correlation": "c",
        "at": NOW,
        "digest": "d",
    }


def test_acts_are_appended_once_however_often_and_by_whomever_they_are_written(replicas: list[Audit]) -> None:
    acts = [_act("petitions/p1", n) for n in range(1, 141)]

    def write(n: int) -> None:
        replicas[n % 3].extend("lijing", acts[: 35 * (n % 4 + 1)])
        replicas[n % 3].record(_call(), f"refused-{n}")

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(write, range(12)))
    keys = [e["key"] for e in replicas[0].entries("lijing") if e["digest"]]
    assert sorted(keys) == sorted(act["key"] for act in acts)
    assert replicas[0].length("lijing")[0] == 140 + 12
    assert replicas[1].verify("lijing") == []


def test_an_act_costs_no_more_behind_a_backlog_or_a_long_chain(replicas: list[Audit], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = replicas[:2]
    one.extend("lijing", [_act("petitions/p1", n) for n in range(1, 601)])
    other.record(_call(), "refused")  # from here on it knows of an entry
    one.extend("lijing", [_act("petitions/p2", n) for n in range(1, 11)])
    asked: list[dict[str, Any]] = []

    class Noted:
        def __getattr__(self, name: str) -> Any:
            real = getattr(entries, name)
            return (lambda where, *a, **k: (asked.append(where), real(where, *a, **k))[1]) if name.startswith("find") else real

    entries = other._entries
    monkeypatch.setattr(other, "_entries", Noted())
    monkeypatch.setattr(other, "_settled", Noted())
    other.extend("lijing", [_act("petitions/p3", n) for n in range(1, 201)])
    ends = [where for where in asked if "n" in where]
    assert ends, "the other's entries were not run into"
    assert all(entries.count_documents(where) <= 211 for where in ends)  # what came since, of 811
    assert max(len(where["key"]["$in"]) for where in asked if "key" in where) == ACTS_A_QUERY
    assert one.length("lijing")[0] == 811
    assert one.verify("lijing") == []


def test_an_end_that_the_server_has_lost_is_not_built_upon(replicas: list[Audit], monkeypatch: pytest.MonkeyPatch) -> None:
    log = replicas[0]
    for n in range(1, 6):
        log.record(_call(), f"act-{n}")
    log._entries.delete_many({"_id": {"$in": ["lijing:4", "lijing:5"]}})  # a failover, or a restore
    assert log.length("lijing")[0] == 3
    log.record(_call(), "act-6")
    assert log.verify("lijing") == []
    # Nor where it fails in the middle of it, before anybody asked for the end.
    entries = log._entries

    class Lost:
        def insert_many(self, *_: Any, **__: Any) -> None:
            entries.delete_one({"_id": "lijing:4"})
            raise AutoReconnect("failover")

    monkeypatch.setattr(log, "_entries", Lost())
    with pytest.raises(Unavailable):
        log.record(_call(), "act-7")
    monkeypatch.setattr(log, "_entries", entries)
    log.record(_call(), "act-8")
    assert [e["act"] for e in log.entries("lijing")] == ["act-8", "act-3", "act-2", "act-1"]
    assert log.verify("lijing") == []


def test_every_entry_that_does_not_fit_is_found_and_told_where(replicas: list[Audit]) -> None:
    log = replicas[0]
    log.extend("lijing", [_act("petitions/p1", n) for n in range(1, 13)])
    rows = log._entries
    rows.update_one({"_id": "lijing:3"}, {"$set": {"digest": "another"}})
    rows.update_one({"_id": "lijing:5"}, {"$set": {"actor": "nobody"}})
    rows.delete_many({"_id": {"$in": ["lijing:8", "lijing:9"]}})
    found = [(finding.n, finding.what.partition(":")[0]) for finding in log.verify("lijing")]
    assert found == [(3, "changed"), (5, "changed"), (8, "removed")]


def test_a_record_that_was_set_back_or_says_more_than_the_chain_shows(replicas: list[Audit]) -> None:
    log, key = replicas[0], b"k" * 32
    first, second = (
        Somebody(id="p", community="lijing", roles=["worker"]),
        Somebody(id="p", community="lijing", roles=["court"]),
    )
    acts = [
        {
            "key": f"people/p/{n}",
            "act": "changed",
            "actor": "",
            "roles": [],
            "subjects": ["p"],
            "purpose": "",
            "route": "",
            "correlation": "",
            "at": NOW,
            "digest": digest(key, state),
        }
        for n, state in ((1, first), (2, second))
    ]
    log.extend("lijing", acts)

    def found(n, state, waits=()):
        return check_record(log, "people", key, {"trail": n, "trail_acts": list(waits)}, state)

    assert found(2, second) is None
    assert "changed after" in found(2, first).what
    assert "set back" in found(1, first).what
    assert "no such one" in found(3, second).what
    assert found(3, first, [acts[0] | {"key": "people/p/3"}]) is None, "an act that waits for the writer"
    log._entries.update_one({"_id": "lijing:1"}, {"$set": {"digest": ""}})
    assert log.broken("lijing") == 1


def test_what_was_cut_off_shows_against_a_signed_checkpoint_alone(replicas: list[Audit]) -> None:
    from shared.runtime.chain_writer import check_against

    log = replicas[0]
    log.extend("lijing", [_act("petitions/p1", n) for n in range(1, 13)])
    signed = [{"n": 10, "hash": log.hash_of("lijing", 10)}]
    log._entries.delete_many({"_id": {"$in": ["lijing:11", "lijing:12"]}})
    assert log.verify("lijing") == []
    assert check_against(log, "lijing", signed) == []
    log._entries.delete_many({"_id": "lijing:10"})
    assert log.verify("lijing") == []
    assert [f.what.partition(":")[0] for f in check_against(log, "lijing", signed)] == ["truncated"]
    assert [f.what.partition(":")[0] for f in check_against(log, "lijing", [{"n": 9, "hash": "x"}])] == ["rewritten"]
