"""Decisions of a dispute: who sees which act, what binds, what is begun anew, and what time does to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notifications.deliveries.rules.cases import tellings_of
from services.petitions.disputes import domain
from services.petitions.disputes.domain import Dispute
from services.petitions.disputes.rules import agreement
from services.petitions.domain import Actor
from services.petitions.papers import handlers as papers
from shared.events.locale import Locale
from shared.events.petitions import DeadlineNear, MediationUnscheduled
from shared.rules.errors import Conflict, Forbidden, Invalid

HERE = Locale(id="lijing")
ONE = Actor("r1", "resident", frozenset({"resident"}), key="filer:1")
TWO = Actor("r2", "resident", frozenset({"resident"}), key="filer:2")
MEDIATOR = Actor("m1", "mediator", frozenset({"mediator"}))
OTHER_MEDIATOR = Actor("m2", "mediator", frozenset({"mediator"}))
WORKER = Actor("w", "worker", frozenset({"worker"}), "counter")
SECRETARY = Actor("s", "secretary", frozenset({"secretary"}))
PARTIES: list[dict[str, Any]] = [
    {"id": "p1", "resident_id": "r1", "name": "王测试", "phone": "+8613612345678"},
    {"id": "p2", "resident_id": "r2"},
]
TERMS = {"facts": "漏水", "terms": "赔偿 500 元", "method": "转账", "deadline": ""}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


NOW = at("2026-09-01 10:00")


def opened(**facts: Any) -> Dispute:
    given = {
        "number": "TJ1",
        "kind": "邻里",
        "text": "x",
        "parties": PARTIES,
        "found_by": ["all", "filer:1", "filer:2"],
    } | facts
    return domain.open_dispute("d", given, WORKER, HERE, NOW)[0]


def mediating(**facts: Any) -> Dispute:
    return domain.set_mediators(opened(**facts), ["m1"], False, WORKER, HERE, NOW)[0]


def drafted(**terms: str) -> Dispute:
    return agreement.draft(mediating(), TERMS | terms, MEDIATOR, NOW)[0]


def signs(dispute: Dispute, actor: Actor, how: str = "signature", matter: bool = False, **by: Any) -> tuple[Dispute, list[Any]]:
    return agreement.sign(dispute, by, how, dispute.digest, matter, actor, HERE, NOW)


def agreed(**terms: str) -> tuple[Dispute, list[Any]]:
    dispute = drafted(**terms)
    for actor in (ONE, TWO, MEDIATOR):
        dispute, _ = signs(dispute, actor)
    return signs(dispute, SECRETARY, committee=True)


def failed() -> Dispute:
    return domain.fail(mediating(), "分歧", MEDIATOR, HERE, NOW)[0]


def acts(dispute: Dispute) -> list[str]:
    return [act["act"] for act in dispute.history]


def told(events: list[Any]) -> list[tuple[list[str], str]]:
    """Whom the last event is told to, and with which words."""
    return [(parties, template) for _, parties, template, _ in tellings_of(events[-1])]


# -- who sees what


def test_a_party_sees_the_acts_that_are_for_parties_and_the_house_the_danger_too() -> None:
    dispute, _ = domain.danger(mediating(), "threat", "x", WORKER, NOW)
    dispute, _ = domain.acknowledge_danger(dispute, "来过", Actor("l", "police_liaison"), NOW)
    for party in (ONE, TWO):
        seen = domain.seen_by(dispute, party)
        assert acts(seen) == ["opened", "mediators_set"]
        assert seen.dangers == []
        assert not any("by" in act or "document" in act for act in seen.history)
    assert acts(domain.seen_by(dispute, WORKER)) == ["opened", "mediators_set", "danger", "police_contact"]


def test_a_mediator_who_is_a_party_sees_what_a_party_sees() -> None:
    both = Actor("r2", "mediator", frozenset({"mediator", "resident"}), key="filer:2")
    dispute, _ = domain.note(mediating(), "底线八百", True, ONE, NOW)
    assert [n["text"] for n in domain.seen_by(dispute, MEDIATOR).notes] == ["底线八百"]
    seen = domain.seen_by(dispute, both)
    assert (seen.notes, seen.parties[0]) == ([], {"id": "p1", "name": "王测试"})


def test_a_party_cannot_mediate_nor_act_as_one_of_the_house() -> None:
    with pytest.raises(Conflict, match="mediator_is_party"):
        domain.set_mediators(opened(), ["m1", "r2"], False, WORKER, HERE, NOW)
    with pytest.raises(Conflict, match="mediator_is_party"):
        domain.choose_mediators(opened(), ["r2"], TWO, HERE, NOW)
    both = Actor("r2", "mediator", frozenset({"mediator", "resident"}))
    for act in (domain.fail, domain.withdraw):
        with pytest.raises(Forbidden, match="not_impartial"):
            act(mediating(), "x", both, HERE, NOW)
    with pytest.raises(Forbidden, match="not_the_mediator"):
        agreement.agree_orally(mediating(), "道歉", NOW, False, both, HERE, NOW)
    with pytest.raises(Forbidden, match="not_impartial"):
        agreement.perform(agreed()[0], "performed", "", False, both, HERE, NOW)
    with pytest.raises(Forbidden, match="not_impartial"):
        signs(drafted(), Actor("r1", "secretary", frozenset({"secretary"})), committee=True)


def test_of_the_petition_the_other_party_sees_neither_documents_nor_what_concerns_the_petitioner() -> None:
    history = [
        {"act": act, "role": "worker", "by": "w", "at": NOW, "document": "7号", "reason": "x"}
        for act in ("filed", "urgent", "recusal", "rated", "registered")
    ]
    shown = domain.acts_shown(history, domain.OF_PETITION)
    assert shown == [{"act": act, "role": "worker", "at": NOW} for act in ("filed", "registered")]


# -- signatures


def test_what_one_signer_says_of_status_is_not_unsaid_by_the_last() -> None:
    dispute, _ = signs(drafted(), ONE, matter=True)
    for actor in (TWO, MEDIATOR):
        dispute, _ = signs(dispute, actor)
    dispute, events = signs(dispute, SECRETARY, committee=True)
    assert (dispute.status_matter, dispute.confirmable, events[-1].until) == (True, False, "")
    redrafted, _ = agreement.draft(signs(drafted(), ONE, matter=True)[0], {"terms": "另一份"}, MEDIATOR, NOW)
    assert (redrafted.status_matter, redrafted.signatures) == (False, [])


def test_a_mediator_signs_for_themself_or_takes_down_what_a_party_put_on_paper() -> None:
    with pytest.raises(Invalid, match="how_unfit"):
        signs(drafted(), MEDIATOR, party="p2")
    for how in agreement.TAKEN_DOWN:
        assert signs(drafted(), MEDIATOR, how, party="p2")[0].signatures[0]["by"] == "party:p2"
    assert signs(drafted(), MEDIATOR)[0].signatures[0]["by"] == "mediator:m1"
    with pytest.raises(Forbidden, match="not_a_party"):
        signs(drafted(), OTHER_MEDIATOR)
    with pytest.raises(Forbidden, match="not_yours"):
        signs(drafted(), ONE, "seal", party="p2")


def test_a_replaced_mediators_signature_does_not_count() -> None:
    dispute, _ = signs(drafted(), MEDIATOR)
    for actor in (ONE, TWO):
        dispute, _ = signs(dispute, actor)
    dispute, _ = domain.set_mediators(dispute, ["m2"], False, WORKER, HERE, NOW)
    dispute, _ = signs(dispute, SECRETARY, committee=True)
    assert dispute.state == domain.MEDIATING
    dispute, events = signs(dispute, OTHER_MEDIATOR)
    assert (dispute.state, events[-1].name) == (domain.EFFECTIVE, "agreement_effective")


def test_who_has_not_signed_or_applied_yet_is_told_of_the_others() -> None:
    dispute, events = signs(drafted(), ONE)
    assert [p["id"] for p in dispute.awaited("unsigned")] == ["p2"]
    assert tellings_of(events[0])[0][1] == ["unsigned"]
    applied, events = agreement.apply(agreed()[0], "", "", "c", ONE, HERE, NOW)
    assert ([p["id"] for p in applied.awaited("unapplied")], events[0].missing, events[0].until) == (["p2"], 1, "2026-10-08")
    assert [(parties, template) for _, parties, template, _ in tellings_of(events[0])] == [
        (["unapplied"], "confirmation_applied")
    ]


def test_when_it_takes_effect_everybody_is_told_of_the_way_to_the_court() -> None:
    _, events = agreed()
    assert (events[-1].name, events[-1].until) == ("agreement_effective", "2026-10-08")
    told = {party: (t, params) for _, parties, t, params in tellings_of(events[-1]) for party in parties}
    assert told == {
        "mediators": ("agreement_effective", {"n": events[-1].number}),
        "parties": ("agreement_effective_until", {"n": events[-1].number, "day": "2026-10-08"}),
    }


def test_an_oral_agreement_that_the_mediator_recorded_can_be_confirmed() -> None:
    made, events = agreement.agree_orally(mediating(), "道歉", NOW, False, MEDIATOR, HERE, NOW)
    assert (made.form, made.confirmable, events[0].until) == ("oral", True, "2026-10-08")
    assert agreement.apply(made, "", "", "c", ONE, HERE, NOW)[0].applied == ["p1"]
    status, _ = agreement.agree_orally(mediating(), "抚养", NOW, True, MEDIATOR, HERE, NOW)
    with pytest.raises(Conflict, match="not_confirmable"):
        agreement.apply(status, "", "", "c", ONE, HERE, NOW)


def test_the_paper_calls_the_parties_by_their_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papers, "paper", lambda title, number, lines, closing: (lines, closing))
    dispute, _ = signs(drafted(), MEDIATOR, "fingerprint", party="p2")
    dispute, _ = signs(dispute, ONE)
    dispute, _ = signs(dispute, MEDIATOR)
    lines, closing = papers.agreement(signs(dispute, SECRETARY, committee=True)[0])
    assert ("当事人", "甲方(王测试)、乙方") in lines
    signed = [text for heading, text in lines if heading == "签署"]
    assert [text.rpartition(" · ")[0] for text in signed] == [
        "乙方 · 捺印",
        "甲方(王测试) · 签名",
        "调解员 · 签名",
        "人民调解委员会 · 签名",
    ]
    assert not any(word in str(lines + closing) for word in ("p1", "p2", "m1"))
    assert closing[0] == "人民调解委员会"


# -- parties without an account


def test_a_mediator_records_a_partys_refusal_with_how_it_was_given() -> None:
    with pytest.raises(Invalid, match="how_missing"):
        domain.refuse(mediating(), "", "p2", "", MEDIATOR, HERE, NOW)
    with pytest.raises(Forbidden, match="not_a_party"):
        domain.refuse(mediating(), "", "", "电话", MEDIATOR, HERE, NOW)
    with pytest.raises(Forbidden, match="not_a_party"):
        domain.refuse(mediating(), "", "p2", "电话", OTHER_MEDIATOR, HERE, NOW)
    with pytest.raises(Forbidden, match="not_yours"):
        domain.refuse(mediating(), "", "p2", "", ONE, HERE, NOW)
    refused, events = domain.refuse(mediating(), "不想谈", "p2", "电话告知", MEDIATOR, HERE, NOW)
    assert (refused.state, refused.history[-1]["party"], refused.history[-1]["by"]) == ("refused", "p2", "m1")
    assert {(n["kind"], n["text"], n["role"]) for n in refused.notes} >= {("recorded", "电话告知", "mediator")}
    assert (events[0].name, events[0].reason) == ("dispute_ended", "remedies")


def test_a_mediator_records_that_a_party_joins_the_application() -> None:
    dispute, _ = agreement.apply(agreed()[0], "", "", "c", ONE, HERE, NOW)
    with pytest.raises(Invalid, match="how_missing"):
        agreement.apply(dispute, "p2", "", "c", MEDIATOR, HERE, NOW)
    joined, events = agreement.apply(dispute, "p2", "书面申请", "c", MEDIATOR, HERE, NOW)
    assert (joined.applied, joined.court_id, joined.to_court, events[0].missing) == (["p1", "p2"], "c", "confirmation", 0)
    assert joined.notes[-1]["text"] == "书面申请"


# -- what ends, and begins anew


def test_who_comes_back_begins_anew() -> None:
    dispute, _ = agreement.apply(agreed()[0], "", "", "c", ONE, HERE, NOW)
    ended, _ = domain.fail(dispute.but(reminded=[10]), "未履行", MEDIATOR, HERE, NOW)
    ended, _ = agreement.consent(ended, "p1", ONE, NOW)
    again, _ = domain.resume_mediation(ended, "愿意再谈", MEDIATOR, HERE, NOW)
    cleared = ("signatures", "applied", "digest", "form", "effective_on", "consents", "reminded", "court_id", "to_court")
    assert {name: getattr(again, name) for name in cleared if getattr(again, name)} == {}
    assert (again.state, again.status_matter, again.rounds) == (domain.MEDIATING, False, 1)
    redrafted, events = agreement.draft(again, TERMS, MEDIATOR, NOW)
    assert (len(events), bool(redrafted.digest)) == (1, True)


@pytest.mark.parametrize("end", [domain.fail, domain.refuse])
def test_the_remedies_are_told_when_it_fails_or_is_refused(end: Any) -> None:
    more = ("", "") if end is domain.refuse else ()
    actor = ONE if end is domain.refuse else MEDIATOR
    _, events = end(mediating(), "x", *more, actor, HERE, NOW)
    assert [template for _, _, template, _ in tellings_of(events[-1])] == ["dispute_remedies"]


def test_a_mediation_ends_within_a_month() -> None:
    clock = mediating().clock("mediation")
    assert (clock["rule"], clock["due"]) == ("mediation.end", "2026-10-01")
    assert agreed()[0].clock("mediation")["state"] == "met"


def test_every_act_says_an_event() -> None:
    proposed, events = domain.choose_mediators(opened(), ["m1"], ONE, HERE, NOW)
    assert ([e.name for e in events], events[0].agreed) == (["mediators_proposed"], False)
    assert [p["id"] for p in proposed.awaited("unchosen")] == ["p2"]
    _, events = domain.choose_mediators(proposed, ["m1"], TWO, HERE, NOW)
    assert [e.name for e in events] == ["mediators_proposed", "dispute_mediators_set"]
    _, events = domain.note(mediating(), "x", True, ONE, NOW)
    assert ([e.name for e in events], events[0].shared, events[0].role) == (["dispute_noted"], False, "resident")
    dangerous, _ = domain.danger(mediating(), "threat", "x", WORKER, NOW)
    assert [e.name for e in domain.acknowledge_danger(dangerous, "", WORKER, NOW)[1]] == ["danger_acknowledged"]
    one, events = agreement.consent(failed(), "p1", ONE, NOW)
    assert ([e.name for e in events], events[0].missing) == (["court_consent_given"], 1)
    both, events = agreement.consent(one, "p2", TWO, NOW)
    assert events[0].missing == 0
    assert [e.name for e in agreement.refer(both, "c", WORKER, HERE, NOW)[1]] == ["dispute_referred"]


# -- the court


def test_what_goes_to_the_court_is_due_at_once_until_the_court_has_it() -> None:
    dispute, _ = agreement.apply(agreed()[0], "", "", "c", ONE, HERE, NOW)
    later = NOW + timedelta(hours=1)
    applied, _ = agreement.apply(dispute, "", "", "c", TWO, HERE, later)
    assert (applied.to_court, applied.due) == ("confirmation", later)
    assert agreement.turn(applied, HERE, later)[0].due == later
    had, events = agreement.reached_the_court(applied, HERE, later)
    assert (had.to_court, events) == ("", [])
    assert had.due is not None
    assert had.due > later
    consented, _ = agreement.consent(agreement.consent(failed(), "p1", ONE, NOW)[0], "p2", TWO, NOW)
    referred, _ = agreement.refer(consented, "c", WORKER, HERE, NOW)
    assert (referred.to_court, referred.due) == ("hearing", NOW)
    assert agreement.refer(referred, "c", WORKER, HERE, NOW) == (referred, [])


def test_a_published_calendar_does_not_silence_the_reminders() -> None:
    dispute, _ = agreed()
    assert dispute.due == at("2026-09-28 08:30")
    assert agreement.follow(dispute, HERE, NOW)[0].due == at("2026-09-28 08:30")


# -- performance


@pytest.mark.parametrize(
    ("deadline", "due", "warned"),
    [
        ("", "2026-10-01", "2026-09-30 08:30"),
        ("尽快", "2026-10-01", "2026-09-30 08:30"),
        ("2026-13-40", "2026-10-01", "2026-09-30 08:30"),
        ("2026-11-20 前付清", "2026-11-23", "2026-11-20 08:30"),
        ("首期2026年10月20日,余款2026年12月31日", "2027-01-04", "2026-12-31 08:30"),
    ],
)
def test_the_mediator_is_reminded_where_no_performance_is_recorded(deadline: str, due: str, warned: str) -> None:
    dispute, _ = agreed(deadline=deadline)
    assert dispute.clock("performance")["due"] == due
    moment = at(warned)
    early = [e for e in agreement.turn(dispute, HERE, moment - timedelta(minutes=1))[1] if isinstance(e, DeadlineNear)]
    events = [e for e in agreement.turn(dispute, HERE, moment)[1] if isinstance(e, DeadlineNear)]
    assert (early, [(e.clock, e.due) for e in events]) == ([], [("performance", due)])
    assert tellings_of(events[0])[0][1] == ["responsible"]


def test_recorded_performance_ends_the_waiting_and_in_part_begins_it_anew() -> None:
    dispute, _ = agreed()
    assert agreement.perform(dispute, "performed", "", False, WORKER, HERE, NOW)[0].clock("performance")["state"] == "off"
    assert agreement.perform(dispute, "refused", "", False, WORKER, HERE, NOW)[0].clock("performance")["state"] == "met"
    partly, _ = agreement.perform(dispute, "partly", "", False, WORKER, HERE, at("2026-10-12 10:00"))
    assert (partly.state, partly.clock("performance")["state"]) == ("effective", "running")
    assert partly.clock("performance")["due"] == "2026-11-11"


def test_what_was_settled_before_the_court_is_performed_too() -> None:
    with pytest.raises(Conflict, match="not_effective"):
        agreement.perform(failed(), "performed", "", False, WORKER, HERE, NOW)
    done, events = agreement.perform(failed(), "performed", "", True, WORKER, HERE, NOW)
    assert (done.state, [e.name for e in events]) == ("performed", ["performance_recorded", "dispute_ended"])


# -- sittings


def hears(dispute: Dispute, state: str, id: str = "q", reason: str = "", **more: Any) -> tuple[Dispute, list[Any]]:
    start = more.get("start", NOW + timedelta(days=2))
    facts = {"state": state, "start": start, "end": start + timedelta(hours=1), "reason": reason, "choices": []}
    return domain.sitting(dispute, id, facts, WORKER, HERE, NOW)


def test_a_late_asked_does_not_overwrite_what_is_held() -> None:
    booked, events = hears(mediating(), "booked")
    assert [e.name for e in events] == ["mediation_scheduled"]
    for late in ("asked", "booked"):
        assert hears(booked, late) == (booked, [])
    gone, _ = hears(booked, "refused", reason="withdrawn")
    assert hears(gone, "booked") == (gone, [])


def test_parties_are_told_that_a_held_sitting_is_off_and_of_no_other() -> None:
    _, events = hears(hears(mediating(), "booked")[0], "refused", reason="withdrawn")
    assert events[0].held is True
    assert told(events) == [(["mediators"], "mediation_unscheduled"), (["parties"], "mediation_off")]
    _, events = hears(hears(mediating(), "asked")[0], "dropped", reason="no_answer")
    assert events[0].held is False
    assert told(events) == [(["mediators"], "mediation_unscheduled")]
    assert told([MediationUnscheduled("d", "TJ1", "case_over", NOW, True)]) == [(["parties"], "mediation_off")]


@pytest.mark.parametrize("state", ["asked", "booked"])
def test_whoever_ends_it_gives_the_rooms_to_come_back(state: str) -> None:
    dispute, _ = hears(mediating(), state)
    dispute, _ = hears(dispute, "booked", id="past", start=NOW - timedelta(minutes=30))
    assert domain.idle_sittings(dispute, NOW) == []
    ended, _ = domain.refuse(dispute, "", "", "", ONE, HERE, NOW)
    assert (domain.idle_sittings(ended, NOW), ended.due) == (["q"], NOW)
    rid, events = hears(ended, "dropped", reason="case_over")
    assert (domain.idle_sittings(rid, NOW), rid.due, events[0].held) == ([], None, state == "booked")


def test_an_answer_after_the_end_is_given_back_and_told_to_nobody() -> None:
    ended, _ = domain.refuse(hears(mediating(), "asked")[0], "", "", "", ONE, HERE, NOW)
    late, events = hears(ended, "booked")
    assert (events, domain.idle_sittings(late, NOW), late.due) == ([], ["q"], NOW)
    with pytest.raises(Conflict, match="already_over"):
        domain.may_sit(late)
