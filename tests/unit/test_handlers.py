"""What the desks of bookings let people read, book and report; on stores in memory, with the clock as argument."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ops.settings import Installation
from services.bookings.care.handlers import Care
from services.bookings.centre.handlers import Centres
from services.bookings.children.domain import Approval
from services.bookings.children.enrolments import APPROVALS
from services.bookings.children.handlers import Children
from services.bookings.clubs.handlers import Clubs
from services.bookings.corners.domain import Loan
from services.bookings.corners.handlers import LOANS, Corners
from services.bookings.directory import USES
from services.bookings.domain import Person
from services.bookings.duty.handlers import Duty
from services.bookings.rooms import domain as rooms
from services.bookings.rooms.handlers import Reservations
from services.bookings.sessions import domain
from services.bookings.sessions.handlers import Sessions
from services.bookings.sessions.rules import attendance
from shared.rules.errors import Conflict, Forbidden, Invalid
from shared.settings import SettingRefused
from tests.unit.memory import AT, START, Memory, session, taken

PAGE = {"limit": 50, "after": ""}


@pytest.fixture
def memory() -> Any:
    return Memory()


def field_of(refused: Any) -> str:
    return str(refused.value.errors[0]["field"])


# -- who reads what of a child


def the_class(memory: Memory, *adults: str) -> None:
    """A class with a child who came, one who did not, one who waits; and a resident in it who is of age."""
    memory.people("kid", "missing", "waiting", groups=["child"], guardians=["mum"])
    memory.people("grown")
    use = taken(session(kind="after_school", capacity=3), "kid", "missing", "grown", "waiting")
    places = [p | {"state": state} for p, state in zip(use.places, ("present", "missed", "present", "waiting"), strict=True)]
    memory.keep(USES, use.but(places=places, staffing={"adults": list(adults)}))


def test_the_staff_of_a_class_sees_everybody_in_it_whatever_became_of_their_place(memory: Memory) -> None:
    the_class(memory, "w")
    seen = Sessions(memory).presence(memory.call(at=START), "s")["places"]
    assert [p["resident_id"] for p in seen] == ["kid", "missing", "grown", "waiting"]
    assert memory.audit.kept == [("w", "read_child", ["kid", "missing", "waiting"])]


def test_a_place_given_back_does_not_close_the_list(memory: Memory) -> None:
    the_class(memory, "w")
    memory.store(USES).change(memory.call(), "s", domain.give_back, 4, "by_worker", AT)
    seen = Sessions(memory).presence(memory.call(at=START), "s")["places"]
    assert [p["resident_id"] for p in seen] == ["kid", "missing", "grown"]


@pytest.mark.parametrize("at", [AT, START])
def test_others_see_the_list_without_which_children(memory: Memory, at: Any) -> None:
    the_class(memory, "somebody-else")
    memory.keep(APPROVALS, Approval(id="a", child_id="waiting", reader="w", until=START + timedelta(days=1)))
    seen = Sessions(memory).presence(memory.call(at=at), "s")["places"]
    assert [p["resident_id"] for p in seen] == ["", "", "grown", "waiting"]
    assert [p["state"] for p in seen] == ["present", "missed", "present", "waiting"]
    assert memory.audit.kept == [("w", "read_child", ["waiting"])]


def readings(memory: Memory) -> dict[str, Any]:
    """Every way to a child's data that names the child."""
    of_child = memory.call(query=PAGE | {"resident_id": "kid"})
    waive = memory.call(place_id="s.1")
    reservation = next(use.id for use in memory.store(USES).all("c", {}) if use.kind == "reservation")
    return {
        "loans": lambda: Corners(memory).loans(of_child),
        "reservations": lambda: Reservations(memory).page(of_child),
        "reservation": lambda: Reservations(memory).read(memory.call(), reservation),
        "waive": lambda: Sessions(memory).waive(waive, "kid"),
    }


def a_child(memory: Memory) -> None:
    memory.people("kid", groups=["child"], misses=[{"session": "s", "at": AT, "waived": False}])
    memory.keep(LOANS, Loan(id="l", borrower_id="kid", claim="l"))
    room = memory.room("r")
    store = memory.store(USES)
    store.create(memory.call(), rooms.reserve, room, "kid", START, START + timedelta(hours=1), "练琴", "mum", AT, id="res")


@pytest.mark.parametrize("way", ["loans", "reservations", "reservation", "waive"])
def test_a_childs_data_is_read_with_an_approval_and_that_is_logged(memory: Memory, way: str) -> None:
    a_child(memory)
    with pytest.raises(Forbidden, match="approval_missing"):
        readings(memory)[way]()
    assert memory.audit.kept == []
    memory.keep(APPROVALS, Approval(id="a", child_id="kid", reader="w", until=AT + timedelta(hours=1)))
    readings(memory)[way]()
    assert memory.audit.kept == [("w", "read_child", ["kid"])]


def test_a_list_of_many_peoples_bookings_withholds_whose_a_childs_is(memory: Memory) -> None:
    a_child(memory)
    memory.people("grown")
    memory.keep(USES, taken(session("slot", kind="counter", room_id=""), "kid", "grown"))
    (reservation,) = Reservations(memory).page(memory.call(query=PAGE | {"room_id": "r"})).items
    assert (reservation.resident_id, reservation.purpose) == ("", "")
    day = memory.call(query={"date": "2026-11-25"})
    assert [a["resident_id"] for a in Duty(memory).appointments(day)["items"]] == ["", "grown"]
    memory.keep(APPROVALS, Approval(id="a", child_id="kid", reader="w", until=AT + timedelta(hours=1)))
    assert [a["resident_id"] for a in Duty(memory).appointments(day)["items"]] == ["kid", "grown"]
    own = Reservations(memory).page(memory.call("kid", "resident", query=PAGE)).items
    assert [use.resident_id for use in own] == ["kid"]


# -- whom a field names


def test_an_unknown_person_is_refused_with_the_field_that_names_them(memory: Memory) -> None:
    memory.people("w", roles=["worker"])
    memory.people("elder")
    Duty(memory).plan(memory.call(week="2026-W49", needed=1))
    shift = "2026-11-30.evening"
    Duty(memory).assign(memory.call(people=["w"]), shift)
    memory.keep(USES, session(kind="after_school"))
    Care(memory).keep(memory.call(), "elder")
    start, end = START, START + timedelta(hours=1)
    with pytest.raises(Invalid) as club:
        Clubs(memory).found_club(memory.call(name="x", leader="nobody"))
    with pytest.raises(Invalid) as adults:
        Children(memory).staff(memory.call(adults=["nobody"], exception=""), "s")
    with pytest.raises(Invalid) as people:
        Duty(memory).assign(memory.call(people=["nobody"]), shift)
    with pytest.raises(Invalid) as swap:
        Duty(memory).ask_swap(memory.call(person_id="nobody"), shift)
    with pytest.raises(Invalid) as contacts:
        Care(memory).keep(memory.call(contacts=["nobody"]), "elder")
    with pytest.raises(Invalid) as worker:
        Care(memory).plan_visit(memory.call(elder_id="elder", worker_id="nobody", start=start, end=end))
    with pytest.raises(Invalid) as resident:
        Clubs(memory)._directory.for_whom(memory.call(resident_id="nobody"))
    fields = [field_of(one) for one in (club, adults, people, swap, contacts, worker, resident)]
    assert fields == ["leader", "adults", "people", "person_id", "contacts", "worker_id", "resident_id"]


# -- settings


@pytest.mark.parametrize("value", ["3/30", "x", "3/30/14/1", "0/30/14", "-1/30/14", "3/30/two", "3//14"])
def test_a_limit_of_no_shows_that_cannot_be_ends_the_process_at_its_start(value: str) -> None:
    with pytest.raises(SettingRefused, match="LINLI_NO_SHOWS"):
        Sessions(Memory(LINLI_NO_SHOWS=value))


def test_the_limit_of_no_shows_reaches_bookings(tmp_path: Any) -> None:
    here = Installation.load(tmp_path, {"LINLI_NO_SHOWS": "2/10/7"})
    here.make_secrets()
    environ = here.service_environ("bookings", 8120)
    limits = Sessions(Memory(**{"LINLI_NO_SHOWS": environ["LINLI_NO_SHOWS"]}))._limits
    assert limits == attendance.Limits(2, timedelta(days=10), timedelta(days=7))
    assert Sessions(Memory())._limits == attendance.Limits()


# -- alternatives


def test_a_talk_is_offered_only_when_its_room_and_its_counsellor_are_both_free(memory: Memory) -> None:
    room, other = memory.room("quiet", use="counselling"), memory.room("calm", use="counselling")
    memory.room("counsellor", use="counsellor", capacity=1, hours={"wed": [["09:00", "17:00"]]})
    memory.people("a", "b")

    def book(who, hour, room=room):
        return Corners(memory).book_talk(
            memory.call(
                who,
                "resident",
                room_id=room.id,
                counsellor_id="counsellor",
                start=START + timedelta(hours=hour - 12),
                end=START + timedelta(hours=hour - 11),
            )
        )

    book("a", 13, other)
    book("a", 12)
    with pytest.raises(Conflict, match="slot_taken") as refused:
        book("b", 12)
    free = [(c["room_id"], c["start"][11:16]) for c in refused.value.extra["alternatives"]]
    # Not at 13:00, when the counsellor is in the other room; nor in the other room at 12:00, with a counsellor who is here.
    assert free == [("quiet", "11:00"), ("quiet", "14:00"), ("quiet", "10:00")]


# -- reports


@pytest.mark.parametrize(("days", "idle"), [(29, False), (31, True)])
def test_a_room_is_idle_after_thirty_days(memory: Memory, days: int, idle: bool) -> None:
    memory.room("r")
    start = AT - timedelta(days=days)
    use = taken(session(start=start, end=start + timedelta(hours=1)), "a", at=start - timedelta(days=1))
    memory.keep(USES, use.but(state="over", places=[p | {"state": "present"} for p in use.places]))
    (line,) = Centres(memory).report(memory.call(query={"since": "2026-11-23", "before": "2026-11-23"}))["rooms"]
    assert line["idle"] is idle


def test_the_report_of_a_programme_counts_seats_that_were_missed_as_taken(memory: Memory) -> None:
    memory.room("r")
    past = AT - timedelta(days=2)
    use = session("past", 4, programme_id="p", title="=书法", start=past, end=past + timedelta(hours=1))
    use = taken(use, "a", "b", "c", "d", "e", at=past - timedelta(days=1))
    states = ("present", "missed", "missed", "released", "taken")
    memory.keep(
        USES,
        use.but(state="over", places=[p | {"state": s} for p, s in zip(use.places, states, strict=True)]),
        taken(session("ahead", 4, programme_id="p", title="=书法"), "a"),
        session("held", 4, programme_id="p", state="held"),
        # Two missed, and two who waited at the door: still two seats.
        _door(session("door", 2, kind="visit", room_id="", programme_id="q", title="义诊", start=past, end=past)),
    )
    call = memory.call(query={"since": "2026-11-20", "before": "2026-11-30"})
    lines = Centres(memory).report(call)["programmes"]
    assert lines == [
        {"programme_id": "p", "title": "=书法", "sessions": 2, "seats": 8, "taken": 5, "attended": 1, "rate": 0.625},
        {"programme_id": "q", "title": "义诊", "sessions": 1, "seats": 2, "taken": 2, "attended": 2, "rate": 1.0},
    ]
    table = Centres(memory).table(call, "programmes").decode("utf-8-sig").splitlines()
    assert table == [
        "programme_id,title,sessions,seats,taken,attended,rate",
        "p,'=书法,2,8,5,1,0.625",
        "q,义诊,1,2,2,2,1.0",
    ]


def _door(use: Any) -> Any:
    people = zip("abcd", ("missed", "missed", "present", "present"), strict=True)
    places = [{"n": n, "person": p, "tell": [], "rank": 0, "state": s} for n, (p, s) in enumerate(people, start=1)]
    return use.but(state="over", places=places)


# -- meals


def test_a_meal_is_handed_over_once_with_proof_after_a_try_that_failed(memory: Memory) -> None:
    care = Care(memory)
    memory.keep(USES, taken(session("lunch", kind="meal", room_id=""), "elder"))

    def deliver(outcome, proof, place="lunch.1"):
        return care.deliver(memory.call("k", "kitchen", outcome=outcome, proof=proof), place)

    assert deliver("unanswered", "敲门三次").state == "unanswered"
    done = deliver("delivered", "本人签收")
    assert (done.state, done.proof, done.by) == ("delivered", "本人签收", "k")
    with pytest.raises(Conflict, match="already_delivered"):
        deliver("delivered", "又送一次")
    memory.store(USES).change(memory.call(), "lunch", domain.take, Person(id="b"), ["b"], "", AT)
    memory.store(USES).change(memory.call(), "lunch", domain.give_back, 2, "erased", AT)
    with pytest.raises(Conflict, match="not_ordered"):
        deliver("delivered", "x", "lunch.2")


# -- clubs


def test_a_leader_hands_over_before_leaving(memory: Memory) -> None:
    clubs = Clubs(memory)
    memory.people("lead", "next", "guest")
    club = clubs.found_club(memory.call(name="广场舞", leader="lead")).id

    def as_(who, **body):
        return memory.call(who, "resident", **body)

    clubs.join(as_("next"), club)
    with pytest.raises(Conflict, match="leader_stays"):
        clubs.leave(as_("lead"), club)
    with pytest.raises(Forbidden, match="not_leader"):
        clubs.lead(as_("next", leader="next"), club)
    assert clubs.lead(as_("lead", leader="guest"), club).leader == "guest"
    after = clubs.leave(as_("lead"), club)
    assert (after.leader, after.members) == ("guest", ["next", "guest"])
    assert clubs.leave(as_("lead"), club).members == ["next", "guest"]
    with pytest.raises(Forbidden, match="not_leader"):
        clubs.lead(as_("lead", leader="lead"), club)


# -- duty


def test_a_refused_swap_leaves_the_shift_as_it_was_and_may_be_asked_again(memory: Memory) -> None:
    duty = Duty(memory)
    memory.people("w", "x", "y")
    duty.plan(memory.call(week="2026-W49", needed=1))
    shift = "2026-11-30.evening"
    duty.assign(memory.call(people=["w"]), shift)
    duty.ask_swap(memory.call("w", "worker", person_id="x"), shift)
    with pytest.raises(Conflict, match="not_asked"):
        duty.answer_swap(memory.call("y", "worker", agrees=True), shift)
    assert duty.answer_swap(memory.call("x", "worker", agrees=False), shift)["people"] == ["w"]
    with pytest.raises(Conflict, match="not_asked"):
        duty.answer_swap(memory.call("x", "worker", agrees=True), shift)
    duty.ask_swap(memory.call("w", "worker", person_id="y"), shift)
    assert duty.answer_swap(memory.call("y", "worker", agrees=True), shift)["people"] == ["y"]


def test_a_ticket_that_was_held_waits_again_in_its_old_place(memory: Memory) -> None:
    duty = Duty(memory)
    memory.people("a", "b", "c")
    for who in "abc":
        duty.draw(memory.call(who, "resident", groups=[]))

    def call():
        return duty.call_next(memory.call(desk="1"))["n"]

    assert call() == 1
    held = duty.step(memory.call(), "1", "held")
    assert (held["state"], held["position"]) == ("held", None)
    assert call() == 2
    back = duty.step(memory.call(), "1", "waiting")
    assert (back["state"], back["position"]) == ("waiting", 1)
    assert [call(), call()] == [1, 3]
    with pytest.raises(Conflict, match="queue_empty"):
        call()


def test_an_evening_appointment_is_labelled_as_beyond_office_hours(memory: Memory) -> None:
    duty = Duty(memory)
    memory.people("w", "a", "b")
    for shift in duty.plan(memory.call(week="2026-W49", needed=1)).shifts:
        duty.assign(memory.call(people=["w"]), shift["id"])
    duty.publish(memory.call(), "2026-W49")
    evening = AT.replace(day=30, hour=10)

    def book(who, start):
        return duty.book(memory.call(who, "resident", start=start))

    assert (book("a", evening)["label"], book("b", evening.replace(hour=1))["label"]) == ("延时", "")
    events = [row["body"] for row in memory.events(USES, "place_taken")]
    assert ['"extended":true' in body for body in events] == [True, False]
