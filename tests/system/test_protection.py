"""Who must not be known is not: anonymous petitioners, sealed complainants, accused workers' units, private help."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from kombu import Connection

from shared.security.privacy import Vault
from tests.system.petitioning import APPEAL, act, anonymous, by_receipt, filed
from tests.system.world import TAP, Community, World, invented_phone

REPORT = {"kind": "检举控告", "topic": "其他", "text": "窗口人员收受礼品。"}


def test_anonymous_filing_works_end_to_end(world: World, lijing: Community) -> None:
    made = anonymous(lijing)
    code = made["receipt_code"]
    assert len(code.replace("-", "")) == 8 + 16  # where it lies, and 80 bits of five each
    seen = by_receipt(lijing, code.lower().replace("-", " ")).json()
    assert (seen["number"], seen["state"], seen["petitioners"]) == (made["number"], "received", [])
    act(lijing, lijing.worker, made["id"], "register", authority="street-letters-office")
    act(lijing, lijing.worker, made["id"], "supplement", text="请说明具体楼层。")
    assert "请说明具体楼层" in str(by_receipt(lijing, code).json()["notes"])
    assert by_receipt(lijing, code, "supplement", text="十二层。").status_code == 200
    assert "十二层" in str(lijing.worker.get(lijing.path(f"/petitions/{made['id']}"))["notes"])
    assert by_receipt(lijing, code, "withdraw", reason="已解决").json()["state"] == "withdrawn"
    assert by_receipt(lijing, code, "rate", stars=5).json()["stars"] == 5
    assert not lijing.world.api.call("GET", lijing.path(f"/petitions/{made['id']}")).ok


def test_nothing_of_who_filed_anonymously_is_kept(world: World, lijing: Community) -> None:
    made = anonymous(lijing)
    document = world.mongo["petitions"]["petitions"].find_one({"_id": made["id"], "community": "lijing"})
    assert document is not None
    text = str(document)
    assert "127.0.0.1" not in text
    assert "python-requests" not in text
    assert made["receipt_code"].replace("-", "")[8:] not in text.replace("-", "")
    assert [key for key in document["found_by"] if key.startswith("filer:")] == []
    assert {act["by"] for act in document["history"]} == {""}
    _nothing_in_the_logs(world, made["receipt_code"])


def _nothing_in_the_logs(world: World, *words: str) -> None:
    for name in ("edge", "petitions-0", "petitions-1"):
        log = world.here.path("logs", f"{name}.log").read_text(errors="replace")
        for word in ("python-requests", "remote_ip", "X-Forwarded-For", *words):
            assert word not in log, name


def test_nor_when_the_service_is_away(world: World, lijing: Community) -> None:
    for n in (0, 1):
        world.stack.stop(f"petitions-{n}")
    try:
        away = lijing.world.api.call("POST", lijing.path("/petitions"), APPEAL | {"anonymous": True})
        assert (away.status_code, away.json()["code"]) == (503, "service_unavailable")
    finally:
        for n in (0, 1):
            world.stack.start(f"petitions-{n}")
        world.until(lambda: not world.stack.not_ready(), what="the replicas to come back")
    _nothing_in_the_logs(world)


def test_what_a_caller_brings_along_does_not_tie_an_anonymous_petition_to_anything(world: World, lijing: Community) -> None:
    headers = {"X_Correlation_Id": "my-own-correlation", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    reply = lijing.world.api.call("POST", lijing.path("/petitions"), APPEAL | {"anonymous": True}, **headers)
    assert reply.status_code == 201
    stored = str(list(world.mongo["petitions"]["petitions"].find({"_id": reply.json()["id"], "community": "lijing"})))
    world.until(lambda: world.heard("petition_filed", reply.json()["id"]), what="the event")
    for text in (stored, repr(world.heard("petition_filed", reply.json()["id"]))):
        assert "my-own-correlation" not in text
        assert "a" * 32 not in text


def test_who_is_anonymous_is_not_named_and_does_not_sign_in(lijing: Community) -> None:
    with_token = lijing.resident.call("POST", lijing.path("/petitions"), APPEAL | {"anonymous": True})
    assert (with_token.status_code, with_token.json()["code"]) == (422, "anonymous_with_token")
    named = lijing.world.api.call(
        "POST", lijing.path("/petitions"), APPEAL | {"anonymous": True, "petitioners": [{"name": "赵测试"}]}
    )
    assert named.json()["code"] == "anonymous_names_somebody"
    nobody = lijing.world.api.call("POST", lijing.path("/petitions"), APPEAL)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "token_missing")


def test_ten_wrong_codes_lock_it_for_a_quarter_of_an_hour(world: World, lijing: Community) -> None:
    code = anonymous(lijing)["receipt_code"]
    wrong = f"{code[:-1]}{'0' if code[-1] != '0' else '1'}"
    for _ in range(10):
        reply = by_receipt(lijing, wrong)
        assert (reply.status_code, reply.json()["code"]) == (404, "receipt_unknown")
    locked = by_receipt(lijing, code)
    assert (locked.status_code, locked.json()["code"]) == (429, "receipt_locked")
    assert 0 < int(locked.headers["Retry-After"]) <= 900
    with world.clock_at(datetime.now(UTC) + timedelta(minutes=16)):
        assert by_receipt(lijing, code).status_code == 200
    assert by_receipt(lijing, "00000000-0000-0000-0000-0000").json()["code"] == "receipt_unknown"
    assert by_receipt(lijing, "短").json()["code"] == "receipt_unknown"


def test_a_review_needs_identification_first(lijing: Community) -> None:
    made = anonymous(lijing)
    code = made["receipt_code"]
    assert by_receipt(lijing, code, "review", reason="不服").json()["code"] == "identification_needed"
    assert by_receipt(lijing, code, "identify").status_code == 401
    known = by_receipt(lijing, code, "identify", lijing.resident)
    assert known.json()["petitioners"] == [{"resident_id": lijing.id_of("resident"), "representative": False}]
    assert lijing.resident.get(lijing.path(f"/petitions/{made['id']}"))["number"] == made["number"]


def test_the_receipt_is_read_again_with_the_callers_own_key_alone(world: World, lijing: Community) -> None:
    key, body = "a-key-that-nobody-guesses-8c1f", APPEAL | {"anonymous": True}
    first = lijing.world.api.call("POST", lijing.path("/petitions"), body, key=key)
    again = lijing.world.api.call("POST", lijing.path("/petitions"), body, key=key)
    assert (first.status_code, again.content) == (201, first.content)
    stored = world.mongo["petitions"]["petitions"].find_one({"_id": first.json()["id"], "community": "lijing"})
    assert stored is not None
    (reply,) = stored["replies"]
    vault = Vault(world.mongo, "petitions", world.here.secrets["master"]["petitions"])
    with pytest.raises(InvalidTag):
        vault.unlock(reply["body"])
    assert first.json()["receipt_code"] in vault.unlock(reply["body"], key.encode()).decode()


def test_a_sealed_complainant_is_opened_by_two_for_a_quarter_of_an_hour(world: World, lijing: Community) -> None:
    id = filed(lijing, lijing.resident, sealed=True, petitioners=[])["id"]
    seen = lijing.secretary.get(lijing.path(f"/petitions/{id}"))
    assert (seen["sealed"], seen["petitioners"]) == (True, [])
    assert lijing.resident.get(lijing.path(f"/petitions/{id}"))["number"] == seen["number"]
    path = lijing.path(f"/petitions/{id}/seal/requests")
    # Neither gave the other a role: the installation's operator named both.
    holder, secretary = lijing.as_("street_officer"), lijing.secretary
    assert lijing.worker.call("POST", path, {"purpose": "核实"}).status_code == 403
    request = secretary.post(path, {"purpose": "核实"})["id"]
    refusals = [
        (secretary, "open", "not_granted"),
        (secretary, "grant", "same_person"),
        (holder, "open", "not_yours"),
    ]
    for who, what, code in refusals:
        reply = who.call("POST", f"{path}/{request}/{what}", {})
        assert (reply.status_code, reply.json()["code"]) == (403, code)
    granted = holder.call("POST", f"{path}/{request}/grant", {}).json()
    assert granted["granted"] is True
    for views in (1, 2):
        opened = secretary.call("POST", f"{path}/{request}/open", {}).json()
        assert opened["petitioners"] == [{"resident_id": lijing.id_of("resident"), "representative": False}]
        # Each look, before anybody sees anything; that the seal's record has changed is another entry, and comes later.
        look = {"community": "lijing", "act": "seal_opened", "subjects": id, "purpose": f"request:{request}"}
        assert world.mongo["petitions"]["audit"].count_documents(look) == views
    with world.clock_at(datetime.now(UTC) + timedelta(minutes=16)):
        late = secretary.call("POST", f"{path}/{request}/open", {})
        assert (late.status_code, late.json()["code"]) == (403, "grant_over")


def test_a_sealed_complainant_is_not_found_by_phone(lijing: Community) -> None:
    phone = invented_phone()
    named = {"petitioners": [{"name": "赵测试", "phone": phone}]}
    open_one = filed(lijing, lijing.worker, **named)["id"]
    sealed = filed(lijing, lijing.worker, **named, sealed=True)["id"]
    found = {p["id"] for p in lijing.worker.post(lijing.path("/petitions/search"), {"phone": phone}, key="")["items"]}
    assert (open_one in found, sealed in found) == (True, False)


def test_the_second_person_sees_what_is_to_be_granted(world: World, lijing: Community) -> None:
    made = filed(lijing, lijing.resident, sealed=True, petitioners=[])
    path = lijing.path(f"/petitions/{made['id']}/seal/requests")
    asked = lijing.secretary.post(path, {"purpose": "核实楼层"})
    (listed,) = lijing.as_("seal_holder").get(path)["items"]
    assert (listed["id"], listed["by"], listed["purpose"], listed["granted"]) == (
        asked["id"],
        lijing.id_of("secretary"),
        "核实楼层",
        False,
    )
    assert lijing.worker.call("GET", path).status_code == 403
    stored = world.mongo["petitions"]["seals"].find_one({"_id": made["id"], "community": "lijing"})
    assert stored is not None
    assert "核实楼层" not in str(stored)

    def messages():
        return lijing.inbox(lijing.as_("seal_holder"), "seal_asked")

    world.until(lambda: any(made["number"] in m["text"] for m in messages()), what="the seal holder to be told")


@pytest.mark.parametrize("how", ["sealed", "report", "help"])
def test_no_delivery_says_whose_a_hidden_case_is(world: World, lijing: Community, how: str) -> None:
    person = lijing.register(phone=invented_phone(), email=f"hidden-{how}-{datetime.now(UTC).timestamp()}@lijing.example")
    if how == "help":
        officer = lijing.as_("help_officer")
        id = officer.post(lijing.path("/help-requests"), {"text": "想找人谈谈。", "resident_id": person["id"]})["id"]
        officer.call("POST", lijing.path(f"/help-requests/{id}/take"), {}).raise_for_status()
    else:
        facts: dict[str, Any] = {"sealed": True} if how == "sealed" else dict(REPORT)
        id = filed(lijing, lijing.secretary, petitioners=[{"resident_id": person["id"]}], **facts)["id"]
        act(lijing, lijing.secretary, id, "register", authority="street-letters-office")
    kept = world.mongo["notifications"]["deliveries"]
    theirs = {"community": "lijing", "recipient": person["id"], "channel": "inbox"}
    world.until(lambda: kept.find_one({**theirs, "template": "quiet_news"}), what="the quiet message")
    world.settle()
    assert {d["template"] for d in kept.find(theirs)} == {"quiet_news"}
    for delivery in kept.find({"community": "lijing", "recipient": person["id"]}):
        assert (delivery["event_id"], delivery["correlation"], delivery.get("seen", [])) == ("", "", [])
    assert lijing.told(person["id"]) == []
    assert person["id"] not in str(lijing.worker.get(lijing.path("/deliveries?limit=200")))
    exported = lijing.worker.get(lijing.path(f"/residents/{person['id']}/export"))
    assert id not in str(exported)
    assert exported["elsewhere"]["notifications"]["messages"] == []


def test_a_childs_call_for_help_is_not_told_to_its_guardians(world: World, lijing: Community) -> None:
    guardian = lijing.id_of("guardian")
    child = lijing.worker.post(lijing.path("/residents"), {"name": "童测试", "birth_date": "2015-03-02", "consent": True})["id"]
    lijing.worker.post(lijing.path(f"/residents/{child}/guardians"), {"guardian_id": guardian})
    linked = {"_id": child, "community": "lijing", "guardians": guardian}
    world.until(lambda: world.mongo["notifications"]["preferences"].find_one(linked), what="the link to be known")
    before = len(lijing.inbox(lijing.as_("guardian")))
    officer = lijing.as_("help_officer")
    id = officer.post(lijing.path("/help-requests"), {"text": "害怕回家。", "resident_id": child, "violence": True})["id"]
    officer.call("POST", lijing.path(f"/help-requests/{id}/take"), {}).raise_for_status()
    kept = world.mongo["notifications"]["deliveries"]
    where = {"community": "lijing", "recipient": child, "template": "quiet_news"}
    world.until(lambda: kept.find_one(where), what="the child's own message")
    world.settle()
    assert len(lijing.inbox(lijing.as_("guardian"))) == before


def test_a_report_against_the_only_secretary_is_told_to_the_street(world: World, shengtaiyuan: Community) -> None:
    accused, street = shengtaiyuan.id_of("secretary"), shengtaiyuan.as_("street_officer")
    made = filed(shengtaiyuan, shengtaiyuan.resident, **REPORT, accused={"worker_id": accused}, petitioners=[])

    def messages(who):
        return str(shengtaiyuan.inbox(who))

    world.until(lambda: made["number"] in messages(street), what="the street to be told")
    world.settle()
    assert made["number"] not in messages(shengtaiyuan.secretary)


def test_only_who_works_here_is_in_charge_and_a_recused_one_acts_no_more(lijing: Community) -> None:
    id = filed(lijing, lijing.worker)["id"]
    resident = lijing.id_of("resident")
    for what in ("assign", "register"):
        refused = act(
            lijing,
            lijing.secretary,
            id,
            what,
            422,
            assignee=resident,
            **({"authority": "street-letters-office"} if what == "register" else {}),
        )
        assert refused["code"] == "assignee_not_staff"
    act(lijing, lijing.secretary, id, "assign", assignee=lijing.id_of("worker"))
    act(lijing, lijing.secretary, id, "recuse", reason="与当事人是亲属")
    refused = act(lijing, lijing.worker, id, "register", 403, authority="street-letters-office")
    assert refused["code"] == "recused"


def test_a_seal_has_a_key_of_its_own(world: World, lijing: Community) -> None:
    ids = [filed(lijing, lijing.resident, sealed=True, petitioners=[])["id"] for _ in range(2)]
    names = {key["keyAltNames"][0] for key in world.mongo["petitions"]["keys"].find({})}
    assert {f"lijing/seal/{id}" for id in ids} <= names
    stored = world.mongo["petitions"]["petitions"].find_one({"_id": ids[0], "community": "lijing"})
    assert stored is not None
    assert lijing.id_of("resident") not in str(stored)


def test_a_report_is_invisible_to_the_accused_and_their_unit(lijing: Community) -> None:
    unit = "便民窗口组"
    accused, accused_id = lijing.appoint("secretary", unit=unit)
    colleague, _ = lijing.appoint("seal_holder", unit=unit)
    made = filed(lijing, lijing.resident, **REPORT, accused={"worker_id": accused_id}, sealed=True, petitioners=[])
    id = made["id"]
    for who in (accused, lijing.worker, lijing.as_("duty_lead")):
        assert who.call("GET", lijing.path(f"/petitions/{id}")).status_code == 404
        assert who.call("POST", lijing.path(f"/petitions/{id}/register"), {"authority": "x"}).status_code == 404
        assert id not in str(who.get(lijing.path("/petitions?limit=200")))
        assert id not in str(who.get(lijing.path("/petitions/due-soon?limit=200")))
        assert who.post(lijing.path("/petitions/search"), {"number": made["number"]}, key="")["items"] == []
    for who in (accused, colleague):
        asked = who.call("POST", lijing.path(f"/petitions/{id}/seal/requests"), {"purpose": "看看"})
        assert asked.status_code == 404
    assert lijing.secretary.get(lijing.path(f"/petitions/{id}"))["text"] == REPORT["text"]
    assert lijing.secretary.call("POST", lijing.path(f"/petitions/{id}/assign"), {"assignee": accused_id}).json()["code"] == (
        "assignee_accused"
    )
    act(lijing, lijing.secretary, id, "register", authority="discipline-commission")
    assert act(lijing, lijing.secretary, id, "redirect", route="discipline", reason="移送")["state"] == "referred"


def test_private_help_is_seen_by_help_officers_alone(world: World, lijing: Community) -> None:
    officer = lijing.as_("help_officer")
    made = lijing.resident.post(lijing.path("/help-requests"), {"text": "家里有人动手。", "violence": True})
    assert made["violence"] is True
    for role in ("worker", "duty_lead", "secretary", "street_officer", "counsellor", "operator"):
        who = lijing.as_(role) if role != "operator" else lijing.as_("operator")
        assert who.call("GET", lijing.path("/help-requests")).status_code == 403, role
        assert who.call("GET", lijing.path(f"/help-requests/{made['id']}")).status_code == 403, role
    assert lijing.as_("guardian").call("GET", lijing.path(f"/help-requests/{made['id']}")).status_code == 404
    assert made["id"] in {h["id"] for h in officer.get(lijing.path("/help-requests"))["items"]}
    taken = officer.call("POST", lijing.path(f"/help-requests/{made['id']}/take"), {}).json()
    assert taken["state"] == "taken"
    officer.post(lijing.path(f"/help-requests/{made['id']}/notes"), {"text": "已联系庇护所", "internal": True})
    assert "庇护所" in str(officer.get(lijing.path(f"/help-requests/{made['id']}")))
    assert "庇护所" not in str(lijing.resident.get(lijing.path(f"/help-requests/{made['id']}")))
    world.settle()
    stored = world.mongo["petitions"]["help_requests"].find_one({"_id": made["id"], "community": "lijing"})
    assert stored is not None
    assert lijing.id_of("resident") not in str(stored).replace(str(taken["assignee"]), "")
    assert "violence" not in str(stored)
    told = {m["template"] for m in lijing.inbox(lijing.resident)}
    assert "quiet_news" in told
    assert "help_taken" not in told


def test_restricted_cases_speak_where_notifications_alone_may_listen(world: World, lijing: Community) -> None:
    open_case = filed(lijing, lijing.resident, petitioners=[])["id"]
    hidden = [
        filed(lijing, lijing.resident, **REPORT, petitioners=[])["id"],
        filed(lijing, lijing.resident, sealed=True, petitioners=[])["id"],
        lijing.resident.post(lijing.path("/help-requests"), {"text": "想找人谈谈。"})["id"],
    ]
    world.until(lambda: world.heard("petition_filed", open_case), what="the open one")
    world.settle()
    for id in hidden:
        assert not [e for e in list(world.ear.events) if e["subject"] == id], id
    exchange = "petitions.restricted.events"
    bound = [line for line in world.broker_control("list_bindings").splitlines() if line.startswith(exchange)]
    assert any("notifications.inbox" in line for line in bound)
    assert not [line for line in bound if "notifications.inbox" not in line and TAP not in line.split()]
    for user in ("demo", "bookings", "residents"):
        with Connection(world.here.amqp(user)) as connection:
            name = "evt-x--demo.x" if user == "demo" else f"{user}.probe"
            channel = connection.channel()
            channel.queue_declare(name, durable=False, auto_delete=True, exclusive=True)
            with pytest.raises(Exception, match="ACCESS_REFUSED"):
                channel.queue_bind(name, exchange, "#")


def test_no_event_of_a_case_names_a_person(world: World, lijing: Community) -> None:
    resident = lijing.id_of("resident")
    id = filed(lijing, lijing.resident, petitioners=[])["id"]
    act(lijing, lijing.worker, id, "register", authority="street-letters-office", assignee=lijing.id_of("worker"))
    act(lijing, lijing.resident, id, "withdraw")
    world.until(lambda: world.heard("petition_withdrawn", id), what="the last event")
    bodies = json.dumps([e["body"] for e in list(world.ear.events) if e["subject"] == id])
    assert resident not in bodies
    assert lijing.id_of("worker") not in bodies
    assert APPEAL["text"] not in bodies


def test_the_right_people_are_told_and_never_the_subject(world: World, lijing: Community) -> None:
    person = lijing.register()["id"]
    made = filed(lijing, lijing.worker, petitioners=[{"resident_id": person}])
    act(lijing, lijing.worker, made["id"], "register", authority="街道信访办", assignee=lijing.id_of("worker"))
    act(lijing, lijing.as_("street_officer"), made["id"], "accept")
    world.until(lambda: len(lijing.told(person)) >= 2, what="two messages")
    found = {d["template"]: d for d in lijing.told(person)}
    assert set(found) == {"case_registered", "case_accepted"}
    kept = world.mongo["notifications"]["deliveries"]
    where = {"community": "lijing", "channel": "inbox"}
    accepted = kept.find_one({**where, "recipient": person, "template": "case_accepted"})
    assert accepted is not None
    assert accepted["params"]["n"] == made["number"]
    assert APPEAL["topic"] not in str(list(kept.find({**where, "recipient": person})))
    yours = kept.find({**where, "recipient": lijing.id_of("worker"), "template": "case_yours"})
    assert made["number"] in {d["params"]["n"] for d in yours}
