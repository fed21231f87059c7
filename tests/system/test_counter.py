"""The counter beyond its rows: one line for walk-ins and appointments; and the visits that elders get."""

from __future__ import annotations

from datetime import timedelta

from tests.system.scenes import Week, refused
from tests.system.world import Community, World, at_once, tomorrow


def test_an_appointment_that_has_come_goes_before_walk_ins_who_were_there_first(world: World, lijing: Community) -> None:
    week = Week(lijing)
    week.fill()
    week.publish().raise_for_status()
    start, people = week.at(0, 10), [lijing.register()["id"] for _ in range(2)]
    place = week.book(start, people[0]).json()["id"]
    refused(lijing.resident.call("POST", lijing.path("/counter/queue"), {"place_id": place}), 403, "at_the_counter")
    with world.clock_at(start):
        walk_in = lijing.worker.post(lijing.path("/counter/queue"), {"resident_id": people[1]})
        unknown = lijing.worker.post(lijing.path("/counter/queue"), {"groups": ["disabled"]})
        came = lijing.worker.post(lijing.path("/counter/queue"), {"place_id": place})
        assert (walk_in["position"], came["kind"]) == (1, "appointment")
        refused(lijing.worker.call("POST", lijing.path("/counter/queue"), {"place_id": place}), 409, "already_queued")
        refused(lijing.worker.call("POST", lijing.path("/counter/queue"), {"resident_id": people[1]}), 409, "already_queued")
        order = [lijing.worker.post(lijing.path("/counter/queue/next"), {"desk": "2"})["ticket"] for _ in range(3)]
        assert order == [unknown["ticket"], came["ticket"], walk_in["ticket"]]
        refused(lijing.worker.call("POST", lijing.path("/counter/queue/next"), {"desk": "2"}), 409, "queue_empty")
        served = lijing.worker.post(lijing.path(f"/counter/queue/{came['ticket']}/serve"))
        assert served["state"] == "served"
        refused(lijing.worker.call("POST", lijing.path(f"/counter/queue/{came['ticket']}/hold")), 409, "illegal_transition")
        world.settle()
    assert lijing.worker.get(lijing.path(f"/places/{place}"))["state"] == "present"
    day = lijing.worker.get(lijing.path(f"/appointments?date={start.date()}"))["items"]
    assert [a["id"] for a in day] == [place]


def test_two_desks_that_call_at_once_call_two_people(world: World, shengtaiyuan: Community) -> None:
    tickets = {shengtaiyuan.worker.post(shengtaiyuan.path("/counter/queue"), {})["ticket"] for _ in range(8)}

    def call(n):
        return shengtaiyuan.worker.post(shengtaiyuan.path("/counter/queue/next"), {"desk": str(n)})

    called = at_once(8, call)
    assert {t["ticket"] for t in called} == tickets
    assert all(t["desk"] == str(n) for n, t in enumerate(called))


def test_a_visit_that_nobody_answers_alerts_the_contacts_and_the_duty_lead(world: World, lijing: Community) -> None:
    elder, contact = lijing.register(groups=["elder"])["id"], lijing.register()["id"]
    worker = lijing.id_of("worker")
    file = {"needs": "独居", "contacts": [contact]}
    lijing.worker.call("PUT", lijing.path(f"/elders/{elder}"), file).raise_for_status()
    asked = {"elder_id": elder, "worker_id": worker, "start": tomorrow(10).isoformat(), "end": tomorrow(11).isoformat()}
    visit = lijing.worker.post(lijing.path("/care-visits"), asked)
    world.settle()
    assert lijing.told(elder, "visit_planned")
    report = {"outcome": "unanswered", "notes": "灯亮着"}
    refused(lijing.secretary.call("POST", lijing.path(f"/care-visits/{visit['id']}/report"), report), 403, "not_yours")
    assert lijing.worker.post(lijing.path(f"/care-visits/{visit['id']}/report"), report)["state"] == "unanswered"
    world.settle()
    assert lijing.told(contact, "visit_unanswered")
    assert lijing.told(lijing.id_of("duty_lead"), "visit_unanswered")
    stored = str(list(world.mongo["bookings"]["elders"].find({"resident_id": elder})))
    assert "独居" not in stored
    refused(lijing.resident.call("GET", lijing.path(f"/elders/{elder}")), 403, "not_yours")
    late = asked | {"start": (tomorrow(10) - timedelta(days=3)).isoformat()}
    refused(lijing.worker.call("POST", lijing.path("/care-visits"), late), 422, "in_the_past")
