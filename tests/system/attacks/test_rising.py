"""Whoever wants more rights than they were given, alone or with a puppet."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.client import Client
from ops.demo import code_in
from shared.rules.roles import SECRET, TECHNICAL
from tests.system.petitioning import act, filed
from tests.system.scenes import refused
from tests.system.world import Community, World, at_once, invented_phone


def test_giving_oneself_roles(world: World, lijing: Community) -> None:
    secretary, id = lijing.appoint("secretary")
    path = lijing.path(f"/workers/{id}")
    for facts in (
        {"roles": ["secretary", "worker"]},
        {"roles": ["secretary", *sorted(SECRET - {"secretary"})]},
        {"until": None},
    ):
        refused(secretary.call("PATCH", path, facts), 403, "own_roles")
    refused(secretary.call("DELETE", path), 403, "own_roles")


@pytest.mark.parametrize("role", sorted(SECRET | {"street_officer"}))
def test_giving_a_puppet_a_role_that_sees_secrets(world: World, lijing: Community, role: str) -> None:
    phone = invented_phone()
    made = lijing.secretary.post(lijing.path("/workers"), {"name": "演示职员", "phone": phone, "roles": [role, "clerk"]})
    assert (made["roles"], made["proposed"]) == (["clerk"], [role])
    confirm = lijing.path(f"/workers/{made['id']}/roles/{role}/confirm")
    refused(lijing.secretary.call("POST", confirm), 403, "same_person")
    puppet = world.demo.activate(phone)
    assert lijing.as_("operator").call("POST", confirm).json()["code"] == "role_too_high"
    assert puppet.call("POST", confirm).status_code == 403
    assert puppet.get("/me")["memberships"][0]["roles"] == ["clerk"]
    assert lijing.as_("street_officer").post(confirm)["roles"] == sorted([role, "clerk"])
    world.settle()
    assert world.demo.sign_in_by_code(phone).get("/me")["memberships"][0]["roles"] == sorted([role, "clerk"])


def test_confirming_what_was_turned_down(lijing: Community) -> None:
    facts = {"name": "演示职员", "phone": invented_phone(), "roles": ["court"]}
    made = lijing.secretary.post(lijing.path("/workers"), facts)
    path = lijing.path(f"/workers/{made['id']}/roles/court")
    assert lijing.as_("street_officer").post(f"{path}/decline")["proposed"] == []
    refused(lijing.as_("street_officer").call("POST", f"{path}/confirm"), 404, "proposal_missing")


def test_a_communitys_operator_makes_help_officers(world: World, lijing: Community) -> None:
    operator = lijing.as_("operator")
    facts = {"name": "演示职员", "phone": invented_phone()}
    for role in ("help_officer", "worker", "secretary", "steward"):
        refused(operator.call("POST", lijing.path("/workers"), facts | {"roles": [role]}), 403, "role_too_high")
    own = lijing.id_of("operator")
    refused(operator.call("PATCH", lijing.path(f"/workers/{own}"), {"roles": ["operator", "help_officer"]}), 403, "own_roles")
    helper = lijing.id_of("help_officer")
    refused(operator.call("PATCH", lijing.path(f"/workers/{helper}"), {"roles": ["operator"]}), 403, "role_too_high")
    for role in TECHNICAL:
        made = operator.post(lijing.path("/workers"), facts | {"phone": invented_phone(), "roles": [role]})
        assert made["roles"] == [role]


def test_the_installations_operator_reads_a_community_through_a_puppet(world: World, lijing: Community) -> None:
    world.operator().post("/communities", {"slug": "puppets", "name": "木偶社区", "district": "离石区", "street": "凤山街道"})
    inside, facts = world.operator("puppets"), {"name": "演示职员", "phone": invented_phone()}
    for role in ("worker", "secretary", "help_officer"):
        refused(inside.call("POST", "/puppets/workers", facts | {"roles": [role]}), 403, "role_too_high")


def test_naming_the_first_people_again(world: World, lijing: Community) -> None:
    people = {role: {"name": "演示职员", "phone": invented_phone()} for role in ("secretary", "street_officer")}
    refused(world.operator().call("POST", "/communities/lijing/first-people", people), 409, "people_there")
    refused(lijing.as_("operator").call("POST", "/communities/lijing/first-people", people), 403, "not_the_installation")
    fresh = world.open("first-people")
    entry = world.mongo["residents"]["audit"].find_one({"community": "first-people", "act": "bootstrap"})
    assert len(entry["subjects"]) == 2
    refused(world.operator().call("POST", "/communities/first-people/first-people", people), 409, "people_there")
    assert fresh.secretary.get(fresh.path("/workers"))["items"]


def test_two_secretaries_leave_at_once_or_the_last_one_goes(world: World) -> None:
    community = world.open("leaving")
    community.appoint("secretary")
    ids = {w["id"] for w in community.secretary.get(community.path("/workers"))["items"] if "secretary" in w["roles"]}
    assert len(ids) == 2
    street = community.as_("street_officer")
    replies = at_once(2, lambda n: street.call("DELETE", community.path(f"/workers/{sorted(ids)[n]}")))
    assert sorted(reply.status_code for reply in replies) == [204, 409]
    left = next(id for id, reply in zip(sorted(ids), replies, strict=True) if reply.status_code == 409)
    for change in ({"roles": ["worker"]}, {"until": (datetime.now(UTC) + timedelta(days=1)).isoformat()}):
        refused(street.call("PATCH", community.path(f"/workers/{left}"), change), 409, "last_secretary")


def test_the_last_operator_of_the_installation_stays(world: World) -> None:
    operator = world.operator()
    phone = invented_phone()
    second = operator.post("/_/workers", {"name": "运维", "phone": phone, "roles": ["operator"]})
    world.demo.activate(phone, password="the second operator's")
    other = world.api.sign_in(phone, password="the second operator's", community="_")
    first = next(w["id"] for w in operator.get("/_/workers")["items"] if w["id"] != second["id"])
    refused(operator.call("DELETE", f"/_/workers/{first}"), 403, "own_roles")
    # One that opened a community runs it no longer than the installation.
    other.post("/communities", {"slug": "opened", "name": "开放社区", "district": "离石区", "street": "凤山街道"})
    inside = world.api.sign_in(phone, password="the second operator's", community="opened")
    facts = {"name": "运维", "phone": invented_phone(), "roles": ["operator"]}
    inside.post("/opened/workers", facts)
    assert operator.call("DELETE", f"/_/workers/{second['id']}").status_code == 204
    for client, path in ((other, f"/_/workers/{first}"), (inside, "/opened/workers")):
        world.until(lambda c=client, p=path: c.call("GET", p).status_code == 401, 3, "the token to be void")
    late = world.api.call("POST", "/tokens/refresh", {"refresh_token": inside.refresh_token})
    assert late.json()["code"] == "no_membership"
    # And two who would leave it empty.
    third, phone = operator.post("/_/workers", facts | {"phone": invented_phone()}), invented_phone()
    assert third["roles"] == ["operator"]
    offices = world.mongo["residents"]["offices"].find_one({"_id": "_"})
    assert first in offices["held"]["operator"]


def test_opening_a_seal_with_a_puppet(world: World, lijing: Community) -> None:
    id = filed(lijing, lijing.resident, sealed=True, petitioners=[])["id"]
    path = lijing.path(f"/petitions/{id}/seal/requests")
    puppet, _ = lijing.appoint("seal_holder")
    request = lijing.secretary.post(path, {"purpose": "核实"})["id"]
    refused(puppet.call("POST", f"{path}/{request}/grant", {}), 403, "appointed_lately")
    asked = puppet.post(path, {"purpose": "核实"})["id"]
    for who in (lijing.secretary, lijing.as_("street_officer")):  # who proposed it, and who confirmed it
        refused(who.call("POST", f"{path}/{asked}/grant", {}), 403, "appointed_lately")
    with world.clock_at(datetime.now(UTC) + timedelta(days=31)):
        later = lijing.secretary.post(path, {"purpose": "核实"})["id"]
        assert lijing.as_("seal_holder").post(f"{path}/{later}/grant", {})["granted"] is True


def test_bending_the_contact_of_who_has_not_come_in_yet(world: World, lijing: Community) -> None:
    phone, mine = invented_phone(), invented_phone()
    facts = {"name": "演示职员", "phone": phone, "roles": ["help_officer", "seal_holder"]}
    made = lijing.secretary.post(lijing.path("/workers"), facts)
    path = lijing.path(f"/workers/{made['id']}")
    for role in facts["roles"]:
        lijing.as_("street_officer").post(f"{path}/roles/{role}/confirm")
    operator = lijing.as_("operator")
    for change in ({"phone": mine}, {"email": "mine@lijing.example"}, {"name": "演示"}):
        refused(operator.call("PATCH", path, change), 403, "role_too_high")
    refused(operator.call("POST", f"{path}/activation", {}), 403, "role_too_high")
    resident = lijing.register(phone=invented_phone())["id"]
    assert operator.call("POST", lijing.path(f"/workers/{resident}/activation"), {}).status_code == 404
    # A secretary may correct it; what sees secrets is given anew then.
    changed = lijing.secretary.patch(path, {"phone": mine})
    assert (changed["roles"], changed["proposed"]) == ([], ["help_officer", "seal_holder"])
    assert world.demo.activate(mine).get("/me")["memberships"][0]["roles"] == []


def test_prolonging_a_term_beside_the_same_roles(world: World, lijing: Community) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    _, id = lijing.appoint("seal_holder", until=until.isoformat())
    path = lijing.path(f"/workers/{id}")
    for change in (
        {"until": None},
        {"roles": ["seal_holder"], "until": None},
        {"roles": ["seal_holder"], "until": until.isoformat()},
    ):
        refused(lijing.as_("operator").call("PATCH", path, change), 403, "role_too_high")
    waiting = lijing.secretary.patch(path, {"roles": ["seal_holder"], "until": None})
    assert (waiting["until"] is not None, waiting["proposed"]) == (True, ["term"])
    refused(lijing.secretary.call("POST", f"{path}/roles/term/confirm"), 403, "same_person")
    assert lijing.as_("street_officer").post(f"{path}/roles/term/confirm")["until"] is None


def test_acting_on_a_case_that_one_was_recused_from(world: World, lijing: Community) -> None:
    recused, id = lijing.appoint("worker", "secretary", "mediator")
    world.settle()
    petition = filed(lijing, lijing.worker, petitioners=[{"name": "赵测试", "phone": invented_phone()}])["id"]
    act(lijing, lijing.secretary, petition, "assign", assignee=id)
    act(lijing, lijing.secretary, petition, "recuse", reason="与当事人是亲属")
    other = filed(lijing, lijing.worker, petitioners=[{"name": "赵测试", "phone": invented_phone()}])["id"]
    body = {"kind": "邻里", "parties": [{"name": "对方", "phone": invented_phone()}]}
    acts: list[tuple[str, dict[str, object]]] = [
        ("register", {"authority": "街道信访办"}),
        ("supplement", {"text": "补充"}),
        ("withdraw", {"reason": "不再需要"}),
        ("urgent", {"reason": "紧急"}),
        ("assign", {"assignee": lijing.id_of("worker")}),
        ("duplicate", {"first_id": other}),
        ("mediation", body),
    ]
    for what, facts in acts:
        refused(recused.call("POST", lijing.path(f"/petitions/{petition}/{what}"), facts), 403, "recused")
    refused(recused.call("POST", lijing.path(f"/petitions/{other}/duplicate"), {"first_id": petition}), 403, "recused")
    later = filed(lijing, lijing.worker, petitioners=[{"name": "赵测试", "phone": invented_phone()}])["id"]
    act(lijing, lijing.secretary, later, "duplicate", first_id=petition)
    refused(recused.call("POST", lijing.path(f"/petitions/{other}/duplicate"), {"first_id": later}), 403, "recused")
    dispute = lijing.secretary.post(lijing.path(f"/petitions/{petition}/mediation"), body)["id"]
    for what, facts in (("mediators", {"mediators": [lijing.id_of("mediator")]}), ("withdraw", {"reason": "x"}),
                        ("fail", {"reason": "x"})):  # fmt: skip
        refused(recused.call("POST", lijing.path(f"/disputes/{dispute}/{what}"), facts), 403, "recused")
    start = (datetime.now(UTC) + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    room = lijing.room(use="mediation")["id"]
    sitting = {"room_id": room, "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    asked = recused.call("POST", lijing.path(f"/disputes/{dispute}/sittings"), sitting)
    refused(asked, 403, "recused")
    assert world.mongo["petitions"]["sittings"].count_documents({"case_id": dispute}) == 0, "no room was asked for"
    chosen = lijing.secretary.call("POST", lijing.path(f"/disputes/{dispute}/mediators"), {"mediators": [id]})
    refused(chosen, 422, "mediator_unfit")


def test_opening_the_seal_of_a_case_that_one_was_recused_from(world: World, lijing: Community) -> None:
    recused, id = lijing.appoint("secretary")
    world.settle()
    sealed = filed(lijing, lijing.resident, sealed=True, petitioners=[])["id"]
    act(lijing, lijing.secretary, sealed, "assign", assignee=id)
    act(lijing, lijing.secretary, sealed, "recuse", reason="与当事人是亲属")
    refused(recused.call("POST", lijing.path(f"/petitions/{sealed}/seal/requests"), {"purpose": "看看"}), 403, "recused")


def test_lengthening_a_statutory_limit(lijing: Community) -> None:
    def set_rule(name: str, days: int, **more: int) -> tuple[int, str]:
        today = datetime.now(UTC).date() + timedelta(days=1)
        rule = {"name": name, "days": days, "since": today.isoformat(), "source": "本地规定", **more}
        reply = lijing.secretary.call("PUT", lijing.path("/rules"), {"rules": [rule]})
        return reply.status_code, reply.json().get("code", "")

    assert set_rule("petition.handle", 61) == (422, "limit_lengthened")
    assert set_rule("petition.handle", 60, extend=31) == (422, "limit_lengthened")
    assert set_rule("petition.review_window", 29) == (422, "window_changed")
    assert set_rule("petition.review_window", 31) == (422, "window_changed")
    assert set_rule("petition.handle", 45, extend=15)[0] == 200
    assert set_rule("promise.petition", 20)[0] == 200
    assert lijing.secretary.call("PUT", lijing.path("/rules"), {"rules": []}).status_code == 200


def test_what_is_restricted_is_not_for_whom_others_let_in_again(world: World, lijing: Community) -> None:
    owner, record = lijing.person()
    owner.post("/me/password", {"password": "the owner's password"}, key="")
    hidden = filed(lijing, owner, sealed=True, petitioners=[])["id"]
    shown = filed(lijing, owner, petitioners=[])["id"]
    help_request = owner.post(lijing.path("/help-requests"), {"text": "想找人谈谈。"})["id"]
    act(lijing, lijing.secretary, hidden, "register", authority="street-letters-office")
    world.until(
        lambda: "quiet_news" in {m["template"] for m in owner.get(lijing.path("/inbox"))["items"]}, what="the owner told"
    )
    path = lijing.path(f"/residents/{record['id']}")
    slip = lijing.worker.call("POST", f"{path}/slip")
    refused(slip, 409, "has_channel")
    street = lijing.appoint("worker")[0]
    lijing.worker.post(f"{path}/recovery", key="")
    refused(lijing.worker.call("POST", f"{path}/recovery/confirm"), 403, "same_person")
    # Who appointed the other one a short while ago is no second person.
    refused(lijing.secretary.call("POST", f"{path}/recovery/confirm"), 403, "appointed_lately")
    street.post(f"{path}/recovery/confirm", key="")
    world.until(lambda: "恢复账户" in world.demo.text_to(record["phone"]), what="the owner to be told")
    refused(lijing.worker.call("POST", f"{path}/slip"), 409, "recovery_waits")
    with world.clock_at(datetime.now(UTC) + timedelta(hours=25)):
        code = lijing.worker.post(f"{path}/slip", key="")["code"]
        reply = world.api.post("/tokens", {"slip": code}, key="")
        again = world.api.call("POST", "/tokens", {"slip": code})
        refused(again, 401, "credentials_wrong")
        limited = Client(world.here.base_url, reply["access_token"])
        assert limited.get(lijing.path(f"/petitions/{shown}"))["id"] == shown
        assert {p["id"] for p in limited.get(lijing.path("/petitions"))["items"]} & {shown, hidden} == {shown}
        assert limited.call("GET", lijing.path(f"/petitions/{hidden}")).status_code == 404
        assert limited.call("GET", lijing.path(f"/help-requests/{help_request}")).status_code == 404
        assert limited.get(lijing.path("/help-requests"))["items"] == []
        refused(limited.call("POST", lijing.path("/counselling"), {}), 403, "recovered_lately")
        messages = limited.get(lijing.path("/inbox"))["items"]
        assert "quiet_news" not in {m["template"] for m in messages}
        for method, what in (("POST", "/me/password"), ("DELETE", f"/me/channels/{uuid.uuid4()}"),
                             ("DELETE", f"/me/identities/{uuid.uuid4()}"), ("DELETE", "/me/recovery")):  # fmt: skip
            body = {"password": "another password"} if method == "POST" else None
            refused(limited.call(method, what, body), 403, "recovered_lately")
        assert limited.get("/me")["channels"] == [], "not even where the owner is reached"
        # A new channel, so that there is a way in; what the slip brought is limited, too.
        address = f"recovered-{uuid.uuid4()}@lijing.example"
        _confirm(world, limited, address)
        still = _by_mail(world, address)
        assert still.call("GET", lijing.path(f"/petitions/{hidden}")).status_code == 404
        assert owner_again(world, record).get(lijing.path(f"/petitions/{hidden}"))["id"] == hidden, "who has the former channel"
    with world.clock_at(datetime.now(UTC) + timedelta(days=9)):
        assert _by_mail(world, address).get(lijing.path(f"/petitions/{hidden}"))["id"] == hidden


def owner_again(world: World, record: dict[str, Any]) -> Client:
    """The owner, by the channel of before."""
    reply = world.api.post("/tokens", {"phone": record["phone"], "password": "the owner's password"}, key="")
    return Client(world.here.base_url, reply["access_token"])


def _confirm(world: World, client: Client, address: str) -> None:
    added = client.post("/me/channels", {"mail": address}, key="")
    code = code_in(world.until(lambda: world.demo.mail_to(address, 0), what="the code"))
    client.post(f"/me/channels/{added['id']}/confirm", {"code": code}, key="")


def _by_mail(world: World, address: str) -> Client:
    since = time.time()
    world.api.post("/tokens/codes", {"mail": address}, key="")
    code = code_in(world.until(lambda: world.demo.mail_to(address, since), what="the code"))
    return Client(world.here.base_url, world.api.post("/tokens", {"mail": address, "code": code}, key="")["access_token"])


def test_an_owner_who_is_there_objects_to_a_recovery(world: World, lijing: Community) -> None:
    owner, record = lijing.person()
    path = lijing.path(f"/residents/{record['id']}")
    lijing.worker.post(f"{path}/recovery", key="")
    lijing.appoint("worker")[0].post(f"{path}/recovery/confirm", key="")
    assert owner.get("/me")["recovery"]["effective_at"]
    assert owner.call("DELETE", "/me/recovery").status_code == 204
    with world.clock_at(datetime.now(UTC) + timedelta(hours=25)):
        refused(lijing.worker.call("POST", f"{path}/slip"), 409, "has_channel")


def test_a_slip_lets_in_who_has_no_channel_once(world: World, lijing: Community) -> None:
    record = lijing.register(name="陈外婆")
    path = lijing.path(f"/residents/{record['id']}")
    first = lijing.worker.post(f"{path}/slip", key="")
    assert (first["name"], len(first["code"])) == ("陈外婆", 19)
    second = lijing.worker.post(f"{path}/slip", key="")
    refused(world.api.call("POST", "/tokens", {"slip": first["code"]}), 401, "credentials_wrong")
    replies = at_once(5, lambda n: world.api.call("POST", "/tokens", {"slip": second["code"].lower()}))
    assert sorted(reply.status_code for reply in replies) == [201] + [401] * 4
    token = next(reply.json()["access_token"] for reply in replies if reply.status_code == 201)
    person = Client(world.here.base_url, token)
    assert person.get(path)["name"] == "陈外婆"
    refused(person.call("POST", "/me/password", {"password": "a long password"}), 409, "channel_needed")
    # The next time, too: there is still no other way.
    third = lijing.worker.post(f"{path}/slip", key="")["code"]
    same = Client(world.here.base_url, world.api.post("/tokens", {"slip": third}, key="")["access_token"])
    assert same.get("/me")["id"] == person.get("/me")["id"]
    entry = world.mongo["residents"]["audit"].find_one({"act": "printed_slip", "subjects": record["id"]})
    assert entry["actor"] == lijing.id_of("worker"), "with both"
    with world.clock_at(datetime.now(UTC) + timedelta(hours=25)):
        late = lijing.worker.post(f"{path}/slip", key="")["code"]
    with world.clock_at(datetime.now(UTC) + timedelta(hours=51)):
        refused(world.api.call("POST", "/tokens", {"slip": late}), 401, "credentials_wrong")


def test_a_slip_for_a_worker_or_for_oneself(world: World, lijing: Community) -> None:
    refused(lijing.worker.call("POST", lijing.path(f"/residents/{lijing.id_of('secretary')}/slip")), 404, "resident_missing")
