"""Petitions: from receipt through every branch, who may act, and who may know of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.system.petitioning import APPEAL, DOCUMENT, OPINION, accepted, act, deadlines, filed
from tests.system.world import SHANGHAI, Community, World, invented_phone


def test_a_petition_gets_a_number_and_deadlines_that_explain_themselves(lijing: Community) -> None:
    made = filed(lijing, lijing.worker, received_at="2026-01-29T10:00:00+08:00", channel="counter")
    assert made["number"].startswith("XF")
    found = {d["name"]: d for d in made["deadlines"]}
    assert (found["register"]["due"], found["accept"]["due"]) == ("2026-02-13", "2026-02-13")
    assert "信访工作条例 art. 23" in found["accept"]["explanation"]["zh-CN"]
    assert "15 days from 2026-01-29" in found["accept"]["explanation"]["en"]
    assert found["accept"]["provisional"] is False
    assert "receipt_code" not in made


@pytest.mark.parametrize(("facts", "code", "field"), [
    ({"kind": "投诉"}, "invalid", "kind"),
    ({"topic": "天气"}, "invalid", "topic"),
    ({"text": ""}, "invalid", "text"),
    ({"received_at": "2027-01-01T10:00:00+08:00"}, "received_in_future", "received_at"),
    ({"petitioners": []}, "petitioners_missing", "petitioners"),
    ({"petitioners": [{"resident_id": "01a20553-f639-7a7a-8640-707188479001"}]}, "person_unknown",
     "petitioners.0.resident_id"),
    ({"petitioners": [{"name": "赵测试", "phone": "x"}]}, "phone_invalid", "petitioners.0.phone"),
    ({"channel": "visit", "petitioners": [{"name": f"赵{n}"} for n in range(6)]}, "representatives_missing", "petitioners"),
    ({"channel": "visit", "petitioners": [{"name": f"赵{n}", "representative": True} for n in range(6)]},
     "too_many_representatives", "petitioners"),
    ({"anonymous": True, "petitioners": []}, "anonymous_with_token", "anonymous"),
])  # fmt: skip
def test_what_cannot_be_filed_is_refused_with_its_field(lijing: Community, facts: Any, code: str, field: str) -> None:
    named = {"petitioners": [{"name": "赵测试"}]}
    reply = lijing.worker.call("POST", lijing.path("/petitions"), APPEAL | named | facts)
    assert reply.status_code == 422
    assert (reply.json()["errors"][0]["code"], reply.json()["errors"][0]["field"]) == (code, field)


def test_acts_of_the_authority_need_the_street_or_its_document(lijing: Community) -> None:
    id = filed(lijing, lijing.worker)["id"]
    act(lijing, lijing.worker, id, "register", authority="street-letters-office")
    refused = act(lijing, lijing.worker, id, "accept", 403)
    assert (refused["code"], refused["errors"][0]["field"]) == ("authority_needed", "document_number")
    assert act(lijing, lijing.worker, id, "accept", **DOCUMENT)["state"] == "accepted"
    for what, body in (("extend", {"reason": "案情复杂"}), ("answer", OPINION)):
        assert act(lijing, lijing.worker, id, what, 403, **body)["code"] == "authority_needed"
    assert act(lijing, lijing.resident, id, "accept", 403)["code"] == "role_missing"


def test_an_opinion_has_four_parts(lijing: Community) -> None:
    id = accepted(lijing)
    refused = act(lijing, lijing.as_("street_officer"), id, "answer", 422, **{**OPINION, "basis": ""})
    assert (refused["code"], refused["errors"][0]["field"]) in {("opinion_incomplete", "basis"), ("input_invalid", "basis")}
    given = act(lijing, lijing.as_("street_officer"), id, "answer", **OPINION)
    assert given["state"] == "answered"
    assert given["opinions"]["handle"]["basis"] == OPINION["basis"]


def test_handling_is_extended_once_and_the_reason_is_sent(world: World, lijing: Community) -> None:
    id = accepted(lijing)
    before = deadlines(lijing.worker.get(lijing.path(f"/petitions/{id}")))["handle"]
    longer = act(lijing, lijing.as_("street_officer"), id, "extend", reason="需要鉴定")
    after = deadlines(longer)["handle"]
    assert datetime.fromisoformat(after) - datetime.fromisoformat(before) == timedelta(days=30)
    assert any(n["kind"] == "extended" and n["text"] == "需要鉴定" for n in longer["notes"])
    assert act(lijing, lijing.as_("street_officer"), id, "extend", 409, reason="x")["code"] == "already_extended"
    world.until(lambda: world.heard("petition_extended", id), what="the event")
    assert world.heard("petition_extended", id)[0]["body"]["due"] == after


def test_mediation_stops_the_promise_alone_and_a_hearing_in_the_recheck_the_law(world: World, lijing: Community) -> None:
    id = accepted(lijing)
    held = act(lijing, lijing.worker, id, "pause", reason="mediation")
    states = {d["name"]: d["state"] for d in held["deadlines"]}
    assert (states["promise"], states["handle"]) == ("paused", "running")
    assert act(lijing, lijing.worker, id, "pause", 409, reason="other")["code"] == "not_running"
    assert {d["name"]: d["state"] for d in act(lijing, lijing.worker, id, "resume")["deadlines"]}["promise"] == "running"


def test_forwarding_is_acknowledged_returned_or_objected_to(world: World, lijing: Community) -> None:
    id = filed(lijing, lijing.worker)["id"]
    act(lijing, lijing.worker, id, "register", authority="street-letters-office")
    sent = act(lijing, lijing.worker, id, "forward", authority="housing-bureau")
    assert sent["state"] == "forwarded"
    assert "object" in deadlines(sent)
    assert act(lijing, lijing.worker, id, "settle", outcome="acknowledged")["forward_state"] == "acknowledged"
    assert act(lijing, lijing.worker, id, "object", 403, reason="不归我们管")["code"] == "authority_needed"
    act(lijing, lijing.worker, id, "settle", outcome="returned", reason="材料不全")
    act(lijing, lijing.worker, id, "forward", authority="housing-bureau")
    back = act(lijing, lijing.as_("street_officer"), id, "object", reason="不归我们管")
    assert (back["state"], back["forward_state"]) == ("registered", "objected")
    act(lijing, lijing.worker, id, "forward", authority="housing-bureau")
    with world.clock_at(datetime.now(SHANGHAI) + timedelta(days=20)):
        late = act(lijing, lijing.as_("street_officer"), id, "object", 409, reason="太晚")
        assert late["code"] == "objection_late"


def test_a_later_duplicate_points_to_the_first_and_nothing_is_deleted(lijing: Community) -> None:
    first, second, third = (filed(lijing, lijing.worker)["id"] for _ in range(3))
    assert act(lijing, lijing.worker, first, "duplicate", 422, first_id=second)["code"] == "first_is_later"
    assert act(lijing, lijing.worker, second, "duplicate", first_id=first)["state"] == "duplicate"
    assert act(lijing, lijing.worker, third, "duplicate", first_id=second)["first_id"] == first
    found = lijing.worker.get(lijing.path(f"/petitions?duplicates_of={first}"))["items"]
    assert {item["id"] for item in found} == {second, third}
    assert lijing.worker.get(lijing.path(f"/petitions/{second}"))["text"] == APPEAL["text"]
    assert act(lijing, lijing.worker, second, "accept", 409, **DOCUMENT)["code"] == "illegal_transition"


def test_suggestions_are_answered_and_other_routes_are_told(lijing: Community) -> None:
    id = filed(lijing, lijing.worker, kind="建议意见")["id"]
    act(lijing, lijing.worker, id, "register", authority="community")
    assert act(lijing, lijing.worker, id, "accept", 409, **DOCUMENT)["code"] == "not_on_petition_route"
    closed = act(lijing, lijing.worker, id, "answer", view="下月增设长椅。")
    assert closed["state"] == "closed"
    assert any(n["kind"] == "reply" for n in closed["notes"])
    other = filed(lijing, lijing.worker, topic="劳资")["id"]
    act(lijing, lijing.worker, other, "register", authority="street-letters-office")
    told = act(lijing, lijing.worker, other, "redirect", route="arbitration", reason="请申请劳动仲裁")
    assert (told["state"], told["reason"]) == ("redirected", "arbitration")


def test_new_facts_open_it_again_and_the_same_facts_do_not(lijing: Community) -> None:
    id = filed(lijing, lijing.worker)["id"]
    act(lijing, lijing.worker, id, "withdraw", reason="已解决")
    assert act(lijing, lijing.worker, id, "supplement", 409, text="还有")["code"] == "already_over"
    assert act(lijing, lijing.worker, id, "reopen", 409)["code"] == "final_bar"
    again = act(lijing, lijing.worker, id, "reopen", new_facts="又开始了,有录像。")
    assert again["state"] == "registered"
    assert "accept" in deadlines(again)


def test_a_recused_worker_is_out_of_the_case(lijing: Community) -> None:
    id, worker = filed(lijing, lijing.worker)["id"], lijing.id_of("worker")
    act(lijing, lijing.secretary, id, "assign", assignee=worker)
    act(lijing, lijing.secretary, id, "recuse", reason="与当事人是亲属")
    assert act(lijing, lijing.secretary, id, "assign", 409, assignee=worker)["code"] == "recused"


def test_a_resident_sees_their_own_and_nobody_elses(lijing: Community, shengtaiyuan: Community) -> None:
    own, other = filed(lijing), filed(lijing, lijing.worker)
    seen = lijing.resident.get(lijing.path(f"/petitions/{own['id']}"))
    assert seen["text"] == APPEAL["text"]
    assert lijing.resident.call("GET", lijing.path(f"/petitions/{other['id']}")).status_code == 404
    listed = lijing.resident.get(lijing.path("/petitions"))["items"]
    assert own["id"] in {p["id"] for p in listed}
    assert other["id"] not in {p["id"] for p in listed}
    assert shengtaiyuan.worker.call("GET", shengtaiyuan.path(f"/petitions/{own['id']}")).status_code == 404
    act(lijing, lijing.worker, own["id"], "supplement", text="内部:核实中", internal=True)
    assert "内部" not in str(lijing.resident.get(lijing.path(f"/petitions/{own['id']}")))
    assert "内部" in str(lijing.worker.get(lijing.path(f"/petitions/{own['id']}")))


def test_search_goes_by_number_topic_state_day_and_phone_never_by_text(lijing: Community) -> None:
    phone = invented_phone()
    made = filed(lijing, lijing.worker, topic="漏水", petitioners=[{"name": "钱测试", "phone": phone}])

    def search(**asked):
        return lijing.worker.post(lijing.path("/petitions/search"), asked, key="")["items"]

    for asked in ({"number": made["number"]}, {"phone": phone}, {"phone": phone, "topic": "漏水", "state": "received"}):
        assert [p["id"] for p in search(**asked)] == [made["id"]], asked
    assert search(phone=phone, topic="停车") == []
    today = datetime.now(SHANGHAI).date()
    assert made["id"] in {p["id"] for p in search(topic="漏水", **{"from": today.isoformat(), "to": today.isoformat()})}
    assert search(phone=phone, to=(today - timedelta(days=1)).isoformat()) == []
    assert lijing.worker.call("POST", lijing.path("/petitions/search"), {"text": "施工"}).status_code == 422


def test_a_rating_of_two_and_a_reason_is_told_to_the_secretary(world: World, lijing: Community) -> None:
    id = filed(lijing)["id"]
    assert act(lijing, lijing.resident, id, "rate", 409, stars=5)["code"] == "not_decided"
    act(lijing, lijing.resident, id, "withdraw")
    refused = act(lijing, lijing.resident, id, "rate", 422, stars=2)
    assert (refused["code"], refused["errors"][0]["field"]) == ("reason_missing", "reason")
    act(lijing, lijing.resident, id, "rate", stars=2, reason="没有人回电话")
    assert act(lijing, lijing.resident, id, "rate", 409, stars=5)["code"] == "already_rated"
    world.until(lambda: world.heard("petition_rated", id), what="the event")
    assert world.heard("petition_rated", id)[0]["body"]["low"] is True


def test_everybody_whom_an_act_concerns_is_told_of_it(world: World, lijing: Community) -> None:
    one, two = (lijing.register()["id"] for _ in range(2))
    street, head = lijing.as_("street_officer"), lijing.secretary
    made = filed(lijing, lijing.worker, petitioners=[{"resident_id": one}, {"resident_id": two}])
    id, number = made["id"], made["number"]
    act(lijing, lijing.worker, id, "urgent", reason="可能群体上访")
    act(lijing, lijing.worker, id, "register", authority="street-letters-office")
    act(lijing, street, id, "accept")
    act(lijing, street, id, "extend", reason="需要鉴定", code="expertise")
    act(lijing, lijing.worker, id, "pause", reason="mediation")
    act(lijing, lijing.worker, id, "resume")
    act(lijing, street, id, "answer", **OPINION)
    act(lijing, lijing.worker, id, "deliver")
    other = filed(lijing, lijing.worker, petitioners=[{"resident_id": one}])["id"]
    act(lijing, lijing.worker, other, "register", authority="street-letters-office")
    act(lijing, lijing.worker, other, "redirect", route="arbitration", reason="请申请劳动仲裁")
    expected = {
        "case_registered",
        "case_accepted",
        "case_extended",
        "case_paused",
        "case_resumed",
        "case_answered",
        "case_review_open",
    }

    def told(person):
        return {d["template"] for d in lijing.told(person)}

    world.until(lambda: told(one) == expected | {"case_other_route"} and told(two) == expected, what="both to be told")
    for who in (head, street):
        world.until(lambda who=who: any(number in m["text"] for m in lijing.inbox(who, "case_urgent")), what="those above")
    due = deadlines(lijing.worker.get(lijing.path(f"/petitions/{id}")))["review_window"]
    kept = world.mongo["notifications"]["deliveries"]
    window = kept.find_one({"community": "lijing", "recipient": one, "template": "case_review_open"})
    assert window is not None
    assert window["params"]["day"] == due


def test_a_note_that_the_petitioner_does_not_see_is_no_news_to_them(world: World, lijing: Community) -> None:
    resident = lijing.register()["id"]
    id = filed(lijing, lijing.worker, petitioners=[{"resident_id": resident}])["id"]

    def told():
        return [d["template"] for d in lijing.told(resident)]

    before = told()
    act(lijing, lijing.worker, id, "supplement", text="内部意见", internal=True)
    act(lijing, lijing.worker, id, "supplement", text="补充材料")
    world.until(lambda: "case_news" in told(), what="the news")
    world.settle()
    assert told().count("case_news") == 1, before
    assert {e["body"]["internal"] for e in world.heard("petition_supplemented", id)} == {True, False}


def test_a_co_petitioner_sees_it_and_a_bad_rating_reaches_the_secretary(world: World, lijing: Community) -> None:
    petitioners = [{"resident_id": lijing.id_of(role)} for role in ("resident", "guardian")]
    made = filed(lijing, lijing.worker, petitioners=petitioners)
    for role in ("resident", "guardian"):
        assert lijing.as_(role).get(lijing.path(f"/petitions/{made['id']}"))["number"] == made["number"]
    act(lijing, lijing.as_("guardian"), made["id"], "withdraw", reason="已协商")
    assert act(lijing, lijing.resident, made["id"], "rate", 422, stars=2)["code"] == "reason_missing"
    act(lijing, lijing.resident, made["id"], "rate", stars=2, reason="等了太久")

    def low():
        return [m for m in lijing.inbox(lijing.secretary, "case_rated_low") if made["number"] in m["text"]]

    world.until(low, what="the secretary to be told")
    assert "等了太久" not in low()[0]["text"]
