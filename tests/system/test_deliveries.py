"""Mail when the mail server is away, and ids that follow a command everywhere."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from ops.demo import code_in
from tests.system.world import Community, World, at_once, invented_phone, tomorrow


def _resident(world: World, lijing: Community) -> tuple[dict[str, Any], str]:
    address = f"mail-{time.time_ns()}@lijing.example"
    return lijing.register(phone=invented_phone(), email=address), address


def _mail(lijing: Community, resident: dict[str, Any]) -> dict[str, Any]:
    found = lijing.worker.get(f"/lijing/deliveries?recipient={resident['id']}&channel=mail")["items"]
    assert len(found) <= 1
    return dict(found[0]) if found else {"state": "not told yet", "tries": 0}


def test_mail_waits_with_backoff_while_the_server_is_away_and_is_sent_once(world: World, lijing: Community) -> None:
    resident, address = _resident(world, lijing)
    room = lijing.room()
    since = time.time()
    world.stack.stop("mail")
    try:
        lijing.reserve(lijing.worker, room["id"], tomorrow(9), resident_id=resident["id"]).raise_for_status()
        waiting = world.until(lambda: (d := _mail(lijing, resident)).get("reason") and d, what="the first try to fail")
        assert (waiting["state"], waiting["reason"]) == ("PENDING", "smtp_unavailable")
        assert waiting["due"]
    finally:
        world.stack.start("mail")
    world.until(lambda: _mail(lijing, resident)["state"] == "SENT", 40, "the mail to be sent")
    assert _mail(lijing, resident)["tries"] >= 2
    mails = [f for f in world.here.path("mail", "").glob("*.eml") if float(f.name.split("-")[0]) > since]
    assert sum(f"To: {address}\n" in f.read_text() for f in mails) == 1


def test_mail_that_is_refused_for_good_fails_and_is_said(world: World, lijing: Community) -> None:
    resident, _ = _resident(world, lijing)
    refuse = world.here.path("mail", "refuse")
    refuse.write_text("554 no thanks")
    try:
        lijing.reserve(lijing.worker, lijing.room()["id"], tomorrow(9), resident_id=resident["id"]).raise_for_status()
        failed = world.until(lambda: (d := _mail(lijing, resident))["state"] == "FAILED" and d, what="the failure")
    finally:
        refuse.unlink()
    assert (failed["reason"], failed["tries"]) == ("smtp_554", 1)
    world.settle()
    (event,) = world.heard("delivery_failed", failed["id"])
    assert event["body"]["channel"] == "mail"


def test_a_sign_in_code_goes_before_all_other_mail(world: World, lijing: Community) -> None:
    busy, to_busy = _resident(world, lijing)
    to_waiting = f"waiting-{time.time_ns()}@lijing.example"
    lijing.register(email=to_waiting)
    asked = world.until(lambda: world.demo.mail_to(to_waiting, 0), what="the activation code")
    world.api.post("/activations", {"mail": to_waiting, "code": code_in(asked, 8)}, key="")
    room = lijing.room()
    world.settle()
    since, kept = datetime.now(UTC), world.mongo["notifications"]["deliveries"]

    def mails(**where):
        return kept.count_documents({"channel": "mail", "born": {"$gt": since}} | where)

    hold = world.here.path("mail", "hold")
    hold.touch()
    try:
        moments = [tomorrow(8 + n % 12, days=1 + n // 12) for n in range(30)]

        def book(n):
            return lijing.reserve(lijing.worker, room["id"], moments[n], resident_id=busy["id"])

        for reply in at_once(30, book):
            reply.raise_for_status()
        world.until(lambda: mails(recipient=busy["id"]) == 30, what="thirty mails to wait")
        world.api.post("/tokens/codes", {"mail": to_waiting}, key="")
        world.until(lambda: mails(template="sign_in_code"), what="the code to wait too")
    finally:
        hold.unlink()

    def sent() -> list[str]:
        """Whom mail was sent to since, in order."""
        files = sorted(world.here.path("mail", "").glob("*.eml"))
        texts = [file.read_text() for file in files if float(file.name.split("-")[0]) > since.timestamp()]
        return [to for text in texts for to in (to_busy, to_waiting) if f"To: {to}\n" in text]

    world.until(lambda: len(sent()) == 31, what="all mail")
    # What the eight senders held already goes out beside it; of all that waited, nothing goes before it.
    assert sent().index(to_waiting) < 2 * 8


def test_each_look_at_where_somebody_is_reached_is_in_the_chain(world: World, lijing: Community) -> None:
    resident, _ = _resident(world, lijing)
    lijing.reserve(lijing.worker, lijing.room()["id"], tomorrow(9), resident_id=resident["id"]).raise_for_status()
    world.until(lambda: _mail(lijing, resident)["state"] == "SENT", what="the mail")
    looked = {"community": "lijing", "act": "read_contact", "subjects": resident["id"]}
    (entry,) = world.mongo["residents"]["audit"].find(looked)
    assert (entry["actor"], entry["purpose"]) == ("notifications", "reservation_confirmed")


def test_an_address_that_no_mail_can_be_sent_to_is_refused(lijing: Community) -> None:
    asked = {"name": "王测试", "consent": True, "email": '"\x0b"@lijing.example'}
    reply = lijing.worker.call("POST", "/lijing/residents", asked)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "email")
    words = {"subject": "预约\n提醒", "text": "提醒:{d} {t} {p}。"}
    reply = lijing.secretary.call("PUT", "/lijing/templates/reminder/zh-CN", words)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "subject")


def test_who_has_no_address_is_skipped_with_the_reason(world: World, lijing: Community) -> None:
    resident = lijing.register()
    lijing.reserve(lijing.worker, lijing.room()["id"], tomorrow(9), resident_id=resident["id"]).raise_for_status()
    skipped = world.until(lambda: (d := _mail(lijing, resident))["state"] == "SKIPPED" and d, what="the outcome")
    assert skipped["reason"] == "no_address"


def test_a_correlation_id_follows_a_command_through_http_events_and_logs(world: World, lijing: Community) -> None:
    resident, _ = _resident(world, lijing)
    room, mine = lijing.room(), f"follow-me-{time.time_ns()}"
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    start = tomorrow(9)
    body = {"room_id": room["id"], "start": start.isoformat(), "end": tomorrow(10).isoformat(), "purpose": "x"}
    body["resident_id"] = resident["id"]
    reply = lijing.worker.call("POST", "/lijing/reservations", body, X_Correlation_Id=mine, traceparent=trace)
    assert reply.headers["X-Correlation-Id"] == mine
    world.settle()
    (event,) = world.heard("reservation_confirmed", reply.json()["id"])
    assert event["headers"]["cloudEvents:correlationid"] == mine
    assert event["headers"]["cloudEvents:traceparent"] == trace
    world.until(lambda: _mail(lijing, resident)["state"] == "SENT", what="the mail")

    def lines(service: str) -> list[str]:
        found = []
        for file in world.here.path("logs", "").glob(f"{service}*.log"):
            found += [json.loads(text) for text in file.read_text().splitlines() if mine in text]
        return [line["event"] for line in found]

    assert "request" in lines("bookings")
    world.until(lambda: {"handled", "delivery"} <= set(lines("notifications")), what="the log lines")


def test_every_log_line_of_a_service_is_json_and_metrics_are_outside_the_edge(world: World) -> None:
    import requests

    for service in ("residents", "bookings", "notifications"):
        text = requests.get(f"{world.replica(service)}/metrics", timeout=10).text
        assert "linli_http_requests_total" in text
        assert requests.get(f"{world.replica(service)}/livez", timeout=10).status_code == 200
        assert requests.get(f"{world.here.base_url}/metrics", timeout=10).status_code == 404
        for line in world.here.path("logs", f"{service}-0.log").read_text().splitlines():
            assert json.loads(line)["service"] == service


def test_what_was_said_while_notifications_was_away_is_read_in_the_order_in_which_it_was_said(
    world: World, lijing: Community
) -> None:
    # Given several commands for one person, whose messages will be made in one batch
    resident, _ = _resident(world, lijing)
    room = lijing.room()
    world.settle()
    world.stack.stop("notifications-0")
    try:
        for hour in (9, 10, 11, 13):
            made = lijing.reserve(lijing.worker, room["id"], tomorrow(hour), resident_id=resident["id"]).json()
            cancelled = lijing.worker.post(lijing.path(f"/reservations/{made['id']}/cancel"), {"reason": "rain"})
            assert cancelled["state"] == "cancelled"
    finally:
        world.stack.start("notifications-0")  # When it is back
    world.settle()
    # Then the newest is the first, and so on
    templates = [delivery["template"] for delivery in lijing.told(resident["id"])]
    assert templates == ["reservation_cancelled", "reservation_confirmed"] * 4
