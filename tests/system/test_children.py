"""The after-school class beyond its row: consent, age, adults, lateness, and who reads what of a child."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.system.scenes import Class, refused
from tests.system.world import Community, World, tomorrow


def test_withdrawn_consent_gives_back_the_places_ahead(world: World, lijing: Community) -> None:
    school = Class(world, lijing)
    enrolment = school.enrol().json()
    place = lijing.take(school.session, school.child, school.guardian).json()
    assert place["state"] == "taken"
    refused(lijing.resident.call("POST", lijing.path(f"/enrolments/{enrolment['id']}/withdraw")), 403, "not_guardian")
    withdrawn = school.guardian.post(lijing.path(f"/enrolments/{enrolment['id']}/withdraw"))
    assert (withdrawn["state"], withdrawn["collectors"], withdrawn["allergies"]) == ("withdrawn", [], "")
    path = lijing.path(f"/places/{place['id']}")
    world.until(lambda: school.guardian.get(path)["state"] == "released", what="the place")
    assert school.guardian.get(path)["reason"] == "consent_withdrawn"
    refused(lijing.take(school.session, school.child, school.guardian), 409, "consent_missing")


@pytest.mark.parametrize(("birth_date", "permitted", "code"), [
    ("2018-03-01", True, ""), ("2018-03-01", False, "alone_not_permitted"), ("2019-09-15", True, "too_young"),
])  # fmt: skip
def test_a_child_leaves_alone_from_eight_with_written_permission(
    world: World, lijing: Community, birth_date: str, permitted: bool, code: str
) -> None:
    school = Class(world, lijing, birth_date=birth_date)
    school.enrol(may_leave_alone=permitted).raise_for_status()
    world.settle()
    place = school.sign_in()
    with world.clock_at(school.start + timedelta(hours=2)):
        reply = school.release(place, alone=True)
        if code:
            refused(reply, 409, code)
            assert school.release(place, collector_id="c1").json()["state"] == "released"
        else:
            assert reply.json()["state"] == "released"
        world.settle()
    assert lijing.told(school.guardian_id, "child_left" if code else "child_left_alone")


def test_a_child_not_collected_is_told_to_the_guardian_and_then_to_the_duty_lead(world: World, lijing: Community) -> None:
    school = Class(world, lijing)
    school.enrol().raise_for_status()
    place = school.sign_in()
    end, lead = school.start + timedelta(hours=2), lijing.id_of("duty_lead")

    def events(stage):
        return [e for e in world.heard("child_not_collected", school.session) if e["body"]["stage"] == stage]

    with world.clock_at(end + timedelta(minutes=14)):
        world.tick("bookings")
        world.settle()
        assert not events("guardian")
    with world.clock_at(end + timedelta(minutes=15)):
        world.until(lambda: events("guardian"), what="the guardian's alarm")
        assert not events("duty_lead")
    with world.clock_at(end + timedelta(minutes=30)):
        world.until(lambda: events("duty_lead"), what="the duty lead's alarm")
        world.settle()
        assert school.release(place, collector_id="c1").status_code == 201
        world.until(lambda: lijing.worker.get(lijing.path(f"/sessions/{school.session}"))["state"] == "over", what="the end")
    assert (len(events("guardian")), len(events("duty_lead"))) == (1, 1)
    assert lijing.told(school.guardian_id, "child_not_collected")
    assert lijing.told(lead, "child_still_here")


def test_adults_for_40_children_are_2_and_for_41_are_3(world: World, lijing: Community) -> None:
    school, lead = Class(world, lijing), lijing.as_("duty_lead")
    adults = [lijing.id_of(role) for role in ("worker", "duty_lead", "secretary")]
    with ThreadPoolExecutor(8) as pool:
        children = list(pool.map(lambda _: school.new_child(settle=False), range(41)))
    world.settle()
    places = []
    for child in children[:40]:
        school.enrol(child).raise_for_status()
        places.append(lijing.take(school.session, child, school.guardian).json()["id"])

    def staff(*who, **more):
        return lead.call("POST", lijing.path(f"/sessions/{school.session}/staffing"), {"adults": list(who)} | more)

    assert refused(staff(adults[0]), 409, "too_few_adults")["needed"] == 2
    assert staff(*adults[:2]).status_code == 200
    school.enrol(children[40]).raise_for_status()
    places.append(lijing.take(school.session, children[40], school.guardian).json()["id"])
    assert refused(staff(*adults[:2]), 409, "too_few_adults")["needed"] == 3
    assert staff(*adults[:2], exception="一名老师临时请假").json()["exception"]
    assert staff(*adults).json()["exception"] == ""
    refused(
        lijing.worker.call("POST", lijing.path(f"/sessions/{school.session}/staffing"), {"adults": adults}), 403, "role_missing"
    )
    with world.clock_at(school.start):
        for place in places:
            lijing.worker.post(lijing.path(f"/places/{place}/check-in"), {})
        path = lijing.path(f"/sessions/{school.session}/open")
        assert refused(lijing.worker.call("POST", path, {"adults": 2}), 409, "too_few_adults")["children"] == 41
        assert lijing.worker.post(path, {"adults": 3})["opened"]
        world.settle()
    assert world.heard("class_opened", school.session)[0]["body"]["children"] == 41


def test_a_childs_data_is_read_by_its_class_in_its_hours_or_with_an_approval_and_each_time_logged(
    world: World, lijing: Community
) -> None:
    school = Class(world, lijing)
    school.enrol().raise_for_status()
    lijing.take(school.session, school.child, school.guardian).raise_for_status()
    adults = {"adults": [lijing.id_of("worker"), lijing.id_of("duty_lead")]}
    lijing.as_("duty_lead").post(lijing.path(f"/sessions/{school.session}/staffing"), adults)
    path = lijing.path(f"/children/{school.child}?session_id={school.session}")
    presence = lijing.path(f"/sessions/{school.session}/presence")
    refused(lijing.worker.call("GET", path), 403, "approval_missing")
    assert [p["resident_id"] for p in lijing.worker.get(presence)["places"]] == [""]
    with world.clock_at(school.start):
        assert [p["resident_id"] for p in lijing.worker.get(presence)["places"]] == [school.child]
        assert [p["resident_id"] for p in lijing.secretary.get(presence)["places"]] == [""]
        seen = lijing.worker.get(path)
        assert seen["enrolments"][0]["allergies"] == "花生"
        refused(lijing.secretary.call("GET", path), 403, "approval_missing")
    entries = list(world.mongo["bookings"]["audit"].find({"community": "lijing", "act": "opened_child"}))
    assert entries[-1]["actor"] == lijing.id_of("worker")
    approval = {
        "child_id": school.child,
        "reader": lijing.id_of("secretary"),
        "reason": "家长来访",
        "until": tomorrow(9).isoformat(),
    }
    assert refused(lijing.secretary.call("POST", lijing.path("/children/approvals"), approval), 403, "own_approval")
    lijing.as_("duty_lead").post(lijing.path("/children/approvals"), approval)
    assert lijing.secretary.get(lijing.path(f"/children/{school.child}"))["child_id"] == school.child
    refused(lijing.resident.call("GET", lijing.path(f"/children/{school.child}")), 403, "role_missing")


def test_absence_twice_running_is_reported(world: World, lijing: Community) -> None:
    start = tomorrow(16, 30)
    school = Class(world, lijing, day=start)
    programme = lijing.programme(start, 120, kind="after_school", rule="FREQ=DAILY;COUNT=3", capacity=20)
    school.programme = programme
    school.enrol().raise_for_status()
    for session in programme["sessions"]:
        lijing.take(session["id"], school.child, school.guardian).raise_for_status()

    def events():
        return world.heard("child_absent_again")

    before = len(events())
    with world.clock_at(start + timedelta(minutes=16)):
        world.until(lambda: world.heard("places_missed", programme["sessions"][0]["id"]), what="the first absence")
        world.settle()
        assert len(events()) == before
    with world.clock_at(start + timedelta(days=1, minutes=16)):
        world.until(lambda: len(events()) == before + 1, what="the report")
        world.settle()
    assert events()[-1]["body"]["times"] == 2
    assert lijing.told(school.guardian_id, "child_absent")
    assert lijing.told(lijing.id_of("duty_lead"), "absences")


def test_what_is_known_of_a_child_is_encrypted_and_erased_with_it(world: World, lijing: Community) -> None:
    school = Class(world, lijing)
    school.enrol().raise_for_status()
    kept = list(world.mongo["bookings"]["enrolments"].find({"child_id": school.child}))
    assert len(kept) == 1
    stored = str(kept)
    assert "陈外婆" not in stored
    assert "花生" not in stored
    assert lijing.worker.call("DELETE", lijing.path(f"/residents/{school.child}")).status_code in (200, 204)
    find = world.mongo["bookings"]["enrolments"].find_one
    world.until(lambda: (find({"child_id": school.child}) or {}).get("gone"), what="erasure")
    assert find({"child_id": school.child})["sealed"] is None
