"""Papers with Chinese type in them, and attachments that are what they say, encrypted, and gone when nobody binds them."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta

import requests

from ops.client import Client
from tests.system.disputing import TERMS, Case
from tests.system.petitioning import APPEAL, OPINION, accepted, act, anonymous, by_receipt, filed, upload
from tests.system.world import Community, World

PNG = b"\x89PNG\r\n\x1a\n" + b"not shown" * 50


def get(who: Client, path: str) -> requests.Response:
    return who.call("GET", path)


def test_papers_are_pdf_with_their_type_embedded(lijing: Community) -> None:
    id = accepted(lijing)
    notice = get(lijing.worker, lijing.path(f"/petitions/{id}/papers/acceptance"))
    assert (notice.status_code, notice.headers["Content-Type"]) == (200, "application/pdf")
    assert get(lijing.worker, lijing.path(f"/petitions/{id}/papers/opinion")).json()["code"] == "not_decided"
    act(lijing, lijing.as_("street_officer"), id, "answer", **OPINION)
    opinion = get(lijing.worker, lijing.path(f"/petitions/{id}/papers/opinion"))
    case = Case(lijing).mediating()
    assert get(case.one, lijing.path(f"/disputes/{case.id}/papers/agreement")).json()["code"] == "no_agreement"
    case.act(case.mediator, "agreement", **TERMS)
    agreement = get(case.one, lijing.path(f"/disputes/{case.id}/papers/agreement"))
    for paper in (notice, opinion, agreement):
        assert paper.content.startswith(b"%PDF-")
        assert b"/FontFile2" in paper.content
        assert b"MicroHei" in paper.content
    assert chinese(notice.content) > 20


def chinese(pdf: bytes) -> int:
    """How many different Chinese characters the embedded type maps to text: those that a reader can copy out."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    plain = b""
    for stream in streams:
        try:
            plain += zlib.decompress(stream)
        except zlib.error:
            plain += stream
    found = {int(code, 16) for code in re.findall(rb"<([0-9A-Fa-f]{4})>", plain)}
    return len([code for code in found if 0x4E00 <= code <= 0x9FFF])


def test_an_attachment_is_what_it_is_and_is_given_to_who_sees_the_case(world: World, lijing: Community) -> None:
    kept = upload(lijing, lijing.resident, PNG)
    assert kept.status_code == 201, kept.text
    assert (kept.json()["type"], kept.json()["size"]) == ("image/png", len(PNG))
    file = kept.json()["id"]
    made = filed(lijing, lijing.resident, petitioners=[], attachments=[file])
    for who in (lijing.resident, lijing.worker):
        got = get(who, lijing.path(f"/petitions/{made['id']}/attachments/{file}"))
        assert (got.content, got.headers["Content-Type"]) == (PNG, "image/png")
        assert got.headers["Content-Disposition"].startswith("attachment")
    assert get(lijing.as_("guardian"), lijing.path(f"/petitions/{made['id']}/attachments/{file}")).status_code == 404
    document = world.mongo["petitions"]["attachments"].find_one({"_id": file, "community": "lijing"})
    assert document is not None
    assert b"not shown" not in document["data"]


def test_what_is_no_picture_or_paper_or_too_large_or_somebody_elses_is_refused(lijing: Community) -> None:
    wrong = upload(lijing, lijing.resident, b"MZ not a picture")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "attachment_type")
    large = upload(lijing, lijing.resident, PNG + b"0" * (10 * 1024 * 1024))
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    theirs = upload(lijing, lijing.worker, PNG).json()["id"]
    reply = lijing.resident.call("POST", lijing.path("/petitions"), APPEAL | {"attachments": [theirs]})
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "attachments.0")


def test_an_anonymous_petition_has_attachments_by_its_code(lijing: Community) -> None:
    file = upload(lijing, lijing.world.api, PNG).json()["id"]
    code = anonymous(lijing, attachments=[file])["receipt_code"]
    assert by_receipt(lijing, code, "attachment", attachment=file).content == PNG
    assert by_receipt(lijing, code, "attachment", attachment="other").status_code == 404


def test_an_attachment_that_nobody_binds_is_gone_after_a_day(world: World, lijing: Community) -> None:
    lost, bound = (upload(lijing, lijing.resident, PNG).json()["id"] for _ in range(2))
    made = filed(lijing, lijing.resident, petitioners=[], attachments=[bound])
    files = world.mongo["petitions"]["attachments"]
    with world.clock_at(datetime.now(UTC) + timedelta(hours=25)):
        world.until(lambda: files.find_one({"_id": lost, "community": "lijing"})["gone"], what="it to be gone")  # type: ignore[index]
        world.until(lambda: files.find_one({"_id": bound, "community": "lijing"})["due"] is None, what="the other to stay")  # type: ignore[index]
    assert files.find_one({"_id": lost, "community": "lijing"})["data"] == b""  # type: ignore[index]
    assert get(lijing.resident, lijing.path(f"/petitions/{made['id']}/attachments/{bound}")).content == PNG
