"""What tests do with petitions, through HTTP."""

from __future__ import annotations

from typing import Any

import requests

from ops.client import Client
from shared.storage.cursors import EPOCH
from tests.system.world import Community, World, invented_phone

APPEAL = {"kind": "申诉求决", "topic": "噪声", "text": "楼上每晚施工到十二点。"}
DOCUMENT = {"document_number": "街信〔2026〕12号"}
OPINION = {
    "request": "停止夜间施工",
    "facts": "属实",
    "view": "责令停止",
    "basis": "噪声污染防治法 art. 66",
    "outcome": "supported",
}


def filed(lijing: Community, client: Client | None = None, **facts: Any) -> dict[str, Any]:
    """A petition of the demo resident, or taken down by whoever is named."""
    who = client or lijing.resident
    if client is not None and "petitioners" not in facts:
        facts["petitioners"] = [{"name": "赵测试", "phone": invented_phone()}]
    return dict(who.post(lijing.path("/petitions"), APPEAL | facts))


def act(lijing: Community, who: Client, id: str, what: str, status: int = 200, **body: Any) -> dict[str, Any]:
    """One act; its reply."""
    reply = who.call("POST", lijing.path(f"/petitions/{id}/{what}"), body)
    assert reply.status_code == status, (what, reply.text)
    return dict(reply.json())


def deadlines(shown: dict[str, Any]) -> dict[str, str]:
    """The running ones, by name."""
    return {d["name"]: d["due"] for d in shown["deadlines"] if d["state"] == "running"}


def accepted(lijing: Community, **facts: Any) -> str:
    """A petition that the street accepted."""
    id = filed(lijing, lijing.worker, **facts)["id"]
    act(lijing, lijing.worker, id, "register", authority="street-letters-office")
    act(lijing, lijing.as_("street_officer"), id, "accept")
    return str(id)


def anonymous(lijing: Community, **facts: Any) -> dict[str, Any]:
    """A petition that nobody signed, with its receipt code."""
    return dict(lijing.world.api.post(lijing.path("/petitions"), APPEAL | {"anonymous": True} | facts))


def by_receipt(lijing: Community, code: str, what: str = "", who: Client | None = None, **body: Any) -> requests.Response:
    """What the holder of a receipt code does; without `what`, they read."""
    path = lijing.path(f"/petitions/by-receipt{'/' if what else ''}{what}")
    return (who or lijing.world.api).call("POST", path, {"code": code, **body})


def upload(lijing: Community, who: Client, data: bytes) -> requests.Response:
    """Bring an attachment."""
    headers = {"Authorization": f"Bearer {who.token}"} if who.token else {}
    url = f"{who.base_url}/api/v1{lijing.path('/attachments')}"
    return requests.post(url, data=data, headers=headers | {"Content-Type": "application/octet-stream"}, timeout=30)


def in_the_chain(world: World) -> None:
    """Wait until no act waits for the writer any more."""
    database = world.mongo["petitions"]
    kinds = ("petitions", "disputes", "help_requests", "court_cases", "seals")
    waiting = {"trail_acts.at": {"$gt": EPOCH}}
    world.until(
        lambda: (
            not any(database[kind].find_one({"community": c, **waiting}) for kind in kinds for c in ("lijing", "shengtaiyuan"))
        ),
        90,
        "the writer",
    )
