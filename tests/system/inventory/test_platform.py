"""The rows of the inventory that rooms and organisations alone make true."""

from __future__ import annotations

from tests.system.world import Community, World, tomorrow


def test_P9_a_room_that_is_closed_that_day_is_refused_with_the_reason(lijing: Community) -> None:
    room = lijing.room(hours={day: [["09:00", "18:00"]] for day in ("tue", "wed", "thu", "fri", "sat", "sun")})
    monday = next(tomorrow(10, days=n) for n in range(1, 9) if tomorrow(10, days=n).weekday() == 0)
    reply = lijing.reserve(lijing.resident, room["id"], monday)
    assert (reply.status_code, reply.json()["code"], reply.json()["reason"]) == (422, "room_closed", "closed on mon")
    day = lijing.resident.get(f"/lijing/rooms/{room['id']}/availability?date={monday.date()}")
    assert day == {"date": str(monday.date()), "slots": [], "closed": "closed on mon"}


def test_P9_an_exception_closes_one_day(lijing: Community) -> None:
    day = tomorrow(10, days=3)
    closed = [{"date": str(day.date()), "hours": [], "reason": "消防检查"}]
    room = lijing.room(exceptions=closed)
    reply = lijing.reserve(lijing.resident, room["id"], day)
    assert (reply.json()["code"], reply.json()["reason"]) == ("room_closed", "消防检查")


def test_P18_an_officer_of_one_street_sees_its_community_and_never_the_other(world: World) -> None:
    officer = world.shengtaiyuan.as_("street_officer")
    assert [c["slug"] for c in officer.get("/communities")["items"]] == ["shengtaiyuan"]
    (district,) = officer.get("/communities/tree")["districts"]
    assert district["district"] == "离石区"
    assert [(s["street"], [c["slug"] for c in s["communities"]]) for s in district["streets"]] == [
        ("凤山街道", ["shengtaiyuan"])
    ]


def test_L4_a_room_cannot_have_a_price(lijing: Community) -> None:
    hours = {"mon": [["09:00", "18:00"]]}
    facts = {"name": "厅", "use": "hall", "capacity": 5, "hours": hours, "fee": 10}
    reply = lijing.secretary.call("POST", "/lijing/rooms", facts)
    assert reply.status_code == 422
    assert [e["field"] for e in reply.json()["errors"]] == ["fee"]
    assert lijing.room()["charge"] == "免费"


def test_L38_the_hall_is_shared_by_time_and_the_next_free_time_is_offered(lijing: Community) -> None:
    hall = lijing.room(use="hall", slot=30)
    lijing.reserve(lijing.resident, hall["id"], tomorrow(16, 30), hours=2).raise_for_status()
    reply = lijing.reserve(lijing.as_("guardian"), hall["id"], tomorrow(18), hours=1)
    assert (reply.status_code, reply.json()["code"]) == (409, "slot_taken")
    assert tomorrow(18, 30).isoformat() in [choice["start"] for choice in reply.json()["alternatives"]]
