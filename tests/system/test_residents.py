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
    person = world.demo.sign_in_by_code(phone, address)
    assert person.get(f"/lijing/residents/{own['id']}")["id"] == own["id"]
    refused = person.call("GET", f"/lijing/residents/{other['id']}")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    entry = world.mongo["residents"]["audit"].find_one({"actor": parent["id"], "act": "refused:not_yours"})
    assert entry
    assert entry["route"] == "GET /api/v1/{community}/residents/{id}"
    assert lijing.worker.call("DELETE", f"/lijing/residents/{own['id']}/guardians/{parent['id']}").status_code == 204
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


def test_a_code_works_once_and_five_failures_lock_the_phone(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"code-{time.time_ns()}@lijing.example"
    lijing.register(phone=phone, email=address)
    since = time.time()
    assert world.api.call("POST", "/tokens/codes", {"phone": phone}).status_code == 202
    again = world.api.call("POST", "/tokens/codes", {"phone": phone})
    assert (again.status_code, again.json()["code"]) == (429, "too_many_codes")
    assert int(again.headers["Retry-After"]) >= 1
    mail = world.until(lambda: world.demo.mail_to(address, since), what="the mail")
    code = code_in(mail)
    assert world.api.call("POST", "/tokens", {"phone": phone, "code": code}).status_code == 201
    assert world.api.call("POST", "/tokens", {"phone": phone, "code": code}).status_code == 401
    for _ in range(4):
        assert world.api.call("POST", "/tokens", {"phone": phone, "code": "000000"}).status_code == 401
    locked = world.api.call("POST", "/tokens", {"phone": phone, "code": "000000"})
    assert (locked.status_code, locked.json()["code"]) == (429, "locked")


def test_a_phone_without_account_is_told_the_same(world: World) -> None:
    phone = invented_phone()
    assert world.api.call("POST", "/tokens/codes", {"phone": phone}).status_code == 202
    assert world.api.call("POST", "/tokens/codes", {"phone": phone}).status_code == 429
    for _ in range(5):
        reply = world.api.call("POST", "/tokens", {"phone": phone, "password": "whatever it is"})
        assert (reply.status_code, reply.json()["code"]) == (401, "credentials_wrong")
    assert world.api.call("POST", "/tokens", {"phone": phone, "password": "whatever it is"}).status_code == 429


def test_what_was_tried_with_a_phone_is_forgotten_after_a_day_and_whom_a_code_went_to_at_once(
    world: World, lijing: Community
) -> None:
    phone, address, nobodys = invented_phone(), f"forgotten-{time.time_ns()}@lijing.example", invented_phone()
    resident = lijing.register(phone=phone, email=address)["id"]
    account = world.mongo["residents"]["residents"].find_one({"_id": resident})["account_id"]
    attempts, deliveries = world.mongo["residents"]["attempts"], world.mongo["notifications"]["deliveries"]
    before, since = {a["_id"] for a in attempts.find({}, {"_id": 1})}, time.time()
    world.api.call("POST", "/tokens", {"phone": nobodys, "password": "whatever it is"})
    assert world.api.call("POST", "/tokens/codes", {"phone": phone}).status_code == 202
    mine = {a["_id"] for a in attempts.find({}, {"_id": 1})} - before
    assert account in mine
    assert len(mine) == 2
    world.until(lambda: world.demo.mail_to(address, since), what="the mail")
    world.until(lambda: deliveries.find_one({"recipient": account}) is None, what="whom it went to to be forgotten")
    sent = list(deliveries.find({"template": "sign_in_code", "state": "SENT"}))
    assert sent
    assert {(delivery["recipient"], str(delivery["params"])) for delivery in sent} == {("", "{}")}
    tried = {"_id": {"$in": list(mine)}}
    with world.clock_at(datetime.now(UTC) + timedelta(hours=23)):
        later = {"phone": invented_phone(), "password": "whatever it is"}
        assert world.api.call("POST", "/tokens", later).status_code == 401
        assert attempts.count_documents(tried) == 2, "not while they count"
    with world.clock_at(datetime.now(UTC) + timedelta(days=1, minutes=1)):
        world.until(lambda: attempts.count_documents(tried) == 0, what="what was tried to be forgotten")
        assert attempts.find_one({"due": {"$gt": datetime.now(UTC) + timedelta(days=1, minutes=1)}}), "what was tried later"


def test_a_refresh_token_is_spent_by_its_use(world: World) -> None:
    account = next(a for a in world.data["accounts"] if a["role"] == "kitchen")
    first = world.api.call("POST", "/tokens", {"phone": account["phone"], "password": account["password"]}).json()
    assert set(first) == {"access_token", "token_type", "expires_in", "refresh_token"}
    second = world.api.call("POST", "/tokens/refresh", {"refresh_token": first["refresh_token"]})
    assert second.status_code == 201
    assert world.api.call("POST", "/tokens/refresh", {"refresh_token": first["refresh_token"]}).status_code == 401
    assert world.api.call("POST", "/tokens/refresh", {"refresh_token": second.json()["refresh_token"]}).status_code == 201


def test_a_workers_term_ends_and_with_it_the_access(world: World, lijing: Community) -> None:
    phone = invented_phone()
    until = datetime.now(UTC) + timedelta(hours=1)
    facts = {"name": "借调测试", "phone": phone, "roles": ["worker"], "until": until.isoformat()}
    operator = lijing.as_("operator")
    made = operator.post("/lijing/workers", facts)
    operator.post(f"/lijing/workers/{made['id']}/password", {"password": "a long password"}, key="")
    assert world.api.sign_in(phone, password="a long password").get("/lijing/rooms")
    with world.clock_at(until + timedelta(minutes=1)):
        reply = world.api.call("POST", "/tokens", {"phone": phone, "password": "a long password"})
        assert (reply.status_code, reply.json()["code"]) == (403, "no_membership")


def test_who_opens_more_communities_than_a_token_names_says_which(world: World, lijing: Community) -> None:
    phone, password = invented_phone(), "a long password"
    id = lijing.secretary.post("/lijing/workers", {"name": "多测试", "phone": phone, "roles": ["worker"]})["id"]
    lijing.secretary.post(f"/lijing/workers/{id}/password", {"password": password}, key="")
    accounts = world.mongo["residents"]["accounts"]
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
    for reply in (ask("/tokens", phone=phone, password=password),
                  ask("/tokens/refresh", refresh_token=named.json()["refresh_token"])):  # fmt: skip
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


def test_a_secretary_cannot_appoint_an_operator(lijing: Community) -> None:
    facts = {"name": "测试", "phone": invented_phone(), "roles": ["operator"]}
    assert lijing.secretary.call("POST", "/lijing/workers", facts).json()["code"] == "role_too_high"


def test_a_new_community_is_open_for_business(world: World) -> None:
    own = world.here.secrets["operator"]
    operator = world.api.sign_in(own["phone"], password=own["password"])
    facts = {"slug": "xinqu", "name": "新区社区", "district": "离石区", "street": "凤山街道"}
    made = operator.call("POST", "/communities", facts, key="open-xinqu-once")
    assert made.status_code == 201
    assert operator.call("POST", "/communities", facts, key="open-xinqu-once").content == made.content
    assert operator.call("POST", "/communities", facts).json()["code"] == "slug_taken"
    assert operator.call("POST", "/communities", facts | {"slug": "tokens"}).status_code == 422
    assert world.lijing.as_("operator").call("POST", "/communities", facts | {"slug": "other"}).status_code == 403
    operator = world.api.sign_in(own["phone"], password=own["password"])
    room = operator.post("/xinqu/rooms", {"name": "厅", "use": "hall", "capacity": 5, "hours": {"mon": [["09:00", "18:00"]]}})
    assert room["timezone"] == "Asia/Shanghai"


# -- being forgotten


def _personal(facts: dict[str, Any]) -> list[str]:
    return [facts["name"], facts["phone"], facts["address"], facts["email"], facts["id_number"]]


def test_export_holds_everything_and_erasure_leaves_nothing(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"gone-{time.time_ns()}@lijing.example"
    facts = {"name": "忘测试", "phone": phone, "email": address, "address": "测试街 77 号", "id_number": ID_NUMBERS[1]}
    resident = lijing.register(**facts)
    person = world.demo.sign_in_by_code(phone, address)
    room = lijing.room()
    ahead = lijing.reserve(person, room["id"], tomorrow(9), purpose="只有我知道", key="my-own-key-1").json()
    world.settle()
    export = person.get(f"/lijing/residents/{resident['id']}/export")
    assert all(text in str(export["resident"]) for text in _personal(facts))
    assert export["account"]["phone"] == phone
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
    document = world.mongo["residents"]["residents"].find_one({"_id": resident["id"]})
    assert document["sealed"] is None
    assert document["find"] == {}
    assert document["replies"] == []
    assert world.mongo["residents"]["accounts"].count_documents({"memberships.lijing.id": resident["id"]}) == 0
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
