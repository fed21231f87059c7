"""What was possible once: somebody else's phone in a record, and their account was one's own."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ops.demo import code_in
from tests.system.scenes import refused
from tests.system.world import Community, World, at_once, invented_phone

PASSWORD = {"password": "a password of the attacker"}


def _accounts(world: World) -> dict[str, Any]:
    """Every account of the installation, but for which version of a record it has followed."""
    ours = {"_id": 1, "credentials": 1, "channels": 1, "memberships": 1, "password": 1, "sessions": 1, "invitations": 1}
    found = {one["_id"]: one for one in world.mongo["residents"]["identities"].find({}, ours)}
    for account in found.values():
        for membership in account["memberships"].values():
            del membership["version"]
    return found


def test_writing_a_secretarys_phone_into_the_own_record(world: World, lijing: Community, shengtaiyuan: Community) -> None:
    attacker, record = lijing.person()
    victim = shengtaiyuan.account("secretary")
    world.settle()
    before = _accounts(world)
    attacker.patch(lijing.path(f"/residents/{record['id']}"), {"phone": victim["phone"]})
    world.settle()
    assert _accounts(world) == before, "a record is not an account"
    assert attacker.call("POST", lijing.path(f"/residents/{record['id']}/password"), PASSWORD).status_code in (404, 405)
    attacker.post("/me/password", PASSWORD, key="")  # the own one
    refused(world.api.call("POST", "/tokens", {"phone": victim["phone"], **PASSWORD}), 401, "credentials_wrong")
    assert world.api.sign_in(victim["phone"], password=victim["password"]).get("/shengtaiyuan/rooms")


def test_writing_the_installations_operators_phone_into_the_own_record(world: World, lijing: Community) -> None:
    attacker, record = lijing.person()
    own = world.here.operator
    attacker.patch(lijing.path(f"/residents/{record['id']}"), {"phone": own["phone"]})
    world.settle()
    attacker.post("/me/password", PASSWORD, key="")
    refused(world.api.call("POST", "/tokens", {"phone": own["phone"], **PASSWORD}), 401, "credentials_wrong")
    assert world.operator().get("/communities")["items"]


def test_registering_somebody_with_a_foreign_phone_and_an_own_mail_address(world: World, lijing: Community) -> None:
    victim, owner = lijing.person(email=f"victim-{time.time_ns()}@lijing.example")
    mine = f"attacker-{time.time_ns()}@lijing.example"
    world.settle()
    account = victim.get("/me")
    since = time.time()
    lijing.register(phone=owner["phone"], email=mine)
    world.settle()
    after = victim.get("/me")
    assert (after["channels"], after["memberships"]) == (account["channels"], account["memberships"])
    assert world.api.call("POST", "/tokens/codes", {"mail": mine}).status_code == 202
    assert world.api.call("POST", "/tokens/codes", {"phone": owner["phone"]}).status_code == 202
    for length, what in ((8, "the activation code"), (6, "the sign-in code")):
        assert world.demo.code_to(owner["phone"], since, length), f"{what} goes to the owner"
    world.settle()
    assert world.demo.mail_to(mine, since) == "", "no code and no activation goes to a mail address that nobody confirmed"


def test_appointing_somebody_with_a_foreign_phone_and_setting_the_password(
    world: World, lijing: Community, shengtaiyuan: Community
) -> None:
    victim = shengtaiyuan.account("worker")
    facts = {"name": "演示职员", "phone": victim["phone"], "roles": ["worker"]}
    since = time.time()
    made = lijing.secretary.post(lijing.path("/workers"), facts)
    for method, path in (("POST", f"/workers/{made['id']}/password"), ("PUT", f"/workers/{made['id']}/password")):
        assert lijing.secretary.call(method, lijing.path(path), PASSWORD).status_code in (404, 405)
    owner = world.api.sign_in(victim["phone"], password=victim["password"])
    assert [m["community"] for m in owner.get("/me")["memberships"]] == ["shengtaiyuan"]
    assert owner.call("GET", lijing.path("/rooms")).status_code == 404, "until it is accepted, it opens nothing"
    # Entered by whoever has the phone it is an invitation, which the account's owner alone may accept.
    code = code_in(world.until(lambda: world.demo.text_to(victim["phone"], since), what="the activation code"), 8)
    entered = world.api.post("/activations", {"phone": victim["phone"], "code": code, **PASSWORD}, key="")
    assert entered == {"outcome": "invited", "community": "lijing"}
    refused(world.api.call("POST", "/tokens", {"phone": victim["phone"], **PASSWORD}), 401, "credentials_wrong")
    (invitation,) = owner.get("/me")["invitations"]
    refused(lijing.resident.call("POST", f"/me/invitations/{invitation['id']}/accept"), 404, "invitation_missing")
    owner.post(f"/me/invitations/{invitation['id']}/decline", key="")
    assert owner.get("/me")["invitations"] == []


def test_accepting_an_invitation_opens_the_community_with_the_roles_of_the_record(
    world: World, lijing: Community, shengtaiyuan: Community
) -> None:
    person, record = shengtaiyuan.person()
    since = time.time()
    made = lijing.secretary.post(lijing.path("/workers"), {"name": "演示职员", "phone": record["phone"], "roles": ["worker"]})
    code = code_in(world.until(lambda: world.demo.text_to(record["phone"], since), what="the activation code"), 8)
    world.api.post("/activations", {"phone": record["phone"], "code": code}, key="")
    (invitation,) = person.get("/me")["invitations"]
    accepted = person.post(f"/me/invitations/{invitation['id']}/accept", key="")
    assert {m["community"]: (m["id"], m["roles"]) for m in accepted["memberships"]} == {
        "lijing": (made["id"], ["worker"]),
        "shengtaiyuan": (record["id"], ["resident"]),
    }
    person = world.demo.sign_in_by_code(record["phone"])
    assert person.get(lijing.path("/residents?limit=1"))["items"]


def test_reading_a_foreign_account_in_an_export(world: World, lijing: Community) -> None:
    victim, owner = lijing.person()
    other = lijing.register(phone=owner["phone"])
    world.settle()
    for id in (other["id"], owner["id"]):
        exported = lijing.worker.get(lijing.path(f"/residents/{id}/export"))["account"]
        assert exported in (None, {"roles": ["resident"]}), "to others, at most that there is an account"
    own = victim.get(lijing.path(f"/residents/{owner['id']}/export"))["account"]
    assert [channel["address"] for channel in own["channels"]] == [owner["phone"]]


def test_entering_one_activation_code_often_and_at_once(world: World, lijing: Community) -> None:
    phone = invented_phone()
    lijing.register(phone=phone)
    code = code_in(world.until(lambda: world.demo.text_to(phone), what="the activation code"), 8)
    replies = at_once(8, lambda n: world.api.call("POST", "/activations", {"phone": phone, "code": code}))
    assert sorted(reply.status_code for reply in replies)[:1] == [201]
    assert [reply.status_code for reply in replies].count(201) == 1, [reply.text for reply in replies]
    assert {reply.status_code for reply in replies} <= {201, 401, 429}


def test_guessing_an_activation_code(world: World, lijing: Community) -> None:
    phone = invented_phone()
    resident = lijing.register(phone=phone)["id"]
    code = code_in(world.until(lambda: world.demo.text_to(phone), what="the activation code"), 8)
    wrong = [f"{(int(code) + n + 1) % 10**8:08d}" for n in range(20)]
    replies = at_once(20, lambda n: world.api.call("POST", "/activations", {"phone": phone, "code": wrong[n]}))
    assert sorted(reply.status_code for reply in replies) == [401] * 5 + [429] * 15
    refused(world.api.call("POST", "/activations", {"phone": phone, "code": code}), 429, "too_many_tries")
    # Another code counts anew: nobody stays shut out by somebody's guesses.
    since = time.time()
    lijing.worker.post(lijing.path(f"/residents/{resident}/activation"), {})
    assert world.demo.activate(phone, since).get("/me")["memberships"]


def test_confirming_a_channel_that_is_somebody_elses(world: World, lijing: Community) -> None:
    victim, owner = lijing.person()
    attacker, _ = lijing.person()
    since = time.time()
    added = attacker.post("/me/channels", {"phone": owner["phone"]}, key="")
    mine = [channel["address"] for channel in attacker.get("/me")["channels"]]
    assert owner["phone"] not in mine, "until it is confirmed it counts for nothing"
    code = code_in(world.until(lambda: world.demo.text_to(owner["phone"], since), what="the code to the owner"))
    for guess in range(4):
        wrong = f"{(int(code) + guess + 1) % 10**6:06d}"
        reply = attacker.call("POST", f"/me/channels/{added['id']}/confirm", {"code": wrong})
        refused(reply, 401, "code_wrong")
    refused(attacker.call("POST", f"/me/channels/{added['id']}/confirm", {"code": code}), 409, "channel_taken")
    assert victim.get("/me")["channels"][0]["address"] == owner["phone"]


def test_a_channel_that_was_given_up_is_free_for_whoever_confirms_it(world: World, lijing: Community) -> None:
    first, owner = lijing.person()
    address, since = f"new-{time.time_ns()}@lijing.example", time.time()
    added = first.post("/me/channels", {"mail": address}, key="")
    code = code_in(world.until(lambda: world.demo.mail_to(address, since), what="the code to the new address"))
    first.post(f"/me/channels/{added['id']}/confirm", {"code": code}, key="")
    told = world.until(lambda: world.demo.text_to(owner["phone"], since), what="the former channel to be told")
    assert "新增了一个联系方式" in told
    former = next(c["id"] for c in first.get("/me")["channels"] if c["kind"] == "text")
    assert first.call("DELETE", f"/me/channels/{former}").status_code == 204
    second, _ = lijing.person()
    since = time.time()
    added = second.post("/me/channels", {"phone": owner["phone"]}, key="")
    code = code_in(world.until(lambda: world.demo.text_to(owner["phone"], since), what="the code"))
    second.post(f"/me/channels/{added['id']}/confirm", {"code": code}, key="")
    assert owner["phone"] in [c["address"] for c in second.get("/me")["channels"]]
    assert world.demo.sign_in_by_code(owner["phone"]).get("/me")["id"] == second.get("/me")["id"]


def test_two_accounts_become_one_person_at_once(world: World, lijing: Community) -> None:
    owners = [lijing.world.shengtaiyuan.person() for _ in range(2)]
    since, invitations = time.time(), []
    facts = {"name": "演示职员", "phone": owners[0][1]["phone"], "roles": ["worker"]}
    made = lijing.secretary.post(lijing.path("/workers"), facts)
    for client, record in owners:
        if record is not owners[0][1]:
            since = time.time()
            lijing.secretary.patch(lijing.path(f"/workers/{made['id']}"), {"phone": record["phone"]})
        code = world.demo.code_to(record["phone"], since, 8)
        world.api.post("/activations", {"phone": record["phone"], "code": code}, key="")
        invitations.append(client.get("/me")["invitations"][0]["id"])
    # The first one's contact stands in the record no more.
    refused(owners[0][0].call("POST", f"/me/invitations/{invitations[0]}/accept"), 409, "contact_changed")
    replies = at_once(6, lambda n: owners[1][0].call("POST", f"/me/invitations/{invitations[1]}/accept"))
    assert {reply.status_code for reply in replies} <= {200, 404, 409}
    world.settle()
    bound = world.mongo["residents"]["identities"].count_documents({"memberships.lijing.id": made["id"]})
    assert bound == 1


def test_entering_the_code_of_a_number_that_was_corrected(world: World, lijing: Community) -> None:
    wrong, busy = invented_phone(), invented_phone()
    resident = lijing.register(phone=wrong)["id"]
    code = code_in(world.until(lambda: world.demo.text_to(wrong), what="the code to the wrong phone"), 8)
    for _ in range(5):  # so many went to the right one today that the next is not sent
        lijing.register(phone=busy)
    world.settle()
    lijing.worker.patch(lijing.path(f"/residents/{resident}"), {"phone": busy})
    refused(world.api.call("POST", "/activations", {"phone": wrong, "code": code}), 401, "code_wrong")


def test_putting_the_owner_out_before_anybody_tells_them(world: World, lijing: Community) -> None:
    owner, record = lijing.person()
    address, mine = f"owner-{time.time_ns()}@lijing.example", f"thief-{time.time_ns()}@lijing.example"
    for one in (address, mine):
        added = owner.post("/me/channels", {"mail": one}, key="")
        code = code_in(world.until(lambda one=one: world.demo.mail_to(one, 0), what="the code"))
        since = time.time()
        shown = owner.post(f"/me/channels/{added['id']}/confirm", {"code": code}, key="")
    for channel in [c["id"] for c in shown["channels"] if c["address"] != mine]:
        assert owner.call("DELETE", f"/me/channels/{channel}").status_code == 204
    world.until(lambda: world.demo.mail_to(address, since, "删除了一个联系方式"), what="who was put out to be told")
    assert world.until(lambda: world.demo.mail_to(address, since, "新增了一个联系方式"), what="and of what came before")
    world.until(lambda: "删除了一个联系方式" in world.demo.text_to(record["phone"], since), what="the phone to be told")
    refused(world.api.call("POST", "/tokens", {"mail": address, "code": "000000"}), 401, "credentials_wrong")


def test_having_codes_sent_to_a_foreign_phone_again_and_again(world: World, lijing: Community) -> None:
    target, since = invented_phone(), time.time()
    attackers = [lijing.person()[0] for _ in range(3)]
    replies = [attackers[n % 3].call("POST", "/me/channels", {"phone": target}) for n in range(9)]
    assert [reply.status_code for reply in replies].count(202) == 5, "whoever asks"
    world.settle()
    assert len([f for f in world.here.path("sms", "").glob("*.txt") if f"To: {target}" in f.read_text()]) == 5
    assert world.demo.text_to(target, since)


@pytest.mark.parametrize("what", ["password", "channels", "drop"])
def test_changing_an_account_with_a_stolen_token_alone(world: World, lijing: Community, what: str) -> None:
    person, record = lijing.person()
    person.post("/me/password", {"password": "the owner's password"}, key="")
    stolen = world.api.sign_in(record["phone"], password="the owner's password")
    channel = person.get("/me")["channels"][0]["id"]
    tries = {
        "password": lambda **more: stolen.call("POST", "/me/password", PASSWORD | more),
        "channels": lambda **more: stolen.call("POST", "/me/channels", {"phone": invented_phone()} | more),
        "drop": lambda **more: stolen.call("DELETE", f"/me/channels/{channel}"),
    }
    refused(tries[what](), 403, "proof_needed")
    if what != "drop":
        replies = at_once(20, lambda n: tries[what](old_password=f"guess number {n}"))
        assert sorted(reply.status_code for reply in replies) == [403] * 5 + [429] * 15
