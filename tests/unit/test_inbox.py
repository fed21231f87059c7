"""How the inbox hands what it took to handlers that take batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from types import SimpleNamespace
from typing import Any

from shared.entrypoints import inbox as messaging
from shared.entrypoints.inbox import MESSAGES_A_LIST, Inbox, On, _Delivery, _Outcome, by_id
from shared.events.bookings import ReservationConfirmed
from shared.storage.batches import COMPANY_CALLERS

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def _platform() -> Any:
    settings = SimpleNamespace(event_workers=16)
    return SimpleNamespace(service="listener", clock=SimpleNamespace(now=lambda: NOW), settings=settings)


def _delivery(tag: int, time: datetime = NOW) -> _Delivery:
    delivery = _Delivery(SimpleNamespace(delivery_info={"delivery_tag": tag}, headers={}, body=b"{}"))
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
