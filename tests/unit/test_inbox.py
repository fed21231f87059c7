"""How the inbox hands what it took to handlers that take batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from types import SimpleNamespace
from typing import Any

import pytest

from shared.entrypoints import inbox as messaging
from shared.entrypoints.inbox import MESSAGES_A_LIST, Inbox, Newer, On, _Delivery, _Outcome, by_id, next_place
from shared.events.bookings import ReservationConfirmed
from shared.rules.errors import Permanent
from shared.storage.batches import COMPANY_CALLERS

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def _platform() -> Any:
    settings = SimpleNamespace(event_workers=16)
    return SimpleNamespace(service="listener", clock=SimpleNamespace(now=lambda: NOW), settings=settings)


def _delivery(tag: int, time: datetime = NOW) -> _Delivery:
    delivery = _Delivery(
        SimpleNamespace(delivery_info={"delivery_tag": tag, "exchange": "a.out", "routing_key": "b"}, headers={}, body=b"{}")
    )
    delivery.name = ReservationConfirmed.name
    delivery.heard = SimpleNamespace(time=time, id=str(tag), correlation="")  # type: ignore[assignment]
    return delivery


def test_lists_of_a_batch_go_side_by_side_and_one_message_spoils_its_own_list_alone(monkeypatch: Any) -> None:
    inbox, handler = Inbox(), On(ReservationConfirmed, once=by_id("told"), batch=True)
    inbox.platform = _platform()
    inbox._handlers[ReservationConfirmed.name] = [handler]
    batch = [_delivery(tag) for tag in range(2 * MESSAGES_A_LIST + 10)]
    spoilt, calls = batch[MESSAGES_A_LIST + 5], list[int]()

    def spawn(handler: On, deliveries: list[_Delivery]) -> _Outcome:
        calls.append(len(deliveries))
        outcome = _Outcome()
        outcome.settle(RuntimeError("spoilt") if spoilt in deliveries else None)
        return outcome

    monkeypatch.setattr(inbox, "_spawn", spawn)
    inbox._handle(batch)
    assert calls == [MESSAGES_A_LIST, MESSAGES_A_LIST, 10] + [1] * MESSAGES_A_LIST
    assert [delivery for delivery in batch if delivery.error] == [spoilt]


def test_a_handler_of_batches_hears_in_the_order_of_time_what_replicas_published_beside_each_other(monkeypatch: Any) -> None:
    inbox, handler, handed = Inbox(), On(ReservationConfirmed, once=by_id("told"), batch=True), list[int]()
    inbox.platform = _platform()
    inbox._handlers[ReservationConfirmed.name] = [handler]

    def spawn(handler: On, deliveries: list[_Delivery]) -> _Outcome:
        handed.extend(delivery.tag for delivery in deliveries)
        outcome = _Outcome()
        outcome.settle(None)
        return outcome

    monkeypatch.setattr(inbox, "_spawn", spawn)
    later = _delivery(1, NOW + timedelta(milliseconds=7))
    inbox._handle([later, _delivery(2), _delivery(3)])
    assert handed == [2, 3, 1]


def test_under_load_a_batch_waits_a_moment_for_the_rest_of_a_wave(monkeypatch: Any) -> None:
    inbox, sizes, acked = Inbox(), list[int](), list[int]()
    inbox.platform = SimpleNamespace(service="listener")  # type: ignore[assignment]
    inbox._channel = channel = SimpleNamespace(basic_ack=lambda tag, multiple: acked.append(tag))
    inbox._received = [_delivery(tag) for tag in range(COMPANY_CALLERS)]  # and the last time there were none
    inbox._more.set()

    def handle(batch: list[_Delivery]) -> None:
        sizes.append(len(batch))
        if len(sizes) < 4:
            inbox._received += [_delivery(10 * len(sizes))] * (
                COMPANY_CALLERS if len(sizes) == 2 else 1
            )  # the first of the next wave
        else:
            inbox._channel = None

    monkeypatch.setattr(inbox, "_handle", handle)
    waves = [[_delivery(11), _delivery(12)], [], *([_delivery(n)] for n in (21, 22, 23))]
    monkeypatch.setattr(messaging, "time", SimpleNamespace(sleep=lambda seconds: inbox._received.extend(waves.pop(0))))
    over, failed = Signal(), list[Exception]()
    inbox._handle_what_comes(channel, None, over, failed)
    assert (sizes, acked, failed, over.is_set()) == (
        [COMPANY_CALLERS, 3, COMPANY_CALLERS, 4],
        [COMPANY_CALLERS - 1, 12, 20, 23],
        [],
        True,
    )


def test_an_event_of_a_newer_neighbour_waits_for_six_hours_and_what_is_wrong_not_at_all() -> None:
    newer = [next_place(Newer("unknown_event", ""), attempt) for attempt in range(1, 75)]
    assert newer[:72] == ["5m"] * 72
    assert newer[72:] == ["parked", "parked"]
    assert next_place(Permanent("schema", ""), 1) == "parked"
    assert [next_place(RuntimeError(), attempt) for attempt in range(1, 6)] == ["5s", "5s", "30s", "5m", "parked"]


def _came(origin: str, kind: str, **headers: str) -> _Delivery:
    exchange, _, key = origin.partition("/")
    told = {"cloudEvents:type": kind, "cloudEvents:specversion": "1.0"} | headers
    message = SimpleNamespace(
        delivery_info={"delivery_tag": 1, "exchange": exchange, "routing_key": key}, headers=told, body=b"{}", properties={}
    )
    return _Delivery(message)


CONFIRMED, ERASED = "linli.bookings.reservation_confirmed", "linli.residents.resident_erased"
HOW, RETRIED = "bookings.out/reservation_confirmed", "notifications.retry/inbox"


@pytest.mark.parametrize(
    ("origin", "kind", "header", "code"),
    [
        (HOW, CONFIRMED, "", "content_type"),  # believed so far
        (HOW, ERASED, "", "foreign_event"),
        ("bookings.out/other", CONFIRMED, "", "foreign_event"),
        ("bookings.events/reservation_confirmed", CONFIRMED, "", "foreign_event"),
        (
            HOW,
            ERASED,
            "residents.out/resident_erased",
            "foreign_event",
        ),
        (RETRIED, CONFIRMED, "", "foreign_event"),
        (
            RETRIED,
            CONFIRMED,
            HOW,
            "content_type",
        ),
        (
            "petitions.retry/inbox",
            CONFIRMED,
            HOW,
            "foreign_event",
        ),
        ("bookings.out/room_dreamed", "linli.bookings.room_dreamed", "", "unknown_event"),
    ],
)
def test_only_who_may_say_it_is_believed(origin: str, kind: str, header: str, code: str) -> None:
    inbox: Any = Inbox.__new__(Inbox)
    inbox.platform = SimpleNamespace(service="notifications")
    inbox._types = {"reservation_confirmed": ReservationConfirmed, "resident_erased": ReservationConfirmed}
    with pytest.raises(Permanent) as refused:
        inbox._read(_came(origin, kind, **({"linli-origin": header} if header else {})))
    assert refused.value.code == code
    assert isinstance(refused.value, Newer) == (code == "unknown_event")
