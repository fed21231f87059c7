"""One suite for every store: the fake in memory is held to what the real one does."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import pytest

from shared.calls import Call, Replayed
from shared.events.bookings import RoomOpened
from shared.rules.errors import Conflict, Invalid, Missing, Stale, Unavailable
from shared.runtime.testing import Collector, MemoryStore
from shared.security.privacy import PlainVault
from shared.storage.store import Store, Taken
from tests.store.seats import KIND, NOW, Session, backend_of, call, opened, seat, take


class MongoStore(Store[Any]):
    """The real one."""

    def __init__(self, uri: str, outbox_cap: int = 200) -> None:
        self.events = Collector()
        backend = backend_of(uri, f"test_{uuid.uuid4().hex[:12]}")
        backend.prepare()
        super().__init__(KIND, backend, self.events, PlainVault(), outbox_cap)


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryStore(KIND)
    return MongoStore(request.getfixturevalue("database").uri)


def refuse(session: Session) -> tuple[Session, list[Any]]:
    raise Conflict("no")


def test_what_is_created_is_found_in_its_community_alone(store: Any) -> None:
    made = store.create(call(), opened, name="a", note="hidden")
    assert (made.version, made.community, made.born) == (1, "lijing", NOW)
    assert store.get(call(), made.id) == made
    with pytest.raises(Missing):
        store.get(call("shengtaiyuan"), made.id)
    with pytest.raises(Missing):
        store.change(call("shengtaiyuan"), made.id, take, "x")


def test_a_query_without_its_community_cannot_be_asked(store: Any) -> None:
    with pytest.raises(ValueError, match="community"):
        store.backend.query({"name": "a"}, [("born", 1)], 1)


def test_what_was_due_before_is_forgotten_in_its_community_alone(store: Any) -> None:
    moments = [NOW - timedelta(days=1), NOW, NOW + timedelta(days=1), None]
    ids = [store.create(call(), opened, claims=[str(n)], due=due).id for n, due in enumerate(moments)]
    elsewhere = store.create(call("shengtaiyuan"), opened, due=moments[0])
    store.backend.forget("lijing", NOW)
    assert [found is not None for found in store.several(call(), ids)] == [False, True, True, True]
    assert store.find("shengtaiyuan", elsewhere.id) == elsewhere
    with pytest.raises(Missing):
        store.change(call(), ids[0], take, "x")
    store.create(call(), opened, claims=["0"])  # what it held is free


def test_a_taken_value_is_refused_and_free_again_after_release(store: Any) -> None:
    first = store.create(call(), opened, claims=["r/1", "r/2"])
    with pytest.raises(Taken):
        store.create(call(), opened, claims=["r/2", "r/3"])
    with pytest.raises(Invalid, match="mine"):
        store.create(call(), opened, claims=["r/2"], refusal=lambda: Invalid("mine"))
    store.create(call("shengtaiyuan"), opened, claims=["r/2"])
    store.change(call(), first.id, lambda s: (s.but(claims=[s.id]), []))
    store.create(call(), opened, claims=["r/2", "r/3"])


def test_events_wait_in_the_outbox_numbered_and_do_not_bump_the_version(store: Any) -> None:
    made = store.create(call(), opened)
    store.change(call(), made.id, take, "a")
    (document,) = store.backend.read([("lijing", made.id)])
    assert [row["sequence"] for row in document["outbox"]] == [1, 2]
    assert [row["id"] for row in store.events.rows] == [row["id"] for row in document["outbox"]]
    store.backend.remove_events([("lijing", made.id, document["outbox"][0]["id"])])
    (document,) = store.backend.read([("lijing", made.id)])
    assert [row["sequence"] for row in document["outbox"]] == [2]
    assert document["version"] == 2


def test_a_full_outbox_refuses_new_commands() -> None:
    store = MemoryStore(KIND, outbox_cap=2)
    made = store.create(call(), opened)
    store.change(call(), made.id, take, "a")
    with pytest.raises(Unavailable, match="outbox_full"):
        store.change(call(), made.id, take, "b")


def test_while_events_go_out_a_full_outbox_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(KIND, outbox_cap=2)
    made = store.create(call(), opened)
    store.change(call(), made.id, take, "a")
    store.events.connected = True
    gone = ("lijing", made.id, store.events.rows[0]["id"])
    timer = threading.Timer(0.2, store.backend.remove_events, [[gone]])
    timer.start()
    assert store.change(call(), made.id, take, "b").version == 3
    timer.join()
    monkeypatch.setattr("shared.storage.store.PATIENCE_SECONDS", 0.1)
    with pytest.raises(Unavailable, match="outbox_full"):
        store.change(call(), made.id, take, "c")


def test_a_repeated_create_replays_its_reply_and_another_body_is_refused(store: Any) -> None:
    keyed = {"key": "k1", "body_hash": "h1", "status": 201}
    made = store.create(call(**keyed), opened)
    with pytest.raises(Replayed) as again:
        store.create(call(**keyed), opened)
    assert (again.value.status, orjson.loads(again.value.body)) == (201, {"id": made.id, "version": 1})
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        store.create(call(key="k1", body_hash="h2"), opened)
    with pytest.raises(Replayed):
        store.create(call(**keyed), lambda id: refuse(Session()))
    assert len(store.events.rows) == 1


def test_a_repeated_change_replays_its_reply_and_a_refusal_decides_again(store: Any) -> None:
    made = store.create(call(), opened)
    keyed = {"key": "k2", "body_hash": "h", "status": 200}
    with pytest.raises(Conflict, match="no"):
        store.change(call(**keyed), made.id, refuse)
    store.change(call(**keyed), made.id, take, "a")
    with pytest.raises(Replayed) as again:
        store.change(call(**keyed), made.id, take, "a")
    assert (again.value.version, store.get(call(), made.id).taken) == (2, ["a"])


def test_a_repeated_event_changes_nothing(store: Any) -> None:
    made = store.create(call(caused_by="e1"), opened)
    assert store.create(call(caused_by="e1"), opened) == made
    store.change(call(caused_by="e2"), made.id, take, "a")
    assert store.change(call(caused_by="e2"), made.id, take, "a").taken == ["a"]
    assert store.create_all([(call(caused_by="e1"), made, [])]) == 0
    assert len(store.events.rows) == 2


def test_a_condition_on_another_version_is_stale(store: Any) -> None:
    made = store.create(call(), opened)
    store.change(call(if_match=1), made.id, take, "a")
    with pytest.raises(Stale):
        store.change(call(if_match=1), made.id, take, "b")


def test_a_change_begins_with_what_its_call_has_read_and_decides_on_what_is_there(store: Any) -> None:
    store.create(call(), opened, id="s1")
    reads, read = [], store.backend.read
    store.backend.read = store._reads._act = lambda keys: (reads.append(keys), read(keys))[1]
    mine = call()
    assert store.get(mine, "s1").taken == []
    assert store.change(mine, "s1", take, "a").taken == ["a"]
    assert len(reads) == 1
    assert store.change(mine, "s1", take, "b").taken == ["a", "b"], "what was read is good for one change"
    assert len(reads) == 2
    late = call()
    assert store.get(late, "s1").taken == ["a", "b"]
    store.change(call(), "s1", take, "c")
    assert store.change(late, "s1", take, "d").taken == ["a", "b", "c", "d"]
    assert store.get(call(), "s1").version == 5


def test_a_decision_that_changes_nothing_writes_nothing(store: Any) -> None:
    store.create(call(), opened, name="a", id="s1")
    assert store.change(call(), "s1", lambda session: (session.but(name="a"), [])).version == 1
    assert store.get(call(), "s1").version == 1


def test_a_page_by_another_time_keeps_what_else_is_asked_of_it(store: Any) -> None:
    for n in range(10):
        store.create(dataclasses.replace(call(), at=NOW + timedelta(days=n)), opened, id=f"s{n}")
    late = store.page(call(), {"born": {"$gte": NOW + timedelta(days=7)}}, by="born")
    assert [session.id for session in late.items] == ["s7", "s8", "s9"]


def test_a_tombstone_is_seen_by_nobody_and_its_last_events_still_leave(store: Any) -> None:
    made = store.create(call(key="k", body_hash="h"), opened, note="secret")
    store.change(call(), made.id, lambda s: (s.but(tombstone=True), [RoomOpened(s.id, "x", 1, NOW)]))
    assert store.find("lijing", made.id) is None
    assert store.all("lijing", {}) == []
    with pytest.raises(Missing):
        store.change(call(), made.id, take, "a")
    (document,) = store.backend.read([("lijing", made.id)])
    assert (len(document["outbox"]), document["sealed"], document["find"], document["replies"]) == (2, None, {}, [])


def test_pages_follow_each_other_without_gap_or_repeat(store: Any) -> None:
    made = [store.create(Call(community="lijing", at=NOW + timedelta(seconds=n // 2)), opened).id for n in range(7)]
    for newest_first in (False, True):
        seen: list[str] = []
        after: str | None = ""
        for _ in range(3):
            page = store.page(call(), newest_first=newest_first, limit=3, after=after or "")
            seen += [item.id for item in page.items]
            after = page.next
        assert after is None
        assert sorted(seen) == sorted(made)
        assert len(set(seen)) == 7
    with pytest.raises(Invalid):
        store.page(call(), after="nonsense")


def test_personal_fields_are_found_by_token(store: Any) -> None:
    made = store.create(call(), opened, note="findme")
    assert [s.id for s in store.page(call(), store.searched(call(), "note", "findme")).items] == [made.id]
    assert store.page(call("shengtaiyuan"), store.searched(call("shengtaiyuan"), "note", "findme")).items == []


def test_200_takers_of_60_seats_are_each_told_the_truth(store: Any) -> None:
    made = store.create(call(), opened)
    gate = threading.Barrier(200)

    def taker(n: int) -> int:
        gate.wait(30)
        return int(store.change(call(), made.id, seat, str(n)).taken.index(str(n)))

    with ThreadPoolExecutor(200) as pool:
        places = list(pool.map(taker, range(200)))
    assert sorted(places) == list(range(200))
    assert Counter(place < 60 for place in places) == {True: 60, False: 140}
    assert store.get(call(), made.id).version == 201


def test_one_who_fails_does_not_spoil_the_batch(store: Any) -> None:
    made = store.create(call(), opened)

    def act(n: int) -> str:
        try:
            store.change(call(), made.id, *((refuse,) if n % 3 == 0 else (seat, str(n))))
        except Conflict as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(30) as pool:
        assert Counter(pool.map(act, range(30))) == {"no": 10, "done": 20}
    assert len(store.get(call(), made.id).taken) == 20


def test_ensure_makes_it_once_and_leaves_the_gone_alone(store: Any) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: store.ensure(call(), "s1", lambda id: Session(claims=[id]), seat, str(n)), range(20)))
    assert len(store.get(call(), "s1").taken) == 20
    store.change(call(), "s1", lambda s: (s.but(tombstone=True), []))
    assert store.ensure(call(), "s1", lambda id: Session(), seat, "late").tombstone
    assert store.find("lijing", "s1") is None


def test_lists_read_no_more_than_they_return(database: Any) -> None:
    store = MongoStore(database.uri)
    documents = [opened(f"s{n:04}", name=f"n{n % 20}", note="sun" if n % 50 == 0 else "")[0] for n in range(1000)]
    store.create_all([(call(), document.but(id=document.claims[0]), []) for document in documents])
    store.change(call(), "s0020", lambda s: (s.but(tombstone=True), []))
    asked: list[Any] = []
    listed = store.backend._listed  # type: ignore[attr-defined]
    store.backend._listed = lambda order, where, limit: asked.append(where) or listed(order, where, limit)  # type: ignore[attr-defined]
    claims = [f"s{n:04}" for n in range(100, 140)]
    assert len(store.all("lijing", {"claims": {"$in": claims}})) == 40
    assert len(store.all("lijing", {"name": "n0"})) == 49, "the one that is gone is not in it"
    first = store.page(call(), {"name": "n3"}, limit=30)
    assert len(store.page(call(), {"name": "n3"}, limit=30, after=first.next or "").items) == 20
    assert len(store.page(call(), store.searched(call(), "note", "sun"), limit=50).items) == 20
    collection = store.backend._collection  # type: ignore[attr-defined]
    assert len(asked) >= 5
    for where in asked:
        stats = collection.find(where).explain()["executionStats"]
        assert stats["totalDocsExamined"] <= 2 * max(stats["nReturned"], 1), where
