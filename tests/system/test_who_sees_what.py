"""Role × object × field: who may know of what, walked through HTTP, lists, counts, events, exports and logs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.rules import roles
from tests.system.disputing import Case
from tests.system.petitioning import filed
from tests.system.world import Community, World, invented_phone

ROLES = tuple(roles.ROLES)
OFFICE = {"worker", "duty_lead", "secretary", "street_officer"}
PHONE = invented_phone()  # of a sealed complainant
# For each object: who may read it, and which words each reader must not find in it.
TABLE: dict[str, tuple[set[str], dict[str, set[str]]]] = {
    "petition": ({"resident"} | OFFICE, {"resident": {"INTERNAL"}}),
    "sealed": ({"resident"} | OFFICE, {role: {"WHO"} for role in OFFICE}),
    "taken_down": ({"resident"} | OFFICE, {role: {"WHO", "赵密封", PHONE, PHONE[3:]} for role in OFFICE}),
    "report": ({"resident", "secretary", "street_officer"}, {"resident": {"INTERNAL"}}),
    "help": ({"resident", "help_officer"}, {"resident": {"INTERNAL"}}),
    "dispute": ({"resident", "guardian", "mediator"} | OFFICE, {
        "guardian": {"OF-ONE", "INTERNAL"}, "resident": {"INTERNAL"},
        **{role: {"OF-ONE", "INTERNAL"} for role in OFFICE}}),
    "hearing": ({"resident", "guardian", "court"}, {}),
}  # fmt: skip
PLACES = dict.fromkeys(("petition", "sealed", "taken_down", "report"), "petitions")
PLACES |= {"help": "help-requests", "dispute": "disputes", "hearing": "hearings"}
LISTS = ("petitions", "help-requests", "disputes", "hearings", "petitions/due-soon")


class Things:
    """One of each, with a word in every field that is not for everybody."""

    def __init__(self, world: World, lijing: Community) -> None:
        self.world, self.lijing = world, lijing
        own = {"petitioners": []}
        self.ids = {
            "petition": filed(lijing, lijing.resident, **own)["id"],
            "sealed": filed(lijing, lijing.resident, sealed=True, **own)["id"],
            "taken_down": filed(
                lijing,
                lijing.worker,
                sealed=True,
                petitioners=[{"resident_id": lijing.id_of("resident")}, {"name": "赵密封", "phone": PHONE}],
            )["id"],
            "report": filed(lijing, lijing.resident, kind="检举控告", topic="其他", text="REPORTED", **own)["id"],
            "help": lijing.resident.post(lijing.path("/help-requests"), {"text": "HELPTEXT"})["id"],
        }
        note = {"text": "INTERNAL", "internal": True}
        for name, who in (("petition", lijing.worker), ("report", lijing.secretary)):
            who.post(lijing.path(f"/petitions/{self.ids[name]}/supplement"), note)
            assert "INTERNAL" in str(who.get(lijing.path(f"/petitions/{self.ids[name]}")))
        officer, request = lijing.as_("help_officer"), lijing.path(f"/help-requests/{self.ids['help']}")
        officer.post(f"{request}/notes", note)
        assert "INTERNAL" in str(officer.get(request))
        case = Case(lijing).mediating()
        case.act(case.one, "notes", text="OF-ONE", private=True)
        case.act(case.mediator, "notes", text="INTERNAL", private=True)
        self.ids["dispute"] = case.id
        case.signed()
        for who in (case.one, case.two):
            court_id = case.act(who, "confirmation")["court_id"]
        self.ids["hearing"] = court_id
        world.settle()


@pytest.fixture(scope="module")
def things(world: World) -> Things:
    return Things(world, world.lijing)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("thing", TABLE)
def test_who_reads_it_and_which_words(things: Things, thing: str, role: str) -> None:
    readers, hidden = TABLE[thing]
    reply = things.lijing.as_(role).call("GET", things.lijing.path(f"/{PLACES[thing]}/{things.ids[thing]}"))
    if role not in readers:
        assert reply.status_code in (403, 404), reply.text
        assert things.ids[thing] not in reply.text
        return
    assert reply.status_code == 200, reply.text
    for word in hidden.get(role, set()):
        assert word.replace("WHO", things.lijing.id_of("resident")) not in reply.text


@pytest.mark.parametrize("role", ROLES)
def test_no_list_search_or_count_shows_more(things: Things, role: str) -> None:
    who, lijing = things.lijing.as_(role), things.lijing
    seen: set[str] = set()
    for path in LISTS:
        reply = who.call("GET", lijing.path(f"/{path}?limit=200"))
        assert reply.status_code in (200, 403), (path, reply.text)
        seen |= {item["id"] for item in who.pages(lijing.path(f"/{path}"))} if reply.ok else set()
    found = who.call("POST", lijing.path("/petitions/search"), {"limit": 200})
    seen |= {item["id"] for item in found.json()["items"]} if found.ok else set()
    for thing, (readers, _) in TABLE.items():
        if role not in readers:
            assert things.ids[thing] not in seen, thing
    listed = who.call("GET", lijing.path("/petitions?limit=200")).text
    assert lijing.id_of("resident") not in listed


@pytest.mark.parametrize("role", ROLES)
def test_no_delivery_of_a_hidden_case_is_listed_for_anybody_else(things: Things, world: World, role: str) -> None:
    who, lijing = things.lijing.as_(role), things.lijing
    kept = world.mongo["notifications"]["deliveries"].find({"community": "lijing", "private": True})
    others = {d["_id"] for d in kept if d["recipient"] != lijing.id_of(role)}
    assert len(others) > 5
    may = who.call("GET", lijing.path("/deliveries")).ok
    listed = {item["id"] for item in who.pages(lijing.path("/deliveries"))} if may else set()
    assert not listed & others
    if role in OFFICE - {"street_officer"}:
        assert listed


@pytest.mark.parametrize("role", sorted(OFFICE - {"street_officer"}))
def test_what_the_house_exports_of_a_person_holds_nothing_hidden(things: Things, role: str) -> None:
    lijing = things.lijing
    reply = lijing.as_(role).call("GET", lijing.path(f"/residents/{lijing.id_of('resident')}/export"))
    assert reply.status_code == 200, reply.text
    assert things.ids["petition"] in reply.text
    for thing in ("sealed", "taken_down", "report", "help"):
        assert things.ids[thing] not in reply.text, thing
    cases = reply.json()["elsewhere"]["petitions"]["cases"]
    assert (cases["hearings"], cases["help_requests"]) == ([], [])  # that a dispute went to the court, its own file says
    assert "OF-ONE" not in reply.text
    assert "quiet_news" not in reply.text


def test_no_search_by_phone_finds_a_sealed_complaint(things: Things) -> None:
    lijing = things.lijing
    for role in OFFICE:
        assert lijing.as_(role).post(lijing.path("/petitions/search"), {"phone": PHONE}, key="")["items"] == []


def test_no_event_outside_names_a_person_or_a_restricted_case(things: Things, world: World) -> None:
    people = {things.lijing.id_of(role) for role in ("resident", "guardian", "worker", "mediator")}
    kinds = ("petition_", "dispute_", "agreement_", "mediation_", "danger_", "deadline_")
    of_cases = [event for event in list(world.ear.events) if event["name"].startswith(kinds)]
    assert {event["subject"] for event in of_cases} >= {things.ids["petition"], things.ids["dispute"]}
    for event in of_cases:
        text = json.dumps(event["body"])
        assert not any(person in text for person in people), event["name"]
    for thing in ("sealed", "report", "help", "hearing"):
        assert not [e for e in list(world.ear.events) if things.ids[thing] in (e["subject"], *map(str, e["body"].values()))]


def test_an_export_holds_a_persons_own_and_no_word_of_the_others(things: Things) -> None:
    lijing = things.lijing
    own = export_of(lijing, "resident")
    for thing in ("petition", "sealed", "taken_down", "report", "help", "dispute", "hearing"):
        assert things.ids[thing] in own, thing
    assert "INTERNAL" not in own
    theirs = export_of(lijing, "guardian")
    for thing in ("petition", "sealed", "report", "help"):
        assert things.ids[thing] not in theirs
    assert "OF-ONE" not in theirs


def export_of(lijing: Community, role: str) -> str:
    """What somebody's own export says."""
    reply = lijing.as_(role).call("GET", lijing.path(f"/residents/{lijing.id_of(role)}/export"))
    assert reply.status_code == 200, reply.text
    return str(reply.text)


def test_no_log_holds_what_people_wrote_or_who_they_are(things: Things, world: World) -> None:
    people = tuple(things.lijing.id_of(role) for role in ("resident", "guardian"))
    secret: tuple[Any, ...] = ("INTERNAL", "REPORTED", "HELPTEXT", "OF-ONE", "楼上每晚施工", "赵密封", PHONE[3:], *people)
    files = list(world.here.path("logs", "").glob("*.log"))
    assert {"edge", "petitions-0", "notifications-0"} <= {file.stem for file in files}
    for file in files:
        text = file.read_text(errors="replace")
        for word in secret:
            assert word not in text, (file.name, word)
