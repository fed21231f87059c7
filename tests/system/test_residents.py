"""Residents, their families, signing in, and being forgotten."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from ops.client import Client
from ops.demo import code_in
from tests.system.clear import ID_NUMBERS
from tests.system.world import Community, World, at_once, invented_phone, tomorrow


@pytest.mark.parametrize("number", ["999999201605120020", "999999201602300020", "12345", "99999920160512002O"])
def test_an_id_number_that_cannot_be_is_refused(lijing: Community, number: str) -> None:
    reply = lijing.worker.call("POST", "/lijing/residents", {"name": "王测试", "consent": True, "id_number": number})
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == "id_number"


def test_an_id_number_is_registered_once_in_a_community(lijing: Community, shengtaiyuan: Community) -> None:
    facts = {"name": "王测试", "consent": True, "id_number": ID_NUMBERS[0]}
    replies = at_once(8, lambda n: lijing.worker.call("POST", "/lijing/residents", facts))
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 7
    assert {r.json()["code"] for r in replies if r.status_code == 409} == {"already_registered"}
    made = next(r.json() for r in replies if r.status_code == 201)
    assert made["birth_date"] == "1948-03-09"
    elsewhere = shengtaiyuan.worker.call("POST", "/shengtaiyuan/residents", facts)
    assert elsewhere.status_code == 201
    assert lijing.worker.call("DELETE", f"/lijing/residents/{made['id']}").status_code == 204
    assert lijing.worker.call("POST", "/lijing/residents", facts).status_code == 201


def test_nobody_is_registered_without_consent(lijing: Community) -> None:
    reply = lijing.worker.call("POST", "/lijing/residents", {"name": "王测试", "consent": False})
    assert (reply.status_code, reply.json()["code"]) == (422, "consent_missing")


@pytest.mark.parametrize("text", ["单雨桐", "单雨", "雨桐", "shanyutong", "syt", "danyutong", "SHAN YUTONG"])
def test_a_resident_is_found_by_name_pinyin_and_initials(lijing: Community, text: str) -> None:
    found = lijing.worker.post("/lijing/residents/search", {"name": "单雨桐"}, key="")["items"]
    id = found[0]["id"] if found else lijing.register(name="单雨桐")["id"]
    assert id in [r["id"] for r in lijing.worker.post("/lijing/residents/search", {"name": text}, key="")["items"]]


def test_a_resident_is_found_by_phone_and_id_number_and_by_nothing_in_another_community(
    lijing: Community, shengtaiyuan: Community
) -> None:
    phone = invented_phone()
    made = lijing.register(phone=phone, id_number=ID_NUMBERS[2])
    local = phone.removeprefix("+86")
    for question in ({"phone": phone}, {"phone": local}, {"id_number": ID_NUMBERS[2]}):
        assert [r["id"] for r in lijing.worker.post("/lijing/residents/search", question, key="")["items"]] == [made["id"]]
    assert not shengtaiyuan.worker.post("/shengtaiyuan/residents/search", {"phone": phone}, key="")["items"]
    for question in ({}, {"name": "王测试", "phone": phone}, {"name": " 王 "}):
        assert lijing.worker.call("POST", "/lijing/residents/search", question).status_code == 422


def test_a_record_is_changed_under_its_etag_and_listed_by_group(world: World, lijing: Community) -> None:
    made = lijing.register()
    path = f"/lijing/residents/{made['id']}"
    etag = lijing.worker.call("GET", path).headers["ETag"]
    changed = lijing.worker.call("PATCH", path, {"groups": ["veteran"], "language": "en"}, If_Match=etag)
    assert changed.json()["groups"] == ["veteran"]
    assert lijing.worker.call("PATCH", path, {"groups": []}, If_Match=etag).status_code == 412
    assert made["id"] in [r["id"] for r in lijing.worker.get("/lijing/residents?group=veteran&limit=200")["items"]]
    world.settle()
    assert world.heard("resident_changed", made["id"])[0]["body"]["language"] == "en"


def test_L41_a_parent_opens_the_own_child_and_no_other(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"parent-{time.time_ns()}@lijing.example"
    parent = lijing.register(phone=phone, email=address)
    own = lijing.register(birth_date="2019-05-01")
    other = lijing.register(birth_date="2018-05-01")
    assert own["groups"] == ["child"]
    linked = lijing.worker.post(f"/lijing/residents/{own['id']}/guardians", {"guardian_id": parent["id"]})
    assert linked["guardians"] == [parent["id"]]
    world.settle()
    person = world.demo.activate(phone)
    assert person.get(f"/lijing/residents/{own['id']}")["id"] == own["id"]
    refused = person.call("GET", f"/lijing/residents/{other['id']}")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    entry = world.mongo["residents"]["audit"].find_one({"actor": parent["id"], "act": "refused:not_yours"})
    assert entry
    assert entry["route"] == "GET /api/v1/{community}/residents/{id}"
    assert lijing.worker.call("DELETE", f"/lijing/residents/{own['id']}/guardians/{parent['id']}").status_code == 204
    # A token that says guardian is void; the next one does not say it.
    world.until(lambda: person.call("GET", "/lijing/rooms").status_code == 401, what="the token to be void")
    person = world.api.signed_in(world.api.post("/tokens/refresh", {"refresh_token": person.refresh_token}, key=""))
    assert person.call("GET", f"/lijing/residents/{own['id']}").status_code == 403


def test_households_hold_their_members(lijing: Community) -> None:
    people = [lijing.register()["id"] for _ in range(3)]
    made = lijing.worker.post("/lijing/households", {"address": "测试路 1 号", "members": people[:2]})
    assert lijing.worker.get(f"/lijing/residents/{people[0]}")["household_id"] == made["id"]
    changed = lijing.worker.patch(f"/lijing/households/{made['id']}", {"members": people[1:]})
    assert changed["members"] == sorted(people[1:])
    assert lijing.worker.get(f"/lijing/residents/{people[0]}")["household_id"] == ""
    assert lijing.worker.get(f"/lijing/residents/{people[2]}")["household_id"] == made["id"]
    unknown = lijing.worker.call("POST", "/lijing/households", {"address": "x", "members": ["nobody"]})
    assert unknown.json()["errors"][0]["field"] == "members"


def test_every_opening_of_personal_data_is_logged(world: World, lijing: Community) -> None:
    phone = invented_phone()
    made = lijing.register(phone=phone)
    worker = next(iter(world.mongo["residents"]["audit"].find({"subjects": made["id"], "act": "registered_resident"})))["actor"]
    lijing.worker.get(f"/lijing/residents/{made['id']}")
    lijing.worker.post("/lijing/residents/search", {"phone": phone}, key="")
    lijing.worker.get(f"/lijing/residents/{made['id']}/export")
    acts = [e["act"] for e in world.mongo["residents"]["audit"].find({"subjects": made["id"], "actor": worker})]
    assert {"registered_resident", "opened_resident", "searched_residents", "exported_resident"} <= set(acts)


# -- signing in


def test_a_code_works_once_and_says_nothing_of_whether_there_is_an_account(world: World, lijing: Community) -> None:
    phone = invented_phone()
    lijing.register(phone=phone)
    world.demo.activate(phone)
    since = time.time()
    for one in (phone, invented_phone()):
        assert world.api.call("POST", "/tokens/codes", {"phone": one}).json() == {"expires_in": 300}
        again = world.api.call("POST", "/tokens/codes", {"phone": one})
        assert (again.status_code, again.json()["code"]) == (429, "too_many_codes")
        assert int(again.headers["Retry-After"]) >= 1
    code = code_in(world.until(lambda: world.demo.text_to(phone, since), what="the text message"))
    assert world.api.call("POST", "/tokens", {"phone": phone, "code": code}).status_code == 201
    for one in (phone, invented_phone()):
        reply = world.api.call("POST", "/tokens", {"phone": one, "code": code})
        assert (reply.status_code, reply.json()["code"]) == (401, "credentials_wrong")


def test_mail_confirms_as_a_phone_does(world: World, lijing: Community) -> None:
    address = f"Mail-{time.time_ns()}@lijing.example"
    lijing.register(email=address)
    message = world.until(lambda: world.demo.mail_to(address.lower(), 0), what="the activation code")
    assert "丽景街社区" in message
    body = {"mail": address, "code": code_in(message, 8), "password": "a long password"}
    assert world.api.post("/activations", body, key="")["outcome"] == "activated"
    assert world.api.post("/tokens", {"mail": address.upper(), "password": "a long password"}, key="")["access_token"]


def test_a_code_that_was_not_sent_is_sent_again_and_the_former_one_is_over(world: World, lijing: Community) -> None:
    phone = invented_phone()
    resident = lijing.register(phone=phone)["id"]
    first = code_in(world.until(lambda: world.demo.text_to(phone), what="the first code"), 8)
    since = time.time()
    assert lijing.worker.post(lijing.path(f"/residents/{resident}/activation"), {})["channel"] == "text"
    second = code_in(world.until(lambda: world.demo.text_to(phone, since), what="the second code"), 8)
    refused = world.api.call("POST", "/activations", {"phone": phone, "code": first})
    assert (refused.status_code, refused.json()["code"]) == (401, "code_wrong")
    world.api.activate(phone, second)
    again = lijing.worker.call("POST", lijing.path(f"/residents/{resident}/activation"), {})
    assert (again.status_code, again.json()["code"]) == (409, "already_active")


def test_a_new_contact_gets_a_code_where_nobody_has_come_in_yet(world: World, lijing: Community) -> None:
    wrong, right = invented_phone(), invented_phone()
    resident = lijing.register(phone=wrong)["id"]
    code = code_in(world.until(lambda: world.demo.text_to(wrong), what="the code to the wrong phone"), 8)
    lijing.worker.patch(lijing.path(f"/residents/{resident}"), {"phone": right})
    world.demo.activate(right)
    assert world.api.call("POST", "/activations", {"phone": wrong, "code": code}).status_code == 401


def test_what_was_tried_is_forgotten_after_a_day_and_whom_a_code_went_to_at_once(world: World, lijing: Community) -> None:
    phone, nobodys = invented_phone(), invented_phone()
    lijing.register(phone=phone)
    account = _account(world.demo.activate(phone))
    tries, deliveries = world.mongo["residents"]["tries"], world.mongo["notifications"]["deliveries"]
    before, since = {a["_id"] for a in tries.find({}, {"_id": 1})}, time.time()
    world.api.call("POST", "/tokens", {"phone": nobodys, "password": "whatever it is"})
    assert world.api.call("POST", "/tokens/codes", {"phone": phone}).status_code == 202
    mine = {a["_id"] for a in tries.find({}, {"_id": 1})} - before
    assert len(mine) >= 2
    world.until(lambda: world.demo.text_to(phone, since), what="the text message")
    world.until(lambda: deliveries.find_one({"recipient": account}) is None, what="whom it went to to be forgotten")
    sent = list(deliveries.find({"template": "sign_in_code", "state": "SENT"}))
    assert sent
    assert {(delivery["recipient"], str(delivery["params"])) for delivery in sent} == {("", "{}")}
    tried = {"_id": {"$in": list(mine)}}
    with world.clock_at(datetime.now(UTC) + timedelta(hours=23)):
        later = {"phone": invented_phone(), "password": "whatever it is"}
        assert world.api.call("POST", "/tokens", later).status_code == 401
        world.tick("residents", "forget_attempts")
        assert tries.count_documents(tried) == len(mine), "not while they count"
    with world.clock_at(datetime.now(UTC) + timedelta(days=1, minutes=1)):
        world.until(lambda: tries.count_documents(tried) == 0, what="what was tried to be forgotten")
        assert tries.find_one({"due": {"$gt": datetime.now(UTC) + timedelta(days=1, minutes=1)}}), "what was tried later"


def test_a_workers_term_ends_and_with_it_the_access(world: World, lijing: Community) -> None:
    phone, until = invented_phone(), datetime.now(UTC) + timedelta(hours=1)
    lijing.appoint("worker", phone=phone, until=until.isoformat())
    assert world.demo.sign_in_by_code(phone).get("/lijing/rooms")
    with world.clock_at(until - timedelta(minutes=3)):
        # No token outlives the term.
        since = time.time()
        world.api.post("/tokens/codes", {"phone": phone}, key="")
        code = code_in(world.until(lambda: world.demo.text_to(phone, since), what="the text message"))
        assert 170 <= world.api.post("/tokens", {"phone": phone, "code": code}, key="")["expires_in"] <= 180
    with world.clock_at(until + timedelta(minutes=1)):
        since = time.time()
        world.api.post("/tokens/codes", {"phone": phone}, key="")
        code = code_in(world.until(lambda: world.demo.text_to(phone, since), what="the text message"))
        reply = world.api.call("POST", "/tokens", {"phone": phone, "code": code})
        assert (reply.status_code, reply.json()["code"]) == (403, "no_membership")


def test_who_opens_more_communities_than_a_token_names_says_which(world: World, lijing: Community) -> None:
    phone, password = invented_phone(), "a long password"
    id = lijing.secretary.post("/lijing/workers", {"name": "多测试", "phone": phone, "roles": ["worker"]})["id"]
    world.demo.activate(phone, password=password)
    accounts = world.mongo["residents"]["identities"]
    own = accounts.find_one({"memberships.lijing.id": id})

    def open_so_many(count: int) -> None:
        more = {f"memberships.a-quarter-of-the-town-{n}": own["memberships"]["lijing"] for n in range(count)}
        accounts.update_one({"_id": own["_id"]}, {"$set": more, "$inc": {"version": 1}})

    def ask(path: str, **more: str) -> requests.Response:
        return world.api.call("POST", path, more)

    open_so_many(40)
    named = ask("/tokens", phone=phone, password=password)
    assert Client(world.here.base_url, named.json()["access_token"]).get("/lijing/rooms")
    open_so_many(300)
    for reply in (
        ask("/tokens", phone=phone, password=password),
        ask("/tokens/refresh", refresh_token=named.json()["refresh_token"]),
    ):
        assert (reply.status_code, reply.json()["code"]) == (422, "community_needed")
        assert reply.json()["errors"][0]["field"] == "community"
    # Being refused has not spent it; and which community was asked for is remembered.
    one = ask("/tokens/refresh", refresh_token=named.json()["refresh_token"], community="lijing")
    again = ask("/tokens/refresh", refresh_token=one.json()["refresh_token"])
    other = ask("/tokens", phone=phone, password=password, community="a-quarter-of-the-town-7")
    assert (one.status_code, again.status_code, other.status_code) == (201, 201, 201)
    assert Client(world.here.base_url, again.json()["access_token"]).get("/lijing/rooms")
    assert Client(world.here.base_url, other.json()["access_token"]).call("GET", "/lijing/rooms").status_code == 404
    foreign = ask("/tokens", phone=phone, password=password, community="shengtaiyuan")
    assert (foreign.status_code, foreign.json()["code"]) == (403, "no_membership")


def _account(client: Client) -> str:
    return str(client.get("/me")["id"])


def test_a_secretary_cannot_appoint_an_operator(lijing: Community) -> None:
    facts = {"name": "测试", "phone": invented_phone(), "roles": ["operator"]}
    assert lijing.secretary.call("POST", "/lijing/workers", facts).json()["code"] == "role_too_high"


def test_a_new_community_is_open_for_business(world: World) -> None:
    operator = world.operator()
    facts = {"slug": "xinqu", "name": "新区社区", "district": "离石区", "street": "凤山街道"}
    made = operator.call("POST", "/communities", facts, key="open-xinqu-once")
    assert made.status_code == 201
    assert operator.call("POST", "/communities", facts, key="open-xinqu-once").content == made.content
    assert operator.call("POST", "/communities", facts).json()["code"] == "slug_taken"
    for reserved in ("tokens", "me", "session", "names", "activations"):
        assert operator.call("POST", "/communities", facts | {"slug": reserved}).status_code == 422
    assert world.lijing.as_("operator").call("POST", "/communities", facts | {"slug": "other"}).status_code == 403
    hall = {"name": "厅", "use": "hall", "capacity": 5, "hours": {"mon": [["09:00", "18:00"]]}}
    assert world.operator("xinqu").post("/xinqu/rooms", hall)["timezone"] == "Asia/Shanghai"


# -- being forgotten


def _personal(facts: dict[str, Any]) -> list[str]:
    return [facts["name"], facts["phone"], facts["address"], facts["email"], facts["id_number"]]


def test_export_holds_everything_and_erasure_leaves_nothing(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"gone-{time.time_ns()}@lijing.example"
    facts = {"name": "忘测试", "phone": phone, "email": address, "address": "测试街 77 号", "id_number": ID_NUMBERS[1]}
    resident = lijing.register(**facts)
    person = world.demo.activate(phone)
    room = lijing.room()
    ahead = lijing.reserve(person, room["id"], tomorrow(9), purpose="只有我知道", key="my-own-key-1").json()
    world.settle()
    export = person.get(f"/lijing/residents/{resident['id']}/export")
    assert all(text in str(export["resident"]) for text in _personal(facts))
    assert [channel["address"] for channel in export["account"]["channels"]] == [phone]
    assert [use["purpose"] for use in export["elsewhere"]["bookings"]["bookings"]["uses"]] == ["只有我知道"]
    assert room["name"] in export["elsewhere"]["notifications"]["messages"][0]["text"]
    assert {d["channel"] for d in export["elsewhere"]["notifications"]["deliveries"]} == {"inbox", "mail"}

    assert person.call("DELETE", f"/lijing/residents/{resident['id']}").status_code == 204
    world.settle()
    worker = lijing.worker
    assert worker.call("GET", f"/lijing/residents/{resident['id']}").status_code == 404
    assert worker.call("GET", f"/lijing/residents/{resident['id']}/export").status_code == 404
    for question in ({"name": "忘测试"}, {"phone": phone}, {"id_number": ID_NUMBERS[1]}):
        assert not worker.post("/lijing/residents/search", question, key="")["items"]
    assert worker.get(f"/lijing/reservations?resident_id={resident['id']}")["items"] == []
    kept = worker.get(f"/lijing/reservations/{ahead['id']}")
    assert (kept["state"], kept["purpose"], kept["resident_id"]) == ("cancelled", "", "erased")
    assert lijing.reserve(lijing.resident, room["id"], tomorrow(9)).status_code == 201
    assert worker.get(f"/lijing/deliveries?recipient={resident['id']}")["items"] == []
    assert world.api.call("POST", "/tokens", {"phone": phone, "code": "123456"}).status_code == 401
    assert person.call("GET", "/me").status_code in (401, 404)
    document = world.mongo["residents"]["residents"].find_one({"_id": resident["id"]})
    assert document["sealed"] is None
    assert document["find"] == {}
    assert document["replies"] == []
    assert world.mongo["residents"]["identities"].count_documents({"memberships.lijing.id": resident["id"]}) == 0
    assert world.mongo["bookings"]["uses"].find_one({"_id": ahead["id"]})["replies"] == []


def test_what_the_law_keeps_is_restricted_until_it_may_go(world: World, lijing: Community) -> None:
    resident = lijing.register(name="限测试")
    until = datetime.now(UTC) + timedelta(days=30)
    held = lijing.secretary.post(
        f"/lijing/residents/{resident['id']}/holds", {"basis": "petition_open", "until": until.isoformat()}
    )
    assert held["id"] == resident["id"]
    export = lijing.worker.get(f"/lijing/residents/{resident['id']}/export")
    assert [hold["basis"] for hold in export["holds"]] == ["petition_open"]
    assert lijing.worker.call("DELETE", f"/lijing/residents/{resident['id']}").status_code == 204
    assert lijing.worker.call("GET", f"/lijing/residents/{resident['id']}").json()["code"] == "restricted"
    assert not lijing.worker.post("/lijing/residents/search", {"name": "限测试"}, key="")["items"]
    assert world.mongo["residents"]["residents"].find_one({"_id": resident["id"]})["sealed"] is not None
    world.settle()
    assert len(world.heard("resident_erased", resident["id"])) == 1
