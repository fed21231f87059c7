"""Disputes: mediation, the agreement and its signatures, sittings, danger, and the way to the court."""

from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from ops.client import Client
from tests.system.disputing import TERMS, Case
from tests.system.petitioning import act, filed
from tests.system.world import SHANGHAI, Community, World, invented_phone, tomorrow


def clock(shown: dict[str, Any], name: str) -> dict[str, Any]:
    return next(d for d in reversed(shown["deadlines"]) if d["name"] == name)


def test_a_written_agreement_binds_once_all_and_the_mediator_and_the_committee_signed(lijing: Community) -> None:
    case = Case(lijing).mediating()
    digest = case.act(case.mediator, "agreement", **TERMS)["digest"]
    assert case.act(case.one, "sign", 409, digest="0" * 64)["code"] == "text_changed"
    for who in (case.one, case.two, case.mediator):
        assert case.act(who, "sign", digest=digest)["state"] == "mediating"
    assert case.act(case.one, "sign", 409, digest=digest)["code"] == "already_signed"
    assert case.act(case.mediator, "sign", 403, digest=digest, committee=True)["code"] == "role_missing"
    bound = case.act(lijing.secretary, "sign", digest=digest, committee=True)
    assert (bound["state"], bound["form"], len(bound["signatures"])) == ("effective", "written", 4)
    assert clock(bound, "confirmation_window")["state"] == "running"


def test_an_edit_voids_every_signature(world: World, lijing: Community) -> None:
    case = Case(lijing).mediating()
    first = case.act(case.one, "agreement", **TERMS)["digest"]
    case.act(case.one, "sign", digest=first)
    second = case.act(case.two, "agreement", **TERMS | {"terms": "赔偿 300 元"})
    assert second["digest"] != first
    assert second["signatures"] == []
    assert case.act(case.one, "sign", 409, digest=first)["code"] == "text_changed"
    same = case.act(case.two, "agreement", **TERMS | {"terms": "赔偿 300 元"})
    assert same["digest"] == second["digest"]


def test_an_oral_agreement_takes_effect_when_it_is_made(lijing: Community) -> None:
    case = Case(lijing).mediating()
    made = case.act(case.mediator, "oral-agreement", terms="互相道歉", made_at="2026-09-01T10:00:00+08:00")
    assert (made["state"], made["form"], made["effective_on"]) == ("effective", "oral", "2026-09-01")
    # It is as confirmable as a written one; its window closed on 8 October.
    assert case.act(case.one, "confirmation", 409)["until"] == "2026-10-08"
    assert case.act(case.mediator, "performance", outcome="performed")["state"] == "performed"


def test_an_express_refusal_stops_it_and_the_remedies_are_told(world: World, lijing: Community) -> None:
    case = Case(lijing).mediating()
    assert case.act(case.two, "refuse", reason="不想谈")["state"] == "refused"
    assert case.act(case.mediator, "agreement", 409, **TERMS)["code"] == "not_mediating"
    world.until(lambda: world.heard("dispute_ended", case.id), what="the event")
    assert world.heard("dispute_ended", case.id)[0]["body"]["outcome"] == "refused"
    kept = world.mongo["notifications"]["deliveries"]
    where = {"community": "lijing", "template": "dispute_remedies", "channel": "inbox", "params.n": case.opened["number"]}

    def told():
        return {d["recipient"] for d in kept.find(where)}

    expected = {lijing.id_of("resident"), lijing.id_of("guardian"), lijing.id_of("mediator")}
    world.until(lambda: told() == expected, what="everybody to be told")


def test_a_party_sees_its_own_confidences_and_not_the_others(lijing: Community) -> None:
    case = Case(lijing).mediating()
    case.act(case.one, "notes", text="我最多接受八百", private=True)
    case.act(case.two, "notes", text="大家好", private=False)
    case.act(case.mediator, "notes", text="甲方底线八百", private=True)
    assert {n["text"] for n in case.see(case.one)["notes"]} == {"我最多接受八百", "大家好"}
    assert {n["text"] for n in case.see(case.two)["notes"]} == {"大家好"}
    assert len(case.see(case.mediator)["notes"]) == 3
    assert {n["text"] for n in case.see(lijing.worker)["notes"]} == {"大家好"}


def test_the_parties_choose_their_mediators_together(lijing: Community) -> None:
    case, mediator = Case(lijing), lijing.id_of("mediator")
    assert case.act(case.one, "mediators", mediators=[mediator])["state"] == "opened"
    chosen = case.act(case.two, "mediators", mediators=[mediator])
    assert (chosen["state"], chosen["chosen"], chosen["mediators"]) == ("mediating", True, [mediator])
    refused = case.act(lijing.worker, "mediators", 422, mediators=[lijing.id_of("worker")])
    assert (refused["code"], refused["errors"][0]["field"]) == ("not_a_mediator", "mediators.0")


def test_parties_are_told_of_a_sitting_once_it_is_held(world: World, lijing: Community) -> None:
    case, room = Case(lijing).mediating(), lijing.room()
    start = tomorrow(9, days=2)
    body = {"room_id": room["id"], "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    case.act(lijing.worker, "sittings", **body)
    world.until(lambda: world.heard("mediation_scheduled", case.id), what="the sitting")
    assert {s["state"] for s in case.see(case.one)["sittings"].values()} == {"booked"}
    case.act(lijing.worker, "sittings", **body)
    world.until(lambda: world.heard("mediation_unscheduled", case.id), what="the refusal")
    refused = next(s for s in case.see(case.mediator)["sittings"].values() if s["state"] == "refused")
    assert (refused["reason"], bool(refused["choices"])) == ("slot_taken", True)


def test_silence_of_the_centre_goes_to_the_mediator_after_a_minute(world: World, lijing: Community) -> None:
    case, room = Case(lijing).mediating(), lijing.room()
    start = tomorrow(9, days=3)
    for n in range(2):
        world.stack.stop(f"bookings-{n}")
    try:
        case.act(
            lijing.worker, "sittings", room_id=room["id"], start=start.isoformat(), end=(start + timedelta(hours=1)).isoformat()
        )
        with world.clock_at(datetime.now(UTC) + timedelta(seconds=61)):
            world.until(lambda: world.heard("mediation_unscheduled", case.id), what="the silence to be heard")
    finally:
        for n in range(2):
            world.stack.start(f"bookings-{n}")
    assert world.heard("mediation_unscheduled", case.id)[0]["body"]["reason"] == "no_answer"
    world.settle()
    where = {"community": "lijing", "kind": "sitting", "room_id": room["id"]}

    def states():
        return [u["state"] for u in world.mongo["bookings"]["uses"].find(where)]

    world.until(lambda: states() == ["cancelled"], what="the room to be given back")
    assert not world.heard("mediation_scheduled", case.id)


def test_confirmation_is_asked_jointly_within_thirty_days(world: World, lijing: Community) -> None:
    case = Case(lijing).mediating()
    assert clock(case.signed(), "confirmation_window")["rule"] == "confirmation.ask"
    assert case.act(case.one, "confirmation")["applied"] == ["p1"]
    both = case.act(case.two, "confirmation")
    court, path = lijing.as_("court"), lijing.path(f"/hearings/{both['court_id']}")
    asked = court.get(path)
    assert (asked["kind"], asked["state"], clock(asked, "accept")["rule"]) == ("confirmation", "asked", "confirmation.accept")
    for role in ("clerk", "worker", "secretary", "mediator"):
        assert lijing.as_(role).call("GET", path).status_code == 403, role
    assert case.one.get(path)["number"] == asked["number"]
    for role in ("resident", "guardian", "mediator", "worker", "duty_lead", "secretary", "street_officer"):
        written = lijing.as_(role).call("POST", f"{path}/outcome", {"outcome": "confirmed", "case_number": "1"})
        assert (written.status_code, written.json()["code"]) == (403, "role_missing"), role
    assert court.get(path)["outcome"] == {}
    taken = court.call("POST", f"{path}/accept", {"case_number": "(2026)晋1102民特1号"}).json()
    assert clock(taken, "decide")["state"] == "running"
    assert clock(court.call("POST", f"{path}/extend", {}).json(), "decide")["due"] > clock(taken, "decide")["due"]
    done = court.call("POST", f"{path}/outcome", {"outcome": "confirmed", "case_number": "(2026)晋1102民特1号"}).json()
    assert (done["state"], done["outcome"]["outcome"]) == ("decided", "confirmed")
    line = case.one.get(lijing.path(f"/disputes/{case.id}/timeline"))["items"]
    assert [i["act"] for i in line][:1] == ["opened"]
    assert {"signed", "effective", "applied", "confirmation_asked", "outcome"} <= {i["act"] for i in line}


def test_confirmation_is_refused_for_marriage_and_after_the_window(world: World, lijing: Community) -> None:
    family = Case(lijing, kind="婚姻家庭").mediating()
    family.signed()
    assert family.act(family.one, "confirmation", 409)["code"] == "not_confirmable"
    case = Case(lijing).mediating()
    last = datetime.fromisoformat(clock(case.signed(), "confirmation_window")["due"]).replace(tzinfo=SHANGHAI)
    for days in (10, 3, 1):
        with world.clock_at(last - timedelta(days=days) + timedelta(hours=9)):
            world.until(lambda days=days: days in _reminders(world, case), what=f"the reminder at {days}")
    with world.clock_at(last + timedelta(days=1)):
        assert case.act(case.one, "confirmation", 409)["code"] == "window_over"


def _reminders(world: World, case: Case) -> set[int]:
    return {e["body"]["days"] for e in world.heard("confirmation_reminder_due", case.id)}


def test_the_court_needs_both_sides_consent_after_a_failed_mediation(world: World, lijing: Community) -> None:
    case = Case(lijing).mediating()
    assert case.act(lijing.worker, "refer", 409)["code"] == "not_failed"
    case.act(case.mediator, "fail", reason="分歧太大")
    assert case.act(lijing.worker, "refer", 409)["code"] == "consent_missing"
    case.act(case.one, "consent")
    assert case.act(lijing.worker, "refer", 409)["missing"] == 1
    case.act(case.two, "consent")
    assert case.act(lijing.worker, "refer")["court_id"]


def test_danger_reaches_the_police_liaison_with_the_time(world: World, lijing: Community) -> None:
    case = Case(lijing).mediating()
    before = datetime.now(UTC)
    case.act(lijing.worker, "danger", kind="threat", text="威胁要动手")
    world.until(lambda: world.heard("danger_reported", case.id), what="the event")
    events = datetime.fromisoformat(world.heard("danger_reported", case.id)[0]["body"]["at"])
    assert before - timedelta(seconds=1) <= events <= datetime.now(UTC)
    world.until(lambda: lijing.told(lijing.id_of("police_liaison"), "danger"), what="the liaison to be told")
    police = lijing.as_("police_liaison")
    assert police.get(lijing.path(f"/disputes/{case.id}"))["dangers"][0]["kind"] == "threat"
    seen = case.act(police, "danger/acknowledge", text="已出警")
    assert seen["dangers"][0]["acknowledged_at"]
    quiet = Case(lijing)
    assert police.call("GET", lijing.path(f"/disputes/{quiet.id}")).status_code == 404


def test_mediation_is_offered_beside_a_petition_which_keeps_its_number(lijing: Community) -> None:
    petition = filed(lijing, lijing.worker, petitioners=[{"resident_id": lijing.id_of("resident")}])
    made = lijing.worker.post(
        lijing.path(f"/petitions/{petition['id']}/mediation"), {"parties": [{"resident_id": lijing.id_of("guardian")}]}
    )
    assert (made["petition_id"], made["petition_number"]) == (petition["id"], petition["number"])
    kept = lijing.worker.get(lijing.path(f"/petitions/{petition['id']}"))
    assert (kept["number"], kept["state"], kept["dispute_id"]) == (petition["number"], "received", made["id"])
    again = lijing.worker.call("POST", lijing.path(f"/petitions/{petition['id']}/mediation"), {"parties": [{"name": "孙测试"}]})
    assert again.status_code == 409
    line = lijing.resident.get(lijing.path(f"/disputes/{made['id']}/timeline"))["items"]
    assert {i["case"] for i in line} == {"petition", "dispute"}


def test_an_offer_that_is_repeated_is_answered_as_it_was(lijing: Community) -> None:
    petition = filed(lijing, lijing.worker)
    path, body = lijing.path(f"/petitions/{petition['id']}/mediation"), {"parties": [{"name": "孙测试"}]}
    key = str(uuid.uuid4())
    first, again = (lijing.worker.call("POST", path, body, key=key) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert lijing.worker.call("POST", path, body, key=str(uuid.uuid4())).json()["code"] == "already_in_mediation"


def test_the_accuseds_unit_cannot_read_the_mediation_beside_a_petition(lijing: Community) -> None:
    unit = f"窗口{uuid.uuid4().hex[:6]}"
    accused, accused_id = lijing.appoint("worker", unit=unit)
    colleague, colleague_id = lijing.appoint("mediator", unit=unit)
    petition = filed(lijing, lijing.worker, accused={"worker_id": accused_id})
    act(lijing, lijing.worker, petition["id"], "register", authority="街道办")
    made = lijing.worker.post(
        lijing.path(f"/petitions/{petition['id']}/mediation"), {"parties": [{"resident_id": lijing.id_of("guardian")}]}
    )
    path = lijing.path(f"/disputes/{made['id']}")
    for who in (accused, colleague):
        assert who.call("GET", path).status_code == 404
        assert who.call("GET", f"{path}/timeline").status_code == 404
        assert made["id"] not in str(who.get(lijing.path("/disputes?limit=200")))
    assert (lijing.worker.get(path)["id"], made["responsible_authority"]) == (made["id"], "街道办")
    refused = lijing.worker.call("POST", f"{path}/mediators", {"mediators": [colleague_id]})
    assert (refused.status_code, refused.json()["code"]) == (422, "mediator_unfit")


def test_a_report_or_a_sealed_petition_is_not_mediated(lijing: Community) -> None:
    sealed = filed(lijing, lijing.resident, sealed=True, petitioners=[])
    report = filed(lijing, lijing.resident, kind="检举控告", topic="其他", petitioners=[])
    for who, made in ((lijing.worker, sealed), (lijing.secretary, report)):
        reply = who.call("POST", lijing.path(f"/petitions/{made['id']}/mediation"), {"parties": [{"name": "孙测试"}]})
        assert (reply.status_code, reply.json()["code"]) == (409, "not_for_mediation")


def test_one_line_from_the_first_complaint_to_performance_and_what_of_it_the_other_party_sees(lijing: Community) -> None:
    petition = filed(lijing, lijing.worker, petitioners=[{"resident_id": lijing.id_of("resident")}])
    act(lijing, lijing.worker, petition["id"], "urgent", reason="漏电")
    act(lijing, lijing.worker, petition["id"], "register", authority="社区")
    parties = {"parties": [{"resident_id": lijing.id_of("guardian")}]}
    case = Case.__new__(Case)
    case.lijing, case.one, case.two, case.mediator = lijing, lijing.resident, lijing.as_("guardian"), lijing.as_("mediator")
    case.id = lijing.worker.post(lijing.path(f"/petitions/{petition['id']}/mediation"), parties)["id"]
    case.failed()
    for who in (case.one, case.two):
        case.act(who, "consent")
    assert case.act(case.mediator, "performance", 409, outcome="performed")["code"] == "not_effective"
    hearing = lijing.path(f"/hearings/{case.act(lijing.worker, 'refer')['court_id']}")
    court = lijing.as_("court")
    assert court.call("POST", f"{hearing}/accept", {"case_number": "(2026)晋1102民调9号"}).ok
    assert court.call("POST", f"{hearing}/outcome", {"outcome": "settled", "case_number": "(2026)晋1102民调9号"}).ok
    assert case.act(case.mediator, "performance", outcome="performed")["state"] == "performed"

    def line(who: Client) -> list[tuple[str, str]]:
        return [(i["case"], i["act"]) for i in who.get(lijing.path(f"/disputes/{case.id}/timeline"))["items"]]

    whole = [
        ("petition", "filed"),
        ("petition", "urgent"),
        ("petition", "registered"),
        ("petition", "mediation"),
        ("dispute", "opened"),
        ("dispute", "mediators_set"),
        ("dispute", "ended"),
        ("dispute", "court_consent"),
        ("dispute", "court_consent"),
        ("dispute", "referred"),
        ("court", "referred"),
        ("court", "accepted"),
        ("court", "outcome"),
        ("dispute", "performance"),
    ]
    assert [step for step in line(lijing.worker) if step in whole] == whole
    assert [step for step in line(case.two) if step in whole] == [step for step in whole if step[1] != "urgent"]
    other = case.two.get(lijing.path(f"/disputes/{case.id}/timeline"))["items"]
    assert all(set(i) <= {"case", "act", "role", "at"} for i in other if i["case"] == "petition")


def test_a_mediator_records_what_a_party_without_an_account_says(world: World, lijing: Community) -> None:
    parties = [{"resident_id": lijing.id_of("resident")}, {"name": "孙测试", "phone": invented_phone()}]
    case = Case(lijing, parties=parties).mediating()
    digest = case.act(case.mediator, "agreement", **TERMS)["digest"]
    assert case.act(case.mediator, "sign", 422, digest=digest, party="p2")["code"] == "how_unfit"
    case.act(case.mediator, "sign", digest=digest, party="p2", how="fingerprint")
    for who in (case.one, case.mediator):
        case.act(who, "sign", digest=digest)
    case.act(lijing.secretary, "sign", digest=digest, committee=True)
    case.act(case.one, "confirmation")
    assert case.act(case.mediator, "confirmation/record", 422, party="p2")["code"] == "input_invalid"
    joined = case.act(case.mediator, "confirmation/record", party="p2", how="当面书面申请")
    assert (joined["applied"], bool(joined["court_id"])) == (["p1", "p2"], True)
    other = Case(lijing, parties=parties).mediating()
    assert other.act(other.mediator, "refuse", 422, party="p2")["code"] == "how_missing"
    assert other.act(other.mediator, "refuse", party="p2", how="电话告知")["state"] == "refused"


def test_a_crash_on_the_way_to_the_court_loses_no_application(world: World, lijing: Community) -> None:
    case = Case(lijing).mediating()
    case.signed()
    case.act(case.one, "confirmation")
    path, key = lijing.path(f"/disputes/{case.id}/confirmation"), str(uuid.uuid4())
    used = world.arm("disputes.committed")
    with contextlib.suppress(requests.ConnectionError):
        case.two.call("POST", path, {}, key=key)
    world.until(lambda: not used.exists(), what="the kill")
    again = world.until(lambda: (reply := case.two.call("POST", path, {}, key=key)).ok and reply.json(), what="the repeat")
    hearing = lijing.path(f"/hearings/{again['court_id']}")
    world.until(lambda: lijing.as_("court").call("GET", hearing).ok, what="the court to have it")
    kept = world.mongo["petitions"]["disputes"]
    world.until(lambda: kept.find_one({"_id": case.id})["to_court"] == "", what="the dispute to know")
    world.until(lambda: not world.stack.not_ready(), what="the replica to come back")  # the next one asks once


def test_a_refusal_gives_the_room_back_and_tells_the_parties_that_it_is_off(world: World, lijing: Community) -> None:
    case, room = Case(lijing).mediating(), lijing.room()
    start = tomorrow(9, days=6)
    end = start + timedelta(hours=1)
    case.act(lijing.worker, "sittings", room_id=room["id"], start=start.isoformat(), end=end.isoformat())
    world.until(lambda: world.heard("mediation_scheduled", case.id), what="the sitting")
    case.act(case.two, "refuse", reason="不想谈")
    off = world.until(lambda: world.heard("mediation_unscheduled", case.id), what="the end of it")
    assert (off[0]["body"]["held"], off[0]["body"]["reason"]) == (True, "case_over")
    world.until(lambda: lijing.reserve(lijing.resident, room["id"], start).status_code == 201, what="the room")
    kept = world.mongo["notifications"]["deliveries"]
    where = {"community": "lijing", "template": "mediation_off", "channel": "inbox", "params.n": case.opened["number"]}

    def told():
        return {d["recipient"] for d in kept.find(where)}

    world.until(lambda: told() == {lijing.id_of("resident"), lijing.id_of("guardian")}, what="the parties to be told")
    assert (
        case.act(lijing.worker, "sittings", 409, room_id=room["id"], start=start.isoformat(), end=end.isoformat())["code"]
        == "already_over"
    )


def test_the_court_file_shows_a_party_of_the_other_only_the_name(lijing: Community) -> None:
    phone = invented_phone()
    case = Case(lijing, parties=[{"resident_id": lijing.id_of("resident")}, {"name": "孙测试", "phone": phone}]).failed()
    case.act(case.one, "consent")
    case.act(case.mediator, "consent", party="p2")
    hearing = lijing.path(f"/hearings/{case.act(lijing.worker, 'refer')['court_id']}")
    court = lijing.as_("court").get(hearing)
    assert (court["parties"][1]["phone"], court["responsible_authority"]) == (phone, "人民法院")
    seen = case.one.get(hearing)
    assert seen["parties"] == [{"id": "p1", "resident_id": lijing.id_of("resident")}, {"id": "p2", "name": "孙测试"}]
    export = case.one.call("GET", lijing.path(f"/residents/{lijing.id_of('resident')}/export"))
    assert (export.status_code, phone in export.text) == (200, False)


@pytest.mark.parametrize(("body", "field"), [
    ({"kind": "天气"}, "kind"), ({"parties": []}, "parties"), ({"parties": [{"name": "孙测试"}]}, "parties"),
    ({"text": ""}, "text"),
])  # fmt: skip
def test_what_is_no_dispute_is_refused_with_its_field(lijing: Community, body: Any, field: str) -> None:
    whole = {"kind": "邻里", "text": "漏水", "parties": [{"name": "孙测试"}, {"name": "李测试"}]} | body
    reply = lijing.worker.call("POST", lijing.path("/disputes"), whole)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)


def test_the_hearing_calendar_holds_the_judge_and_can_be_moved(world: World, lijing: Community) -> None:
    case = Case(lijing).failed()
    for who in (case.one, case.two):
        case.act(who, "consent")
    id = case.act(lijing.worker, "refer")["court_id"]
    court, room, judge = lijing.as_("court"), lijing.room(use="court"), lijing.room(use="equipment", bookable=True)
    path = lijing.path(f"/hearings/{id}")
    court.call("POST", f"{path}/accept", {"case_number": "(2026)晋1102民调2号"})

    def schedule(hour: int) -> None:
        start = tomorrow(hour, days=4)
        body = {
            "room_id": room["id"],
            "resources": [judge["id"]],
            "start": start.isoformat(),
            "end": (start + timedelta(hours=1)).isoformat(),
        }
        assert court.call("POST", f"{path}/schedule", body).status_code == 200

    def held() -> list[str]:
        shown = court.get(path)
        return [shown["sittings"][shown["current"]]["start"]] if shown["current"] else []

    schedule(9)
    world.until(held, what="the first")
    first = held()
    schedule(10)
    world.until(lambda: held() != first, what="the second")

    def states():
        return sorted(
            u["state"]
            for u in world.mongo["bookings"]["uses"].find({"community": "lijing", "kind": "sitting", "room_id": room["id"]})
        )

    world.until(lambda: states() == ["cancelled", "confirmed"], what="the first to be given back")
    assert id in {one["id"] for one in court.get(lijing.path("/hearings/calendar"))["items"]}
    world.settle()
    assert not [e for e in list(world.ear.events) if e["subject"] == id]
    assert lijing.inbox(lijing.resident, "hearing_scheduled")
