"""Decisions of the court's matters and of sittings: exact dates, who sees the file, no room held for nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notifications.deliveries.rules.cases import tellings_of
from services.petitions.court import domain
from services.petitions.court.domain import CONFIRMATION, HEARING, CourtCase
from services.petitions.court.schemas import CourtView
from services.petitions.disputes.domain import COMMITTEE, Dispute
from services.petitions.disputes.schemas import DisputeView
from services.petitions.domain import Actor
from services.petitions.help.domain import HOME, HelpRequest
from services.petitions.help.schemas import HelpView
from services.petitions.sittings import domain as sittings
from services.petitions.sittings.domain import ANSWER_AWAITED_FOR, Sitting
from services.petitions.sittings.handlers import SITTINGS, Sittings
from shared.calls import Call
from shared.events.locale import Locale
from shared.rules.errors import Conflict, Forbidden
from shared.runtime.testing import MemoryStore

HERE = Locale(id="lijing")
COURT = Actor("j", "court", frozenset({"court"}))
CLOCK = Actor("", "clock")
ONE = Actor("r1", "resident", frozenset({"resident"}), key="filer:1")
PARTIES = [
    {"id": "p1", "resident_id": "r1", "name": "王测试", "phone": "+8613612345678"},
    {"id": "p2", "resident_id": "r2", "name": "李测试", "phone": "+8613687654321"},
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


NOW = at("2026-09-24 10:00")  # the Thursday before three days off


def before_court(kind: str, day: datetime = NOW) -> CourtCase:
    facts = {"kind": kind, "dispute_id": "d", "number": "SF1", "parties": PARTIES, "found_by": ["all", "filer:1"]}
    return domain.take("c", facts, CLOCK, HERE, day)[0]


def due(case: CourtCase, name: str) -> str:
    return str(case.clock(name)["due"])


# -- dates


def test_a_confirmation_is_accepted_in_three_days_and_decided_in_fifteen_and_ten_more() -> None:
    asked = before_court(CONFIRMATION)
    assert due(asked, "accept") == "2026-09-27"
    accepted, _ = domain.accept(asked, "1号", "j", COURT, HERE, at("2026-09-26 10:00"))
    assert (due(accepted, "decide"), accepted.clock("accept")["state"]) == ("2026-10-11", "met")
    longer, events = domain.lengthen(accepted, COURT, HERE, at("2026-10-09 10:00"))
    assert (due(longer, "decide"), events[0].name, events[0].due) == ("2026-10-21", "court_extended", "2026-10-21")
    assert [(parties, template) for _, parties, template, _ in tellings_of(events[0])] == [(["parties"], "court_extended")]
    with pytest.raises(Conflict, match="already_extended"):
        domain.lengthen(longer, COURT, HERE, at("2026-10-10 10:00"))


def test_the_court_names_a_mediator_in_three_working_days_and_mediates_thirty_and_thirty_more() -> None:
    asked = before_court(HEARING)
    assert (due(asked, "mediator"), due(asked, "mediation")) == ("2026-09-30", "2026-10-24")
    accepted, _ = domain.accept(asked, "1号", "j", COURT, HERE, NOW)
    longer, _ = domain.lengthen(accepted, COURT, HERE, at("2026-10-09 10:00"))
    assert (due(longer, "mediation"), longer.clock("mediator")["state"]) == ("2026-11-23", "met")


@pytest.mark.parametrize(("kind", "outcome"), [(CONFIRMATION, "settled"), (HEARING, "confirmed")])
def test_an_outcome_is_one_that_this_kind_of_matter_has(kind: str, outcome: str) -> None:
    accepted, _ = domain.accept(before_court(kind), "1号", "j", COURT, HERE, NOW)
    with pytest.raises(Conflict, match="outcome_unfit"):
        domain.write_outcome(accepted, outcome, "1号", "", COURT, HERE, NOW)


# -- who sees, and who is responsible


def test_a_party_sees_of_the_other_only_the_name_and_nothing_that_the_court_noted_for_itself() -> None:
    case = before_court(HEARING).noted(COURT, "note", "内部", NOW, internal=True).noted(COURT, "declined", "不予受理", NOW)
    assert domain.seen_by(case, COURT) == case
    seen = domain.seen_by(case, ONE)
    assert seen.parties == [PARTIES[0], {"id": "p2", "name": "李测试"}]
    assert [n["text"] for n in seen.notes] == ["不予受理"]
    judge = Actor("r2", "court", frozenset({"court", "resident"}))
    assert "phone" not in domain.seen_by(case, judge).parties[0]
    with pytest.raises(Forbidden, match="not_impartial"):
        domain.check_impartial(case, judge)
    domain.check_impartial(case, COURT)


def test_every_case_names_who_is_responsible() -> None:
    shown = [(DisputeView, Dispute(), COMMITTEE), (CourtView, CourtCase(), domain.COURT), (HelpView, HelpRequest(), HOME)]
    for view, case, authority in shown:
        assert view(only=("responsible_authority",)).dump(case) == {"responsible_authority": authority}


# -- sittings of a matter


def hears(case: CourtCase, state: str, id: str = "q", reason: str = "", days: int = 2) -> tuple[CourtCase, list[Any]]:
    start = NOW + timedelta(days=days)
    facts = {"state": state, "start": start, "end": start + timedelta(hours=1), "reason": reason, "choices": []}
    return domain.sitting(case, id, facts, CLOCK, HERE, NOW)


def test_a_late_asked_does_not_overwrite_a_hearing_that_is_held() -> None:
    booked, events = hears(before_court(HEARING), "booked")
    assert ([e.name for e in events], booked.current) == (["hearing_scheduled"], "q")
    assert hears(booked, "asked") == (booked, [])


def test_what_another_hearing_replaced_is_due_until_it_is_given_back() -> None:
    first, _ = hears(before_court(HEARING), "booked", "a")
    second, _ = hears(first, "booked", "b", days=3)
    assert (second.current, domain.idle_sittings(second, NOW), second.due) == ("b", ["a"], NOW)
    assert domain.turn(second, HERE, NOW)[0].due == NOW
    given, events = hears(second, "dropped", "a", "rescheduled")
    assert (given.current, domain.idle_sittings(given, NOW), events) == ("b", [], [])
    assert given.due is not None
    assert given.due > NOW


@pytest.mark.parametrize("end", ["decline", "outcome"])
def test_a_matter_that_is_over_gives_its_hearings_back_and_the_parties_are_told(end: str) -> None:
    case, _ = hears(before_court(HEARING), "booked")
    if end == "decline":
        over, _ = domain.decline(case, "x", COURT, HERE, NOW)
    else:
        over, _ = domain.write_outcome(domain.accept(case, "1", "j", COURT, HERE, NOW)[0], "settled", "1", "", COURT, HERE, NOW)
    assert (domain.idle_sittings(over, NOW), over.due) == (["q"], NOW)
    rid, events = hears(over, "dropped", reason="case_over")
    assert (rid.due, rid.current, events[0].held) == (None, "", True)
    assert [(parties, template) for _, parties, template, _ in tellings_of(events[0])] == [(["parties"], "hearing_off")]
    with pytest.raises(Conflict, match="already_over"):
        domain.may_sit(over)


# -- sittings themselves


def asked() -> Sitting:
    facts = {"case": "court", "case_id": "c", "reference": "X", "room_id": "r", "start": NOW, "end": NOW + timedelta(hours=1)}
    return sittings.request("s", facts, NOW)[0]


def test_silence_gives_up_only_what_was_not_answered() -> None:
    silent, events = sittings.give_up(asked(), NOW + ANSWER_AWAITED_FOR)
    assert (silent.state, silent.reason, [e.name for e in events]) == ("dropped", "no_answer", ["sitting_dropped"])
    booked, _ = sittings.booked(asked(), NOW)
    assert sittings.give_up(booked, NOW + ANSWER_AWAITED_FOR) == (booked, [])
    # An answer that comes after the silence is given back.
    assert [e.name for e in sittings.booked(silent, NOW + ANSWER_AWAITED_FOR)[1]] == ["sitting_dropped"]


class Heard(list[str]):
    """A case that hears of its sittings, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures

    def __call__(self, call: Call, sitting: Sitting) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        self.append(sitting.state)


def desk() -> tuple[Sittings, Call]:
    store = MemoryStore(SITTINGS)
    platform: Any = SimpleNamespace(store=lambda kind: store)
    call = Call("lijing", NOW)
    store.create_all([(call, asked(), [])])
    return Sittings(platform), call


def test_silence_is_heard_again_until_its_case_has_heard_it() -> None:
    found, call = desk()
    hears = Heard(failures=1)
    late = NOW + ANSWER_AWAITED_FOR
    with pytest.raises(ConnectionError):
        found.give_up(call, found.store.due("lijing", late)[0], {"court": hears})
    found.give_up(call, found.store.due("lijing", late)[0], {"court": hears})
    assert (hears, found.store.due("lijing", late)) == (["dropped"], [])


def test_a_booking_that_overtakes_the_silence_wins() -> None:
    found, call = desk()
    hears, seen_as_asked = Heard(), found.store.due("lijing", NOW + ANSWER_AWAITED_FOR)[0]
    found.hear(call, SimpleNamespace(request_id="s", name="sitting_booked"), {"court": hears})
    found.give_up(call, seen_as_asked, {"court": hears})
    assert (hears, found.store.find("lijing", "s").state) == (["booked"], "booked")
