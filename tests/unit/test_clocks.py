"""The clocks of cases: warnings, levels, pauses, recomputing; by hand, on the dates that the rules name."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.petitions import domain
from services.petitions.cases import domain as cases
from services.petitions.cases.domain import APPEAL, REPORT, Petition
from services.petitions.domain import Actor
from shared.events.locale import Locale
from shared.rules.errors import Conflict, Forbidden, Invalid

SHANGHAI = ZoneInfo("Asia/Shanghai")
HERE = Locale(id="lijing")
STREET = Actor("s", "street_officer", frozenset({"street_officer"}))
WORKER = Actor("w", "worker", frozenset({"worker"}), "counter")
FILER = Actor("r", "resident", frozenset({"resident"}), key="filer:r")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def filed(received: str = "2026-02-02 10:00", **facts: Any) -> Petition:
    given = {
        "number": "XF1",
        "kind": APPEAL,
        "topic": "噪声",
        "text": "x",
        "channel": "counter",
        "found_by": ["filer:r"],
        "petitioners": [{"resident_id": "r"}],
    } | facts
    return cases.file("p", given, FILER, HERE, at(received))[0]


def accepted(day: str = "2026-02-02 10:00") -> Petition:
    petition, _ = cases.register(filed(day), "street", "", WORKER, HERE, at(day))
    petition = domain.stop(petition, HERE, "promise", state="off")
    return cases.accept(petition, "", None, STREET, HERE, at(day))[0]


def test_a_date_is_warned_of_on_the_working_day_before_and_missed_from_midnight() -> None:
    petition, _ = cases.lengthen(accepted(), "complex", "", "", STREET, HERE, at("2026-03-01 10:00"))
    assert petition.clock("handle")["due"] == "2026-05-03"
    assert petition.due == at("2026-04-30 08:30")
    assert domain.pass_time(petition, HERE, at("2026-04-30 08:29"))[1] == []
    warned, events = domain.pass_time(petition, HERE, at("2026-04-30 08:30"))
    assert [type(e).__name__ for e in events] == ["DeadlineNear"]
    assert warned.due == at("2026-05-04 00:00")
    assert domain.pass_time(warned, HERE, at("2026-05-03 23:59"))[1] == []
    levels = []
    for moment in ("2026-05-04 00:00", "2026-05-06 08:30", "2026-05-08 08:30"):
        warned, events = domain.pass_time(warned, HERE, at(moment))
        levels += [e.level for e in events]
        assert domain.pass_time(warned, HERE, at(moment))[1] == []
    assert levels == ["duty_lead", "secretary", "street_officer"]
    assert warned.due is None


def test_an_extended_date_is_warned_of_again_and_one_that_did_not_move_is_not() -> None:
    warned, _ = domain.pass_time(accepted(), HERE, at("2026-04-02 08:30"))
    longer, _ = cases.lengthen(warned, "complex", "", "", STREET, HERE, at("2026-04-02 10:00"))
    assert longer.due == at("2026-04-30 08:30")
    assert [type(e).__name__ for e in domain.pass_time(longer, HERE, at("2026-04-30 08:30"))[1]] == ["DeadlineNear"]
    promised = domain.start(accepted(), HERE, "promise", "promise.petition", date(2026, 2, 2))
    late, events = domain.pass_time(promised, HERE, at("2026-03-10 10:00"))
    assert len(events) == 4
    paused, _ = cases.halt(late, "mediation", "", WORKER, HERE, at("2026-03-10 11:00"))
    on, _ = cases.go_on(paused, "", WORKER, HERE, at("2026-03-10 12:00"))
    assert domain.pass_time(on, HERE, at("2026-03-10 12:01"))[1] == []


def test_a_calendar_that_moves_only_the_warning_moves_it() -> None:
    petition = accepted()
    assert petition.due == at("2026-04-02 08:30")
    closed = Locale(id="lijing", calendar={"2026-04-02": False})
    moved, events = domain.recompute(petition, closed, at("2026-03-01 10:00"))
    assert (moved.due, events) == (at("2026-04-01 08:30"), [])


def test_new_facts_begin_anew_and_what_was_decided_before_stays_to_be_read() -> None:
    parts = dict.fromkeys(("request", "facts", "view", "basis"), "x")
    recheck = rechecked_from(accepted())
    final, _ = cases.answer(recheck, "upheld", parts, "", STREET, HERE, at("2026-06-10 10:00"))
    again, _ = cases.reopen(final, "neu", FILER, HERE, at("2026-07-01 10:00"))
    assert set(again.opinions) == {"handle.1", "review.1", "recheck.1"}
    again, _ = cases.accept(again, "", None, STREET, HERE, at("2026-07-02 10:00"))
    decided, _ = cases.answer(again, "rejected", parts, "", STREET, HERE, at("2026-08-01 10:00"))
    assert "handle" in decided.opinions
    assert cases.ask_review(decided, "", FILER, HERE, at("2026-09-30 10:00"))[0].state == "reviewing"


def test_an_acceptance_that_is_recorded_later_runs_from_when_it_was() -> None:
    petition, _ = cases.register(filed(), "street", "", WORKER, HERE, at("2026-02-03 10:00"))
    late, events = cases.accept(petition, "街信〔2026〕1号", at("2026-02-05 09:00"), WORKER, HERE, at("2026-02-12 10:00"))
    assert events[0].due == late.clock("handle")["due"] == "2026-04-06"
    for wrong in ("2026-02-01 10:00", "2026-02-13 10:00"):
        with pytest.raises(Invalid, match="accepted_at_invalid"):
            cases.accept(petition, "街信〔2026〕1号", at(wrong), WORKER, HERE, at("2026-02-12 10:00"))
    with pytest.raises(Invalid, match="received_too_early"):
        filed("2022-04-30 10:00")


def test_a_reply_cannot_arrive_before_it_was_written() -> None:
    parts = dict.fromkeys(("request", "facts", "view", "basis"), "x")
    petition, _ = cases.answer(accepted(), "rejected", parts, "", STREET, HERE, at("2026-03-20 10:00"))
    with pytest.raises(Invalid, match="delivered_before_decided"):
        cases.deliver(petition, at("2026-03-19 23:00"), WORKER, HERE, at("2026-03-22 10:00"))


def test_the_hearing_is_over_when_the_authority_says_so() -> None:
    held, _ = cases.halt(rechecked_from(accepted()), "hearing", "", STREET, HERE, at("2026-06-10 10:00"))
    with pytest.raises(Forbidden, match="authority_needed"):
        cases.go_on(held, "", WORKER, HERE, at("2026-06-20 10:00"))
    on, _ = cases.go_on(held, "街信〔2026〕9号", WORKER, HERE, at("2026-06-20 10:00"))
    assert on.history[-1]["document"] == "街信〔2026〕9号"


def test_an_open_petition_never_points_to_one_that_is_hidden() -> None:
    hidden, later = filed(confidential=True), filed("2026-02-03 10:00").but(id="later")
    with pytest.raises(Conflict, match="first_is_restricted"):
        cases.link(later, hidden, WORKER, HERE, at("2026-02-04 10:00"))


def test_who_was_recused_does_not_come_back_by_registration() -> None:
    recused, _ = cases.hand_over(filed().but(assignee="w"), "", "recusal", WORKER, at("2026-02-03 10:00"))
    with pytest.raises(Conflict, match="recused"):
        cases.register(recused, "street", "w", WORKER, HERE, at("2026-02-03 11:00"))


def test_who_slept_through_it_all_says_every_stage_once() -> None:
    late, events = domain.pass_time(accepted(), HERE, at("2026-12-01 00:00"))
    assert [getattr(e, "level", "near") for e in events] == ["near", "duty_lead", "secretary", "street_officer"]
    assert domain.pass_time(late, HERE, at("2026-12-02 00:00"))[1] == []


def test_notes_and_edits_move_no_date() -> None:
    petition = accepted()
    before = [dict(clock) for clock in petition.clocks]
    petition, _ = cases.supplement(petition, "more", [], False, FILER, at("2026-03-01 10:00"))
    petition, _ = cases.hand_over(petition, "someone", "assigned", WORKER, at("2026-03-02 10:00"))
    petition, _ = cases.mark_urgent(petition, "x", WORKER, at("2026-03-03 10:00"))
    assert petition.clocks == before


def test_only_a_hearing_in_the_recheck_stops_the_law() -> None:
    petition = accepted()
    petition = domain.start(petition, HERE, "promise", "promise.petition", date(2026, 2, 2))
    paused, _ = cases.halt(petition, "hearing", "", STREET, HERE, at("2026-02-10 10:00"))
    assert paused.clock("handle")["state"] == "running"
    assert paused.clock("promise")["state"] == "paused"
    rechecking = rechecked_from(petition)
    held, events = cases.halt(rechecking, "hearing", "", STREET, HERE, at("2026-06-10 10:00"))
    assert held.clock("recheck")["state"] == "paused"
    assert held.due is None
    with pytest.raises(Forbidden, match="authority_needed"):
        cases.halt(rechecking, "hearing", "", WORKER, HERE, at("2026-06-10 10:00"))
    on, _ = cases.go_on(held, "", STREET, HERE, at("2026-06-20 10:00"))
    later = date.fromisoformat(rechecking.clock("recheck")["due"]) + timedelta(days=10)
    assert date.fromisoformat(on.clock("recheck")["due"]) == later
    assert events[0].clock == "recheck"


def rechecked_from(petition: Petition) -> Petition:
    """On its way through 复查 to 复核, asked for on 2026-06-01."""
    parts = dict.fromkeys(("request", "facts", "view", "basis"), "x")
    petition, _ = cases.answer(petition, "rejected", parts, "", STREET, HERE, at("2026-03-20 10:00"))
    petition, _ = cases.deliver(petition, at("2026-03-21 10:00"), WORKER, HERE, at("2026-03-22 10:00"))
    petition, _ = cases.ask_review(petition, "", FILER, HERE, at("2026-04-01 10:00"))
    petition, _ = cases.answer(petition, "upheld", parts, "", STREET, HERE, at("2026-04-20 10:00"))
    petition, _ = cases.deliver(petition, at("2026-05-10 10:00"), WORKER, HERE, at("2026-05-11 10:00"))
    return cases.ask_review(petition, "", FILER, HERE, at("2026-06-01 10:00"))[0]


def test_the_window_runs_from_delivery_and_rolls_and_then_it_is_over() -> None:
    parts = dict.fromkeys(("request", "facts", "view", "basis"), "x")
    petition, _ = cases.answer(accepted(), "rejected", parts, "", STREET, HERE, at("2026-08-20 10:00"))
    petition, events = cases.deliver(petition, at("2026-09-01 10:00"), WORKER, HERE, at("2026-09-02 10:00"))
    assert events[0].until == "2026-10-08"
    assert cases.ask_review(petition, "", FILER, HERE, at("2026-10-08 23:59"))[0].state == "reviewing"
    with pytest.raises(Conflict, match="window_over"):
        cases.ask_review(petition, "", FILER, HERE, at("2026-10-09 00:00"))
    assert not domain.lapsed(petition, HERE, "review_window", at("2026-10-08 23:59"))
    assert domain.lapsed(petition, HERE, "review_window", at("2026-10-09 00:00"))
    closed, _ = cases.close_lapsed(petition, HERE, at("2026-10-09 00:00"))
    assert (closed.state, closed.due, closed.next_due) == ("closed", None, None)
    with pytest.raises(Conflict, match="window_over"):
        cases.ask_review(closed, "", FILER, HERE, at("2026-10-10 00:00"))


def test_a_guessed_date_is_computed_again_when_the_calendar_comes() -> None:
    petition = domain.start(filed(), HERE, "x", "dibao.decide", date(2026, 11, 20))
    assert (petition.clock("x")["due"], petition.clock("x")["provisional"]) == ("2027-01-04", True)
    assert domain.PROVISIONAL in petition.found_by
    known = Locale(id="lijing", calendar={(date(2027, 1, 1) + timedelta(days=n)).isoformat(): n > 4 for n in range(40)})
    moved, events = domain.recompute(petition, known, at("2026-12-01 10:00"))
    assert (moved.clock("x")["due"], moved.clock("x")["provisional"]) == ("2027-01-06", False)
    assert [(e.before, e.due, e.provisional) for e in events] == [("2027-01-04", "2027-01-06", False)]
    assert domain.PROVISIONAL not in moved.found_by
    assert domain.recompute(moved, known, at("2026-12-01 10:00")) == (moved, [])


@pytest.mark.parametrize("seconds", [0.0004567, 33_167.461123, 50_000.999999, 86_399.9999])
def test_what_is_computed_from_a_kept_petition_is_what_was_kept(seconds: float) -> None:
    moment = at("2026-12-21 00:00") + timedelta(seconds=seconds)
    petition = cases.file(
        "p",
        {
            "number": "XF1",
            "kind": APPEAL,
            "topic": "噪声",
            "text": "x",
            "channel": "counter",
            "found_by": [],
            "petitioners": [],
            "received_at": moment,
        },
        WORKER,
        HERE,
        moment,
    )[0]
    # The database keeps milliseconds: nothing may be lost on the way into it.
    assert petition.agenda is not None
    assert petition.received_at is not None
    assert {petition.agenda.microsecond % 1000, petition.received_at.microsecond % 1000} == {0}
    assert domain.PROVISIONAL in petition.found_by
    assert domain.recompute(petition, HERE, moment + timedelta(minutes=1)) == (petition, [])


def test_the_agenda_goes_by_the_day_and_then_by_the_hour_of_receipt() -> None:
    hours = [filed(f"2026-02-02 {hour}") for hour in ("00:01", "08:30", "16:59", "23:59")]
    nextday = filed("2026-02-03 00:00")
    places = [petition.agenda for petition in (*hours, nextday)]
    assert places == sorted(places)
    assert len({petition.next_due for petition in hours}) == 1


@pytest.mark.parametrize(("kind", "actor", "sees"), [
    (APPEAL, FILER, True), (APPEAL, WORKER, True), (APPEAL, STREET, True),
    (APPEAL, Actor("x", "resident", key="filer:x"), False),
    (APPEAL, Actor("m", "mediator", frozenset({"mediator"})), False), (REPORT, WORKER, False), (REPORT, STREET, True),
    (REPORT, Actor("h", "secretary", frozenset({"secretary"})), True), (REPORT, FILER, True),
    (APPEAL, Actor("w", "worker", frozenset({"worker"}), "accused unit"), False),
    (APPEAL, Actor("accused", "worker", frozenset({"worker"})), False), (APPEAL, Actor("", "anonymous"), False),
])  # fmt: skip
def test_who_may_know_of_a_petition(kind: str, actor: Actor, sees: bool) -> None:
    petition = filed(kind=kind, accused={"worker_id": "accused", "unit": "accused unit"})
    assert petition.visible_to(actor) is sees
