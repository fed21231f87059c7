"""The rows of the inventory that petitions make true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.system.disputing import Case
from tests.system.petitioning import act, filed
from tests.system.world import Community, World, tomorrow


def test_P11_a_failed_mediation_is_referred_heard_and_closed_to_clerks(world: World, shengtaiyuan: Community) -> None:
    case = Case(shengtaiyuan).failed()
    for who in (case.one, case.two):
        case.act(who, "consent")
    id = case.act(shengtaiyuan.worker, "refer")["court_id"]
    court, room, judge = shengtaiyuan.as_("court"), shengtaiyuan.room(use="court"), shengtaiyuan.room(use="equipment")
    start = tomorrow(9, days=5)
    body = {
        "room_id": room["id"],
        "resources": [judge["id"]],
        "start": start.isoformat(),
        "end": (start + timedelta(hours=1)).isoformat(),
    }
    path = shengtaiyuan.path(f"/hearings/{id}")
    assert court.call("POST", f"{path}/schedule", body).status_code == 200
    for role in ("resident", "guardian"):
        who = shengtaiyuan.as_(role)
        world.until(lambda who=who: shengtaiyuan.inbox(who, "hearing_scheduled"), what=f"the {role} to be told")
    refused = shengtaiyuan.as_("clerk").call("GET", path)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
    assert court.get(path)["current"]


def test_P17_a_neighbours_noise_is_triaged_offered_mediation_and_keeps_its_number(shengtaiyuan: Community) -> None:
    resident = [{"resident_id": shengtaiyuan.id_of("resident")}]
    petition = filed(shengtaiyuan, shengtaiyuan.worker, petitioners=resident, topic="噪声")
    act(shengtaiyuan, shengtaiyuan.worker, petition["id"], "register", authority="community")
    other = {"parties": [{"resident_id": shengtaiyuan.id_of("guardian")}]}
    made = shengtaiyuan.worker.post(shengtaiyuan.path(f"/petitions/{petition['id']}/mediation"), other)
    kept = shengtaiyuan.resident.get(shengtaiyuan.path(f"/petitions/{petition['id']}"))
    assert (kept["number"], kept["dispute_id"], made["petition_number"]) == (
        petition["number"],
        made["id"],
        petition["number"],
    )


def test_L29_violence_is_seen_by_named_officers_alone(lijing: Community) -> None:
    made = lijing.resident.post(lijing.path("/help-requests"), {"text": "需要帮助", "violence": True})
    assert lijing.worker.call("GET", lijing.path(f"/help-requests/{made['id']}")).status_code == 403
    assert lijing.worker.call("GET", lijing.path("/help-requests")).status_code == 403
    assert lijing.as_("help_officer").get(lijing.path(f"/help-requests/{made['id']}"))["violence"] is True


def test_L35_a_threat_reaches_the_police_liaison_with_its_time(world: World, lijing: Community) -> None:
    case = Case(lijing).mediating()
    case.act(lijing.worker, "danger", kind="threat", text="扬言报复")
    world.until(lambda: lijing.told(lijing.id_of("police_liaison"), "danger"), what="the liaison to be told")
    seen = case.act(lijing.as_("police_liaison"), "danger/acknowledge", text="已联系双方")
    contact = datetime.fromisoformat(seen["dangers"][0]["acknowledged_at"])
    assert abs(contact - datetime.now(UTC)) < timedelta(minutes=5)
    assert "police_contact" in {done["act"] for done in seen["history"]}
