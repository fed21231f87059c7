"""Who may what: every operation of the document, walked."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from ops.documents import openapi
from shared.rules.roles import GUARDIAN, ROLES
from shared.storage.tenants import Tenants
from tests.system.world import Community, World

WALK = [
    (method.upper(), path, operation)
    for path, operations in openapi()["paths"].items()
    for method, operation in operations.items()
]
IN_COMMUNITY = [case for case in WALK if "{community}" in case[1] and "x-roles" in case[2]]
# What needs no token in a community: calendars, one behind a secret address, one that says 占用 of whatever is not public;
# and what whoever filed anonymously does with the code on their receipt.
OPEN = {"/api/v1/{community}/feeds/{secret}/calendar.ics", "/api/v1/{community}/rooms/{id}/calendar.ics"} | {
    f"/api/v1/{{community}}/petitions/by-receipt{act}"
    for act in ("", "/attachment", "/rate", "/reopen", "/review", "/supplement", "/withdraw")
}
# Where a token may be shown, and need not: to file, and to bring what is filed with it.
GUESTS = {"/api/v1/{community}/petitions", "/api/v1/{community}/attachments"}


def _name(case: Any) -> str:
    return f"{case[0]} {case[1]}" if isinstance(case, tuple) else ""


def _call(world: World, case: tuple[str, str, Any], community: str, token: str = "") -> requests.Response:
    method, path, operation = case
    url = re.sub(r"{\w+}", "any", path.replace("{community}", community))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    json = {} if "requestBody" in operation else None
    return requests.request(method, f"{world.here.base_url}{url}", headers=headers, json=json, timeout=20)


class Trail:
    """Reads on in the chains where it stopped the last time."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], int] = {}

    def fresh(self, world: World, case: tuple[str, str, Any], community: str) -> list[dict[str, Any]]:
        """What was added to the chain of the operation's service and community since."""
        service, found = case[2]["tags"][0].lower(), []
        n = self._read.get((service, community), 0) + 1
        while (entry := world.mongo[service]["audit"].find_one({"_id": f"{community}:{n}"})) is not None:
            found.append(entry)
            n += 1
        self._read[(service, community)] = n - 1
        return [entry for entry in found if entry["route"] == f"{case[0]} {case[1]}"]


TRAIL = Trail()


def test_the_document_is_served_and_is_the_one_walked_here(world: World) -> None:
    served = requests.get(f"{world.here.base_url}/api/openapi.json", timeout=10).json()
    assert served == openapi()
    page = requests.get(f"{world.here.base_url}/api/docs/", timeout=10)
    assert page.status_code == 200
    assert "swagger-ui" in page.text
    assert len(IN_COMMUNITY) >= 100
    assert {path for _, path, operation in WALK if "{community}" in path and "x-roles" not in operation} == OPEN
    assert {path for _, path, operation in WALK if operation["security"] == [] and "x-roles" in operation} == GUESTS


@pytest.mark.parametrize("case", IN_COMMUNITY, ids=_name)
def test_another_communitys_token_finds_nothing_and_is_noted(world: World, case: tuple[str, str, Any]) -> None:
    role = case[2]["x-roles"][0]
    token = world.lijing.as_(role).token
    TRAIL.fresh(world, case, "lijing")
    TRAIL.fresh(world, case, "shengtaiyuan")
    reply = _call(world, case, "shengtaiyuan", token)
    assert (reply.status_code, reply.json()["code"]) == (404, "community_missing")
    (entry,) = TRAIL.fresh(world, case, "lijing")  # where they are at home: a stranger writes nothing into another's chain
    assert (entry["act"], entry["actor"]) == ("refused:community_missing", world.lijing.id_of(role))
    assert entry["correlation"] != reply.headers["X-Correlation-Id"]
    assert TRAIL.fresh(world, case, "shengtaiyuan") == []


@pytest.mark.parametrize("case", WALK, ids=_name)
def test_nobody_gets_in_without_a_token_unless_the_document_says_so(world: World, case: tuple[str, str, Any]) -> None:
    reply = _call(world, case, "lijing")
    if case[2]["security"] == []:
        assert reply.status_code != 401 or reply.json()["code"] != "token_missing"
    else:
        assert (reply.status_code, reply.json()["code"]) == (401, "token_missing")
        assert _call(world, case, "lijing", "a.b.c").json()["code"] == "token_invalid"


@pytest.mark.parametrize("case", [c for c in IN_COMMUNITY if set(c[2]["x-roles"]) != set(ROLES)], ids=_name)
def test_a_role_that_may_not_is_refused_and_noted(world: World, case: tuple[str, str, Any]) -> None:
    role = next(r for r in ROLES if r not in case[2]["x-roles"] and r != GUARDIAN)  # a guardian is a resident too
    token = world.lijing.as_(role).token
    TRAIL.fresh(world, case, "lijing")
    reply = _call(world, case, "lijing", token)
    assert (reply.status_code, reply.json()["code"]) == (403, "role_missing")
    (entry,) = TRAIL.fresh(world, case, "lijing")
    assert (entry["act"], role in entry["roles"]) == ("refused:role_missing", True)


def test_every_role_has_an_account_in_each_community(world: World) -> None:
    accounts = {(a["community"], a["role"]) for a in world.data["accounts"]}
    assert {(slug, role) for slug in ("lijing", "shengtaiyuan") for role in ROLES} <= accounts
    for role in ROLES:
        assert world.lijing.as_(role).call("GET", "/lijing/inbox").status_code == 200


def test_reserved_words_and_unknown_communities_do_not_exist(world: World) -> None:
    for slug in ("tokens", "deadlines", "nowhere", "..", "%00"):
        reply = world.lijing.resident.call("GET", f"/{slug}/rooms")
        assert reply.status_code in (404, 405), slug


def test_internal_paths_are_not_routed_and_want_a_service_token(world: World) -> None:
    for path in ("/internal/contacts", "/api/v1/../internal/contacts", "/api/v1/lijing/%2e%2e/%2e%2e/internal/contacts"):
        assert requests.post(f"{world.here.base_url}{path}", json={}, timeout=10).status_code in (404, 405)
    direct = f"{world.replica('residents')}/internal/contacts"
    body = {"community": "lijing", "id": "x", "purpose": "test"}
    assert requests.post(direct, json=body, timeout=10).status_code == 401
    token = world.lijing.as_("secretary").token
    assert requests.post(direct, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10).status_code == 401


def test_the_audit_chains_are_whole_and_a_changed_entry_shows(world: World, lijing: Community) -> None:
    from shared.security.audit import Audit

    lijing.worker.get("/lijing/residents?limit=1")
    log = Audit("residents", world.mongo, "residents", Tenants(world.mongo, "residents"))
    assert log.broken("lijing") is None
    entry = world.mongo["residents"]["audit"].find_one({"community": "lijing", "n": 2})
    world.mongo["residents"]["audit"].update_one({"_id": entry["_id"]}, {"$set": {"actor": "somebody else"}})
    assert log.broken("lijing") == 2
    world.mongo["residents"]["audit"].update_one({"_id": entry["_id"]}, {"$set": {"actor": entry["actor"]}})
    assert log.broken("lijing") is None
