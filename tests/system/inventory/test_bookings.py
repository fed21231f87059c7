"""The rows of the inventory that bookings makes true, played through the public API. One test a row, named after it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests.system.scenes import Class, Week, fill, refused
from tests.system.world import Community, World, at_once, invented_phone, tomorrow


def test_P2_a_ninth_is_waitlisted_and_a_cancellation_promotes_and_tells(world: World, shengtaiyuan: Community) -> None:
    session = shengtaiyuan.programme(tomorrow(14), title="象棋")["session"]
    places = fill(shengtaiyuan, session, 8)
    assert {p["state"] for p in places} == {"taken"}
    ninth = shengtaiyuan.register()["id"]
    waiting = shengtaiyuan.take(session, ninth).json()
    assert (waiting["state"], waiting["position"]) == ("waiting", 1)
    shengtaiyuan.worker.post(shengtaiyuan.path(f"/places/{places[3]['id']}/release"))
    offered = shengtaiyuan.worker.get(shengtaiyuan.path(f"/places/{waiting['id']}"))
    assert offered["state"] == "offered"
    world.settle()
    assert len(shengtaiyuan.told(ninth, "place_offered")) == 1
    confirmed = shengtaiyuan.worker.post(shengtaiyuan.path(f"/places/{waiting['id']}/confirm"))
    assert confirmed["state"] == "taken"


def test_P8_a_room_plan_cites_the_poll_that_it_follows(world: World, shengtaiyuan: Community) -> None:
    room = shengtaiyuan.room(name="书画室")
    plan = {"poll_id": "poll-2026-rooms", "rooms": [{"room_id": room["id"], "purpose": "书画"}]}
    shown = shengtaiyuan.secretary.call("PUT", shengtaiyuan.path("/centre/plan"), plan).json()
    assert shown["plan"]["poll_id"] == "poll-2026-rooms"
    assert shengtaiyuan.resident.get(shengtaiyuan.path("/centre"))["plan"]["rooms"][0]["purpose"] == "书画"
    without = shengtaiyuan.secretary.call("PUT", shengtaiyuan.path("/centre/plan"), {"rooms": plan["rooms"]})
    assert [e["field"] for e in refused(without, 422, "input_invalid")["errors"]] == ["poll_id"]
    world.settle()
    assert world.heard("plan_published")[-1]["body"]["poll_id"] == "poll-2026-rooms"


def test_P10_the_finance_zone_holds_a_slot_keeps_no_card_and_shows_its_steward_its_own(shengtaiyuan: Community) -> None:
    steward = shengtaiyuan.as_("steward")
    zone = shengtaiyuan.room(use="finance", capacity=4, stewards=[shengtaiyuan.id_of("steward")])
    other = shengtaiyuan.room()
    elder = shengtaiyuan.register(groups=["elder"])["id"]
    made = shengtaiyuan.reserve(shengtaiyuan.worker, zone["id"], tomorrow(9), resident_id=elder, purpose="缴费指导")
    assert made.status_code == 201
    again = shengtaiyuan.reserve(shengtaiyuan.resident, zone["id"], tomorrow(9))
    refused(again, 409, "slot_taken")
    for field in ("card", "card_number", "account", "bank_account"):
        reply = shengtaiyuan.reserve(shengtaiyuan.resident, zone["id"], tomorrow(10), **{field: "6222"})
        assert [e["field"] for e in refused(reply, 422, "input_invalid")["errors"]] == [field]
    elsewhere = shengtaiyuan.reserve(shengtaiyuan.resident, other["id"], tomorrow(9)).json()
    own = steward.get(shengtaiyuan.path(f"/reservations?room_id={zone['id']}"))["items"]
    assert [r["id"] for r in own] == [made.json()["id"]]
    assert steward.get(shengtaiyuan.path(f"/reservations?room_id={other['id']}"))["items"] == []
    assert steward.get(shengtaiyuan.path(f"/reservations/{made.json()['id']}"))["room_id"] == zone["id"]
    refused(steward.call("GET", shengtaiyuan.path(f"/reservations/{elsewhere['id']}")), 403, "not_yours")


def test_P12_a_meal_is_ordered_until_the_cut_off_and_the_kitchen_has_one_more(world: World, shengtaiyuan: Community) -> None:
    lunch, title = tomorrow(11, 30), f"午餐{uuid.uuid4().hex[:4]}"  # the demo has a 午餐, with a story of its own
    shengtaiyuan.programme(lunch, kind="meal", title=title, capacity=40)
    kitchen, day = shengtaiyuan.as_("kitchen"), lunch.date().isoformat()
    elders = [shengtaiyuan.register(groups=["elder"])["id"] for _ in range(3)]
    for elder in elders[:2]:
        file = {"diet": "低盐", "meals": True, "contacts": [shengtaiyuan.id_of("worker")]}
        assert shengtaiyuan.worker.call("PUT", shengtaiyuan.path(f"/elders/{elder}"), file).status_code == 200

    def order(elder):
        return shengtaiyuan.worker.call("POST", shengtaiyuan.path("/meals"), {"date": day, "meal": title, "resident_id": elder})

    before = kitchen.get(shengtaiyuan.path(f"/meals?date={day}"))["count"]
    place = order(elders[0])
    assert place.status_code == 201
    after = kitchen.get(shengtaiyuan.path(f"/meals?date={day}"))
    assert after["count"] == before + 1
    assert "低盐" in str(after["meals"])
    refused(order(elders[2]), 409, "no_meal_plan")
    with world.clock_at(lunch.replace(hour=9, minute=30)):
        refused(order(elders[1]), 409, "cut_off_passed")
        assert kitchen.get(shengtaiyuan.path(f"/meals?date={day}"))["count"] == before + 1
        path = shengtaiyuan.path(f"/meals/{place.json()['id']}/delivery")
        unanswered = kitchen.call("POST", path, {"outcome": "unanswered", "proof": "敲门三次无人应答"})
        assert unanswered.json()["state"] == "unanswered"
        world.settle()
    assert len(shengtaiyuan.told(shengtaiyuan.id_of("worker"), "meal_unanswered")) == 1
    assert len(shengtaiyuan.told(shengtaiyuan.id_of("duty_lead"), "meal_unanswered")) == 1
    levels = [(95, "able"), (90, "able"), (89, "mild"), (66, "mild"), (46, "moderate"), (30, "severe"), (29, "total")]
    for score, level in levels:
        assessed = shengtaiyuan.worker.post(shengtaiyuan.path(f"/elders/{elders[0]}/assessments"), {"score": score})
        assert assessed["assessments"][-1]["level"] == level


def test_L1_an_unlisted_collector_is_blocked_the_guardian_alerted_and_one_approval_opens(
    world: World, lijing: Community
) -> None:
    school = Class(world, lijing)
    refused(lijing.take(school.session, school.child, school.guardian), 409, "consent_missing")
    refused(school.enrol(consent=False), 422, "consent_missing")
    assert school.enrol().status_code == 201
    place = school.sign_in()
    stranger = {"name": "赵叔叔", "phone": "13600000002"}
    with world.clock_at(school.start + timedelta(minutes=115)):
        blocked = refused(school.release(place, collector=stranger), 409, "collector_unlisted")
        world.settle()
        assert len(lijing.told(school.guardian_id, "collector_refused")) >= 1
        assert len(world.heard("collector_refused", blocked["pickup_id"])) == 1
        day = school.start.date().isoformat()
        approval = {"child_id": school.child, "day": day, "collector": stranger}
        refused(lijing.resident.call("POST", lijing.path("/pickups/approvals"), approval), 403, "not_guardian")
        assert school.guardian.call("POST", lijing.path("/pickups/approvals"), approval).status_code == 201
        other = school.release(place, collector={"name": "钱叔叔", "phone": "13600000003"})
        refused(other, 409, "collector_unlisted")
        released = school.release(place, collector=stranger)
        assert (released.status_code, released.json()["state"]) == (201, "released")
        refused(school.release(place, collector=stranger), 409, "already_left")
    path = lijing.path(f"/pickups/{blocked['pickup_id']}")
    refused(lijing.worker.call("GET", path), 403, "approval_missing")
    acts = [act["act"] for act in school.guardian.get(path)["acts"]]
    assert acts == ["refused", "approved", "refused", "released"]


def test_L3_the_centres_page_has_its_floors_rooms_and_opening_date(lijing: Community) -> None:
    areas = [{"name": "一层服务区", "floor": 1, "use": "service", "square_metres": 400}]
    facts = {
        "site": "莲花池街道 1 号",
        "opened_on": "2019-06-01",
        "floors": 2,
        "areas": areas,
        "history": [{"on": "2019-06-01", "text": "由 160 平方米扩建"}],
    }
    assert lijing.secretary.call("PUT", lijing.path("/centre"), facts).status_code == 200
    page = lijing.resident.get(lijing.path("/centre"))
    assert (page["floors"], page["opened_on"]) == (2, "2019-06-01")
    assert "多功能厅" in [room["name"] for room in page["rooms"]]
    wrong = facts | {"areas": [areas[0] | {"floor": 3}]}
    reply = lijing.secretary.call("PUT", lijing.path("/centre"), wrong)
    assert [e["field"] for e in refused(reply, 422, "floor_unknown")["errors"]] == ["areas.0.floor"]


def test_L6_the_service_share_is_shown_and_below_97_percent_warns(world: World, lijing: Community) -> None:
    def page(service: float, office: float) -> tuple[str, str]:
        areas = [
            {"name": "服务", "floor": 1, "use": "service", "square_metres": service},
            {"name": "办公", "floor": 1, "use": "office", "square_metres": office},
        ]
        facts = {"site": "x", "floors": 2, "areas": areas}
        shown = lijing.secretary.call("PUT", lijing.path("/centre"), facts).json()
        return shown["service_percent"], shown["warning"]

    assert page(800, 24) == ("97.1 %", "")
    assert page(799, 25) == ("97.0 %", "service_share_below_97")
    assert page(97, 3) == ("97.0 %", "")
    world.settle()
    assert len(world.heard("service_share_fell", community="lijing")) == 1
    assert lijing.told(lijing.id_of("secretary"), "share_fell")


def test_L7_a_room_without_a_visit_in_30_days_is_idle(world: World, lijing: Community) -> None:
    idle, busy = lijing.room(name="=闲置"), lijing.room(name="忙碌")
    lijing.worker.post(lijing.path(f"/rooms/{busy['id']}/visits"), {"people": 3})
    day = tomorrow(0).date()
    report = lijing.worker.get(lijing.path(f"/reports/rooms?from={day}&to={day}"))
    flags = {line["room_id"]: line["idle"] for line in report["rooms"]}
    assert (flags[idle["id"]], flags[busy["id"]]) == (True, False)
    used = lijing.reserve(lijing.resident, idle["id"], tomorrow(10), hours=7).json()
    assert used["state"] == "confirmed"
    line = next(
        x for x in lijing.worker.get(lijing.path(f"/reports/rooms?from={day}&to={day}"))["rooms"] if x["room_id"] == idle["id"]
    )
    assert (line["open_hours"], line["used_hours"], line["rate"]) == (14.0, 7.0, 0.5)
    table = lijing.worker.call("GET", lijing.path(f"/reports/rooms.csv?from={day}&to={day}"))
    assert table.headers["Content-Type"].startswith("text/csv")
    assert "'=闲置" in table.content.decode("utf-8-sig")


@pytest.fixture
def roster(lijing: Community) -> Any:
    """A published week from next Monday, with two on duty everywhere but where a test says."""
    return Week(lijing)


def test_L12_an_evening_appointment_is_marked_extended_and_has_its_duty(world: World, lijing: Community, roster: Week) -> None:
    wednesday = roster.at(2, 18, 30)
    refused(roster.book(wednesday), 409, "nobody_on_duty")
    roster.fill()
    assert roster.publish().status_code == 200
    made = roster.book(wednesday)
    assert (made.status_code, made.json()["extended"], made.json()["state"]) == (201, True, "taken")
    shift = lijing.resident.get(lijing.path(f"/shifts/{wednesday.date()}.evening"))
    assert shift["people"] == roster.people
    assert shift["extended"]
    plain = roster.book(roster.at(2, 9)).json()
    assert (made.json()["label"], plain["label"], plain["extended"]) == ("延时", "", False)
    world.settle()
    assert lijing.told(made.json()["resident_id"], "appointment_confirmed")


def test_L13_the_last_appointment_goes_to_exactly_one(world: World, lijing: Community, roster: Week) -> None:
    roster.fill()
    roster.publish().raise_for_status()
    start = roster.at(3, 10)
    people = [lijing.register()["id"] for _ in range(4)]
    roster.book(start, people[0]).raise_for_status()
    replies = at_once(3, lambda n: roster.book(start, people[n + 1]))
    assert sorted(r.status_code for r in replies) == [201, 409, 409]
    losers = [r.json() for r in replies if r.status_code == 409]
    assert {r["code"] for r in losers} == {"slot_full"}
    assert all(len(r["alternatives"]) == 3 for r in losers)
    won = next(r.json() for r in replies if r.status_code == 201)
    lijing.worker.post(lijing.path(f"/places/{won['id']}/release"))
    assert roster.book(start, next(p for p in people[1:] if p != won["resident_id"])).status_code == 201
    with world.clock_at(start + timedelta(minutes=20)):
        world.until(lambda: lijing.worker.get(lijing.path(f"/conduct/{people[0]}"))["misses"], what="the no-show")
        world.settle()


def test_L14_a_roster_with_a_gap_is_not_published_without_an_exception(world: World, lijing: Community, roster: Week) -> None:
    roster.fill(f"{roster.at(5, 0).date()}.morning", f"{roster.at(5, 0).date()}.afternoon")
    gaps = refused(roster.publish(), 409, "roster_has_gaps")["gaps"]
    assert [gap["id"][:10] for gap in gaps] == [str(roster.at(5, 0).date())] * 2
    roster.assign(gaps[0]["id"], roster.people)
    reason = {"reason": "年检停电"}
    refused(roster.lead.call("POST", lijing.path(f"/shifts/{gaps[1]['id']}/exception"), reason), 403, "role_missing")
    lijing.secretary.post(lijing.path(f"/shifts/{gaps[1]['id']}/exception"), reason)
    assert roster.publish().json()["state"] == "published"
    # A swap, and then the last one leaves: appointments are uncovered, and the lead is alerted.
    shift = gaps[0]["id"]
    roster.assign(shift, [lijing.id_of("worker")])
    saturday = roster.at(5, 9, 30)
    place = roster.book(saturday).json()["id"]
    lijing.worker.post(lijing.path(f"/shifts/{shift}/swap"), {"person_id": lijing.id_of("duty_lead")})
    swapped = roster.lead.post(lijing.path(f"/shifts/{shift}/swap/answer"), {"agrees": True})
    assert swapped["people"] == [lijing.id_of("duty_lead")]
    roster.assign(shift, [])
    world.until(lambda: lijing.worker.get(lijing.path(f"/places/{place}"))["uncovered"], what="uncovered")
    world.settle()
    assert lijing.told(lijing.id_of("duty_lead"), "appointments_uncovered")
    roster.assign(shift, roster.people)
    world.until(lambda: not lijing.worker.get(lijing.path(f"/places/{place}"))["uncovered"], what="covered again")


def test_L14_whoever_leaves_is_on_duty_no_more_and_the_lead_is_alerted(world: World, lijing: Community, roster: Week) -> None:
    facts = {"name": "演示职员", "phone": invented_phone(), "roles": ["worker"]}
    leaver: str = lijing.secretary.post(lijing.path("/workers"), facts)["id"]
    world.settle()
    roster.fill()
    assert roster.publish().json()["state"] == "published"
    before, after = (f"{roster.at(day, 0).date()}.morning" for day in (0, 3))
    for shift in (before, after):
        roster.assign(shift, [leaver])
    place = roster.book(roster.at(3, 9, 30)).json()["id"]
    until = {"until": roster.at(2, 0).isoformat()}
    assert lijing.secretary.call("PATCH", lijing.path(f"/workers/{leaver}"), until).status_code == 200
    world.until(lambda: lijing.worker.get(lijing.path(f"/places/{place}"))["uncovered"], what="uncovered")

    def people(shift):
        return lijing.worker.get(lijing.path(f"/shifts/{shift}"))["people"]

    assert (people(before), people(after)) == ([leaver], [])


def test_L26_a_club_that_wants_the_halls_time_of_another_is_refused_with_alternatives(world: World, lijing: Community) -> None:
    hall = lijing.room(name="排练厅", capacity=60)["id"]
    leaders = [lijing.as_("guardian"), lijing.resident]
    ids = [lijing.id_of("guardian"), lijing.id_of("resident")]
    dance, rock = (
        lijing.worker.post(lijing.path("/clubs"), {"name": n, "leader": i})["id"]
        for n, i in zip(("广场舞", "摇滚乐"), ids, strict=True)
    )
    first = tomorrow(19)
    asked = {
        "title": "排练",
        "room_id": hall,
        "rule": "FREQ=DAILY;COUNT=3",
        "first": first.date().isoformat(),
        "begins": "19:00",
        "finishes": "20:00",
        "capacity": 40,
    }

    def practise(who, club, **more):
        return who.call("POST", lijing.path(f"/clubs/{club}/programmes"), asked | more)

    refused(practise(leaders[1], dance), 403, "not_leader")
    booked = practise(leaders[0], dance)
    assert booked.status_code == 201, booked.text
    clash = refused(practise(leaders[1], rock), 409, "clashes")
    assert clash["count"] == 3
    assert all(c["alternatives"] for c in clash["clashes"])
    assert clash["clashes"][0]["start"] == first.isoformat()
    later = practise(leaders[1], rock, begins="20:00", finishes="21:00")
    assert later.status_code == 201
    sessions = lijing.opened(booked.json()["id"])
    refused(lijing.take(sessions[0]["id"], client=leaders[1]), 409, "not_a_member")
    leaders[1].post(lijing.path(f"/clubs/{dance}/join"), {})
    place = lijing.take(sessions[0]["id"], client=leaders[1]).json()["id"]
    with world.clock_at(first):
        assert lijing.worker.post(lijing.path(f"/places/{place}/check-in"), {})["state"] == "present"


def test_L27_a_faulty_treadmill_cannot_be_booked_until_it_is_repaired(lijing: Community) -> None:
    treadmill = lijing.room(name="跑步机", use="equipment", capacity=1)["id"]
    lijing.resident.post(lijing.path(f"/rooms/{treadmill}/faults"), {"reason": "履带打滑"})
    problem = refused(lijing.reserve(lijing.resident, treadmill, tomorrow(9)), 409, "out_of_order")
    assert problem["reason"] == "履带打滑"
    day = tomorrow(9).date()
    slots = lijing.resident.get(lijing.path(f"/rooms/{treadmill}/availability?date={day}"))["slots"]
    assert {s.get("reason") for s in slots} == {"out_of_order"}
    lijing.worker.post(lijing.path(f"/rooms/{treadmill}/repair"))
    assert lijing.reserve(lijing.resident, treadmill, tomorrow(9)).status_code == 201


def test_L28_a_member_who_scans_twice_is_credited_once(world: World, lijing: Community) -> None:
    start = tomorrow(15)
    session = lijing.programme(start, kind="lesson", title="党课", capacity=40)["session"]
    place = lijing.take(session, client=lijing.resident).json()["id"]
    with world.clock_at(start):
        for _ in range(2):
            code = lijing.worker.get(lijing.path(f"/sessions/{session}/code"))
            assert "<svg" in code["svg"]
            seen = lijing.resident.post(lijing.path(f"/places/{place}/check-in"), {"code": code["code"]})
            assert seen["state"] == "present"
        forged = code["code"][:-6] + "AAAAAA"
        reply = lijing.resident.call("POST", lijing.path(f"/places/{place}/check-in"), {"code": forged})
        refused(reply, 422, "code_invalid")
        refused(lijing.resident.call("POST", lijing.path(f"/places/{place}/check-in"), {}), 422, "code_missing")
    with world.clock_at(start + timedelta(minutes=61)):
        me = lijing.id_of("resident")
        world.until(lambda: session in lijing.resident.get(lijing.path(f"/conduct/{me}"))["credits"], what="credit")
        world.settle()
    assert lijing.resident.get(lijing.path(f"/conduct/{me}"))["credits"].count(session) == 1
    assert [e["body"]["session_id"] for e in world.heard("lesson_credited", me)].count(session) == 1


def test_L30_the_41st_for_40_seats_waits(lijing: Community) -> None:
    session = lijing.programme(tomorrow(19), kind="film", title="红色电影", capacity=40)["session"]
    fill(lijing, session, 40)
    last = lijing.take(session, lijing.register()["id"]).json()
    assert (last["state"], last["position"]) == ("waiting", 1)


def test_L31_who_has_an_overdue_loan_borrows_nothing_until_it_is_returned(world: World, lijing: Community) -> None:
    books = [lijing.worker.post(lijing.path("/books"), {"title": t})["id"] for t in ("平凡的世界", "吕梁英雄传")]
    reader = lijing.register()["id"]

    def borrow(book):
        return lijing.worker.call("POST", lijing.path("/loans"), {"copy_id": book, "resident_id": reader})

    loan = borrow(books[0]).json()
    other = lijing.worker.call("POST", lijing.path("/loans"), {"copy_id": books[0], "resident_id": lijing.register()["id"]})
    refused(other, 409, "copy_lent")
    world.settle()
    with world.clock_at(tomorrow(12, days=28)):
        world.until(lambda: lijing.told(reader, "loan_due_soon"), what="the reminder")
        renewed = lijing.worker.post(lijing.path(f"/loans/{loan['id']}/renew"))
        assert renewed["renewals"] == 1
        world.settle()
    with world.clock_at(tomorrow(12, days=62)):
        refused(borrow(books[1]), 409, "loan_overdue")
        refused(lijing.worker.call("POST", lijing.path(f"/loans/{loan['id']}/renew")), 409, "loan_overdue")
        lijing.worker.post(lijing.path(f"/loans/{loan['id']}/return"))
        assert borrow(books[1]).status_code == 201
        world.settle()


def test_L32_without_a_reply_in_five_working_days_the_secretary_is_reminded(world: World, lijing: Community) -> None:
    start = tomorrow(9)
    session = lijing.programme(start, kind="parlour", title="书记接待日", capacity=1)["session"]
    asked = lijing.resident.post(lijing.path("/parlour"), {"session_id": session, "topic": "小区路灯"})
    refused(lijing.worker.call("GET", lijing.path(f"/parlour/{asked['id']}")), 403, "role_missing")
    world.settle()
    with world.clock_at(start + timedelta(minutes=5)):
        held = lijing.secretary.post(lijing.path(f"/parlour/{asked['id']}/held"))
    days = [start.date() + timedelta(days=n) for n in range(1, 20)]
    off = {(1, 1), (1, 2), (1, 3)}
    due = [d for d in days if d.weekday() < 5 and (d.month, d.day) not in off][4]
    assert held["reply_by"] == due.isoformat()
    before = len(lijing.told(lijing.id_of("secretary"), "parlour_overdue"))
    with world.clock_at(tomorrow(8).replace(year=due.year, month=due.month, day=due.day)):
        world.tick("bookings", "let_days_pass")
        world.settle()
        assert len(lijing.told(lijing.id_of("secretary"), "parlour_overdue")) == before
    with world.clock_at(tomorrow(0, 1).replace(year=due.year, month=due.month, day=due.day) + timedelta(days=1)):
        world.until(lambda: len(lijing.told(lijing.id_of("secretary"), "parlour_overdue")) == before + 1, what="the reminder")
        replied = lijing.secretary.post(lijing.path(f"/parlour/{asked['id']}/reply"), {"text": "本周维修"})
        assert replied["state"] == "replied"
        world.settle()


def test_L33_a_counsellors_note_is_closed_to_the_secretary_and_the_attempt_logged(world: World, lijing: Community) -> None:
    counsellor = lijing.as_("counsellor")
    room = lijing.room(use="counselling", name="心理咨询室")["id"]
    person = lijing.room(use="counsellor", capacity=1, stewards=[lijing.id_of("counsellor")])["id"]
    asked = {"room_id": room, "counsellor_id": person, "start": tomorrow(10).isoformat(), "end": tomorrow(11).isoformat()}
    talk = lijing.resident.post(lijing.path("/counselling"), asked)
    refused(lijing.reserve(lijing.as_("guardian"), room, tomorrow(10)), 422, "not_reservable")
    refused(lijing.as_("guardian").call("POST", lijing.path("/counselling"), asked), 409, "slot_taken")
    assert talk["id"] not in str(lijing.worker.get(lijing.path(f"/places?resident_id={lijing.id_of('resident')}&limit=200")))
    note = counsellor.post(lijing.path(f"/counselling/{talk['id']}/notes"), {"text": "初次谈话"})
    assert counsellor.get(lijing.path(f"/notes/{note['id']}"))["text"] == "初次谈话"
    since = world.mongo["bookings"]["audit"].count_documents({"act": "refused:confidential"})
    refused(lijing.secretary.call("GET", lijing.path(f"/notes/{note['id']}")), 403, "confidential")
    assert world.mongo["bookings"]["audit"].count_documents({"act": "refused:confidential"}) == since + 1
    assert lijing.secretary.call("GET", lijing.path(f"/rooms/{room}/calendar.ics")).status_code == 404
    assert talk["id"] not in str(lijing.worker.get(lijing.path(f"/reservations?room_id={room}")))
    world.settle()
    assert not [event for event in world.ear.events if talk["id"] in str(event)], "an outsider heard of it"
    (message,) = lijing.inbox(lijing.resident, "confidential_booked")
    assert "咨询" not in str(message)


def test_L34_a_veteran_has_a_priority_ticket_and_goes_first(lijing: Community) -> None:
    plain, veteran = lijing.register()["id"], lijing.register(groups=["veteran"])["id"]

    def draw(**body):
        return lijing.worker.post(lijing.path("/counter/queue"), body)

    first, second = draw(resident_id=plain), draw(resident_id=veteran)
    assert (first["priority"], second["priority"]) == (False, True)
    assert second["position"] < lijing.worker.get(lijing.path("/counter/queue"))["tickets"][-1]["position"]
    called = lijing.worker.post(lijing.path("/counter/queue/next"), {"desk": "1"})
    assert (called["ticket"], called["person_id"]) == (second["ticket"], veteran)
    held = lijing.worker.post(lijing.path(f"/counter/queue/{called['ticket']}/hold"))
    assert held["state"] == "held"
    next_one = lijing.worker.post(lijing.path("/counter/queue/next"), {"desk": "1"})
    assert next_one["ticket"] == first["ticket"]
    seen = lijing.resident.get(lijing.path("/counter/queue"))
    assert veteran not in str(seen)


def test_L36_a_visit_is_counted_and_nobody_asks_who(lijing: Community) -> None:
    rest = lijing.room(name="环卫工人之家", use="rest")["id"]
    lijing.worker.post(lijing.path(f"/rooms/{rest}/visits"), {"people": 2, "supplies": {"水": 2, "手套": 1}})
    log = lijing.worker.post(lijing.path(f"/rooms/{rest}/visits"), {"supplies": {"水": 1}})
    assert (log["visits"], log["supplies"]) == (3, {"水": 3, "手套": 1})
    for field in ("name", "phone", "id_number", "resident_id"):
        reply = lijing.worker.call("POST", lijing.path(f"/rooms/{rest}/visits"), {field: "x"})
        assert [e["field"] for e in refused(reply, 422, "input_invalid")["errors"]] == [field]


def test_L37_a_lost_item_goes_to_who_describes_it_and_signs(world: World, lijing: Community) -> None:
    rest = lijing.room(name="出租车司机之家", use="rest")["id"]
    features = {"颜色": "黑色", "里面": "钥匙两把"}
    item = lijing.worker.post(lijing.path("/lost-items"), {"room_id": rest, "category": "钱包", "features": features})
    shown = lijing.resident.pages(lijing.path("/lost-items"))
    assert item["id"] in {one["id"] for one in shown}
    assert "黑色" not in str(shown)
    path, claim = (
        lijing.path(f"/lost-items/{item['id']}/claim"),
        {"claimant": "孙师傅", "signature": "data:image/png;base64,AA"},
    )
    wrong = lijing.worker.call("POST", path, claim | {"features": features | {"里面": "钥匙三把"}})
    refused(wrong, 409, "description_differs")
    unsigned = lijing.worker.call("POST", path, {"claimant": "孙师傅", "features": features})
    assert [e["field"] for e in refused(unsigned, 422, "input_invalid")["errors"]] == ["signature"]
    handed = lijing.worker.post(path, claim | {"features": {"颜色": " 黑 色", "里面": "钥匙两把"}})
    assert (handed["state"], handed["attempts"]) == ("claimed", 1)
    refused(lijing.worker.call("POST", path, claim | {"features": features}), 409, "already_claimed")
    world.settle()
    assert len(world.heard("item_claimed", item["id"])) == 1
