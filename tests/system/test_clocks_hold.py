"""What others get wrong: clocks that restart, cases that are skipped, notices that are lost, filing that needs a name."""

from __future__ import annotations

import copy
import os
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.system.petitioning import DOCUMENT, OPINION, act, anonymous, by_receipt, deadlines, filed
from tests.system.world import SHANGHAI, Community, World, invented_phone

EARLY = datetime(1990, 1, 1, tzinfo=UTC)


def clones(world: World, community: Community, count: int, due: Any, prefix: str) -> list[str]:
    """`count` more of a petition that was filed, each due at `due(n)`: as a year of filing leaves them, in seconds."""
    made = filed(community, community.worker)
    world.settle()
    collection = world.mongo["petitions"]["petitions"]
    one = collection.find_one({"_id": made["id"], "community": community.slug})
    assert one is not None
    ids = [f"{prefix}-{n:05d}" for n in range(count)]
    documents = []
    for n, id in enumerate(ids):
        document = copy.deepcopy(one) | {"_id": id, "number": f"{prefix}{n:05d}", "replies": [], "outbox": [], "trail_acts": []}
        moment = due(n)
        day = (moment.astimezone(SHANGHAI) - timedelta(days=1)).date().isoformat()
        running = one["clocks"][0] | {"due": day, "told": 1, "state": "running"}
        documents.append(document | {"due": moment, "next_due": moment, "agenda": moment, "clocks": [running], "assignee": ""})
    # Until the last one is written nothing is due yet: no sweep sees a part of them.
    with world.clock_at(EARLY - timedelta(days=365)):
        for start in range(0, count, 200):  # the server must answer its heartbeats in between
            collection.insert_many(documents[start : start + 200], ordered=False)
        # As a service would, or its timers would not know.
        written = {"$set": {"written.petitions": datetime.now(UTC)}}
        world.mongo["petitions"]["tenants"].update_one({"_id": community.slug}, written)
    return ids


def forget(world: World, prefix: str) -> None:
    """The clones are for one test alone."""
    collection = world.mongo["petitions"]["petitions"]
    for slug in ("lijing", "shengtaiyuan"):
        collection.delete_many({"community": slug, "number": {"$gte": prefix, "$lt": prefix + "~"}})


def missed(world: World, prefix: str) -> list[tuple[str, str]]:
    """(case, level) of each event, in the order in which they were heard first. The wire is at least once: an event that
    comes again has its id; a stage that was said twice would be two events, with two."""
    mine = (e for e in world.ear.named("deadline_missed") if e["subject"].startswith(prefix))
    first: dict[str, tuple[str, str]] = {}
    for event in mine:
        first.setdefault(event["id"], (event["subject"], event["body"]["level"]))
    return list(first.values())


def test_an_edit_or_a_comment_moves_no_deadline(lijing: Community) -> None:
    id = filed(lijing, lijing.worker, received_at="2026-11-20T10:00:00+08:00")["id"]
    before = deadlines(lijing.worker.get(lijing.path(f"/petitions/{id}")))
    act(lijing, lijing.worker, id, "supplement", text="补充")
    act(lijing, lijing.worker, id, "assign", assignee=lijing.id_of("worker"))
    act(lijing, lijing.worker, id, "urgent", reason="群体")
    assert deadlines(lijing.worker.get(lijing.path(f"/petitions/{id}"))) == before
    act(lijing, lijing.worker, id, "register", authority="street-letters-office")
    after = deadlines(lijing.worker.get(lijing.path(f"/petitions/{id}")))
    assert after == {name: due for name, due in before.items() if name != "register"}


def test_an_unassigned_case_escalates_level_by_level(world: World, lijing: Community) -> None:
    id = filed(lijing, lijing.worker)["id"]
    due = datetime.fromisoformat(deadlines(lijing.worker.get(lijing.path(f"/petitions/{id}")))["register"])

    def levels():
        return [e["body"]["level"] for e in world.heard("deadline_missed", id) if e["body"]["clock"] == "register"]

    with world.clock_at(due.replace(tzinfo=SHANGHAI) + timedelta(days=1)):
        world.until(lambda: levels() == ["duty_lead"], what="the first level")
    number = lijing.worker.get(lijing.path(f"/petitions/{id}"))["number"]
    kept = world.mongo["notifications"]["deliveries"]
    where = {"community": "lijing", "recipient": lijing.id_of("duty_lead"), "template": "deadline_missed", "params.n": number}
    world.until(lambda: kept.find_one(where), what="the duty lead to be told")
    with world.clock_at(due.replace(tzinfo=SHANGHAI) + timedelta(days=20)):
        world.until(lambda: levels() == ["duty_lead", "secretary", "street_officer"], what="every level")
    world.settle()
    assert levels() == ["duty_lead", "secretary", "street_officer"]
    assert [e["body"]["clock"] for e in world.heard("deadline_near", id)].count("register") == 1


def test_with_ten_thousand_open_cases_the_oldest_comes_first_and_within_one_sweep(
    world: World, shengtaiyuan: Community
) -> None:
    now, prefix = datetime.now(UTC), "ZA"

    # The oldest were written last: neither the order of birth nor a page of a hundred finds them.
    def late(n):
        return n >= 9_900

    def due(n):
        return EARLY - timedelta(minutes=n) if late(n) else now + timedelta(days=30)

    try:
        began = time.monotonic()
        ids = clones(world, shengtaiyuan, 10_000, due, prefix)
        world.until(lambda: len(missed(world, prefix)) >= 300, 90, "every level of all that are due")
        took = time.monotonic() - began
        heard = missed(world, prefix)
        assert heard[0][0] == ids[-1]
        firsts = list(dict.fromkeys(case for case, _ in heard))
        # The two replicas' relays publish side by side: the order of saving is that of the acts.
        assert sorted(firsts, reverse=True)[:10] == sorted(firsts[:10], reverse=True)
        # Those that were there together were found together: each sweep takes all that is due.
        sweeps = {e["body"]["at"] for e in world.ear.named("deadline_missed") if e["subject"] in ids}
        assert len(sweeps) <= 2
        assert Counter(heard) == Counter(
            {(id, level): 1 for id in ids[9_900:] for level in ("duty_lead", "secretary", "street_officer")}
        )
        print(f"100 of 10,000 open cases escalated {took:.1f} s after the first was there, in {len(sweeps)} sweeps")
    finally:
        forget(world, prefix)


def test_a_sweep_killed_half_way_and_two_at_once_neither_miss_nor_repeat(world: World, shengtaiyuan: Community) -> None:
    prefix, collection = "ZB", world.mongo["petitions"]["petitions"]
    ids: list[str] = []
    try:
        ids = clones(world, shengtaiyuan, 300, lambda n: EARLY + timedelta(minutes=n), prefix)
        world.until(lambda: len(missed(world, prefix)) > 30, what="the sweep to begin")
        for n in (0, 1):
            os.kill(world.stack.pid(f"petitions-{n}"), signal.SIGKILL)
            world.until(lambda: not world.stack.not_ready(), what="the replica to come back")
        waits = {"community": "shengtaiyuan", "number": {"$gte": prefix, "$lt": prefix + "~"}}
        world.until(lambda: all(d["due"] is None for d in collection.find(waits, {"due": 1})), 90, "the rest of the sweep")
        world.settle(200)  # what the dead replica had published is taken out of 300 documents by the other one
        distinct = {
            e["id"]: (e["subject"], e["body"]["level"])
            for e in list(world.ear.events)
            if e["name"] == "deadline_missed" and e["subject"].startswith(prefix)
        }
        expected = {(id, level) for id in ids for level in ("duty_lead", "secretary", "street_officer")}
        assert set(distinct.values()) == expected
        assert len(distinct) == len(expected), "a stage was said twice, as two events"
    finally:
        forget(world, prefix)


def test_a_notice_that_fails_is_tried_again_and_at_last_visible_as_failed(world: World, lijing: Community) -> None:
    person = lijing.register(phone=invented_phone(), email=f"case-{time.time_ns()}@lijing.example")["id"]
    id = filed(lijing, lijing.worker, petitioners=[{"resident_id": person}])["id"]

    def mail():
        return next(
            (d for d in lijing.worker.get(lijing.path(f"/deliveries?recipient={person}&channel=mail"))["items"]), {"state": ""}
        )

    world.stack.stop("mail")
    try:
        act(lijing, lijing.worker, id, "register", authority="street-letters-office")
        world.until(lambda: mail().get("reason") == "smtp_unavailable", what="the first try to fail")
        world.until(lambda: mail()["tries"] >= 2 and mail()["state"] == "PENDING", what="another try to fail")
        # The tries between lie minutes to hours apart: only the last one is waited for.
        where = {"_id": mail()["id"], "community": "lijing"}
        world.mongo["notifications"]["deliveries"].update_one(where, {"$set": {"tries": 10, "due": datetime.now(UTC)}})
        world.until(lambda: mail()["state"] == "FAILED", what="the last try")
    finally:
        world.stack.start("mail")
    world.until(lambda: world.heard("delivery_failed", mail()["id"]), what="the failure to be said")


def test_notices_wait_for_petitions_to_say_whom(world: World, lijing: Community) -> None:
    person = lijing.register()["id"]
    id = filed(lijing, lijing.worker, petitioners=[{"resident_id": person}])["id"]
    world.settle()

    def retried():
        log = world.here.path("logs", "notifications-0.log").read_text()
        return sum('"retried"' in line and "petition_registered" in line for line in log.splitlines())

    misfires, before = world.faults / "notifications.tell_the_parties_of_cases.fails", retried()
    misfires.touch()
    try:
        act(lijing, lijing.worker, id, "register", authority="street-letters-office")
        world.until(lambda: retried() > before, what="a try to fail")
        assert lijing.told(person) == []
    finally:
        misfires.unlink()
    world.until(lambda: lijing.told(person, "case_registered"), what="the notice")
    world.settle()
    assert len(lijing.told(person, "case_registered")) == 1


def test_anonymous_filing_works(lijing: Community) -> None:
    made = anonymous(lijing)
    assert by_receipt(lijing, made["receipt_code"]).json()["number"] == made["number"]


def test_a_search_never_finds_another_communitys_case(world: World, lijing: Community) -> None:
    two, phone = world.open("lijing2"), invented_phone()
    worker, _ = two.appoint("worker")
    here = filed(lijing, lijing.worker, petitioners=[{"name": "周测试", "phone": phone}])
    there = filed(two, worker, petitioners=[{"name": "周测试", "phone": phone}])
    for who, community, mine, other in ((lijing.worker, lijing, here, there), (worker, two, there, here)):
        path = community.path("/petitions/search")

        def search(asked, who=who, path=path):
            return {p["id"] for p in who.post(path, asked | {"limit": 200}, key="")["items"]}

        for asked in ({"phone": phone}, {"number": mine["number"]}, {"topic": "噪声"}, {"state": "received"}):
            assert mine["id"] in search(asked), asked
            assert other["id"] not in search(asked), asked
        assert search({"number": other["number"]}) == set()
    assert lijing.worker.call("GET", two.path(f"/petitions/{there['id']}")).status_code == 404


def test_a_petition_goes_through_every_branch_to_its_final_bar(world: World, lijing: Community) -> None:
    street, person = lijing.as_("street_officer"), lijing.register()["id"]
    now = datetime.now(SHANGHAI)

    def day(n: float, who: Any, what: str, status: int = 200, **body: Any) -> dict[str, Any]:
        with world.clock_at(now + timedelta(days=n)):
            return act(lijing, who, id, what, status, **body)

    # Within the 30 days that listeners remember, and so long ago that the first window ends soon.
    with world.clock_at(now - timedelta(days=29)):
        id = filed(lijing, lijing.worker, petitioners=[{"resident_id": person}], channel="phone")["id"]
    day(-28.9, lijing.worker, "register", authority="street-letters-office")
    assert day(-28.8, street, "decline", code="not_within_scope", reason="不属信访")["state"] == "declined"
    assert "accept" in deadlines(day(-28.7, lijing.worker, "reopen", new_facts="有新证据"))
    assert day(-28.6, lijing.worker, "redirect", route="court", reason="可起诉")["state"] == "redirected"
    day(-28.5, lijing.worker, "reopen", new_facts="法院不予立案")
    assert day(-28.4, lijing.worker, "withdraw", reason="先协商")["state"] == "withdrawn"
    day(-28.3, lijing.worker, "reopen", new_facts="协商未成")
    day(-28.2, street, "accept")
    day(-28.1, street, "answer", **OPINION)
    day(-28, lijing.worker, "deliver")

    # Nobody asks for a review in time: the window lapses by itself.
    def state():
        return lijing.worker.get(lijing.path(f"/petitions/{id}"))["state"]

    with world.clock_at(now + timedelta(days=6)):
        world.until(lambda: state() == "closed", what="the window to lapse")
    assert day(6, lijing.worker, "review", 409, reason="太晚")["code"] == "window_over"
    day(6, lijing.worker, "reopen", new_facts="噪声又起")
    day(8, lijing.worker, "forward", authority="housing-bureau")
    day(9, street, "object", reason="不属管辖")
    day(10, lijing.worker, "forward", authority="street-office")
    day(11, lijing.worker, "settle", outcome="acknowledged")
    handled = day(12, street, "accept")
    day(15, lijing.worker, "pause", reason="mediation")
    day(25, lijing.worker, "resume")
    longer = day(55, street, "extend", reason="鉴定", code="expertise")
    first, second = (datetime.fromisoformat(deadlines(shown)["handle"]) for shown in (handled, longer))
    assert second - first == timedelta(days=30)
    assert day(85, lijing.worker, "answer", **OPINION, **DOCUMENT)["state"] == "answered"
    assert "review_window" in deadlines(day(87, lijing.worker, "deliver"))
    assert day(105, lijing.worker, "review", reason="不服")["state"] == "reviewing"
    assert day(125, street, "answer", **OPINION | {"outcome": "upheld"})["state"] == "reviewed"
    day(126, lijing.worker, "deliver")
    asked = day(145, lijing.worker, "review", reason="仍不服")
    assert asked["state"] == "rechecking"
    assert "recheck" not in deadlines(day(150, street, "pause", reason="hearing"))
    resumed = day(155, street, "resume")
    heard = [datetime.fromisoformat(deadlines(shown)["recheck"]) for shown in (asked, resumed)]
    assert heard[1] - heard[0] == timedelta(days=5)
    final = day(170, street, "answer", **OPINION | {"outcome": "upheld"})
    assert (final["state"], set(final["opinions"])) == ("rechecked", {"handle.4", "handle", "review", "recheck"})
    assert day(171, lijing.worker, "review", 409)["code"] == "final_bar"
    barred = day(171, lijing.worker, "reopen", 409)
    assert (barred["code"], barred["reason"]) == ("final_bar", "rechecked")
    later = filed(lijing, lijing.worker, petitioners=[{"resident_id": person}])["id"]
    linked = act(lijing, lijing.worker, later, "duplicate", first_id=id)
    assert (linked["state"], linked["reason"]) == ("duplicate", "final_bar")
    world.settle()
    said = [e["name"] for e in world.ear.events if e["subject"] == id]
    for name in ("registered", "forwarded", "forward_settled", "accepted", "paused", "resumed", "extended", "answered",
                 "reply_delivered", "review_asked", "declined", "redirected", "withdrawn", "reopened", "closed"):  # fmt: skip
        assert f"petition_{name}" in said, name
