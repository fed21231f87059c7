"""Messages and how they reach people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from services.notifications.preferences.domain import INBOX, MAIL, Preferences
from shared.events.base import Aggregate, Event
from shared.events.notifications import DeliveryFailed
from shared.rules.errors import Conflict, Forbidden

PENDING, SENDING, SENT, FAILED, SKIPPED = "PENDING", "SENDING", "SENT", "FAILED", "SKIPPED"
TEXT = "text"
CHANNELS = (INBOX, MAIL)  # of what people are told; text messages carry what concerns an account alone
CODES = frozenset({"sign_in_code", "activation_code", "channel_code"})
# Of these the recipient is an account, or who has none yet: not a person of a community.
OF_ACCOUNTS = CODES | {
    "account_invited", "account_password_changed", "account_channel_added", "account_channel_removed",
    "account_identity_linked", "account_recovery",
}  # fmt: skip

Decided = tuple["Delivery", list[Event]]

SENDING_LIVES = timedelta(seconds=60)  # a sender that says nothing for so long has died
BACKOFF = tuple(timedelta(seconds=s) for s in (5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800))


@dataclass(frozen=True, kw_only=True)
class Delivery(Aggregate):
    """One event told to one recipient on one channel; its id derives from these three. It keeps the template and its
    parameters, never the rendered text. A `private` one is of a case that nobody outside may know of: it is its recipient's
    alone, and holds nothing by which it and another delivery of the same event could be told to belong together."""

    LIFECYCLE: ClassVar = {
        PENDING: {SENDING, SKIPPED},
        SENDING: {SENT, FAILED, PENDING, SENDING, SKIPPED},
        SENT: set(),
        FAILED: set(),
        SKIPPED: set(),
    }

    recipient: str
    channel: str
    template: str
    state: str
    params: dict[str, Any] = field(default_factory=dict)
    event_id: str = ""
    correlation: str = ""  # of the command that led to it
    reason: str = ""
    tries: int = 0
    due: datetime | None = None
    sent_at: datetime | None = None
    read_at: datetime | None = None
    private: bool = False


@dataclass(frozen=True)
class Message:
    """What one person is told of one event."""

    recipient: str
    template: str
    params: dict[str, Any]
    event_id: str
    correlation: str
    private: bool = False


def deliveries(
    id_on: Callable[[str], str], message: Message, preferences: Preferences, mails: bool, at: datetime, born: datetime
) -> list[Delivery]:
    """One message as one delivery a channel. `id_on(channel)` is its id; `mails`: mail is configured; `born` is its time in
    the order of its recipient's inbox."""
    made = []
    for channel in CHANNELS:
        if channel != INBOX and not mails:
            continue  # a channel that the installation does not have
        common: dict[str, Any] = {"id": id_on(channel), "born": born, "channel": channel, **vars(message)}
        if channel == INBOX:
            made.append(Delivery(**common, state=SENT, sent_at=at))
        elif not preferences.channels.get(channel, True):
            made.append(Delivery(**common, state=SKIPPED, reason="not_wanted"))
        else:
            made.append(Delivery(**common, state=PENDING, due=at))
    return made


def claim(delivery: Delivery, at: datetime) -> tuple[Delivery, list[Event]]:
    """Take a due delivery for sending. Raises Conflict("not_due") for one that is being sent, or is over."""
    if delivery.state not in (PENDING, SENDING) or delivery.due is None or delivery.due > at:
        raise Conflict("not_due", "it is being sent, or is over")
    return delivery.become(SENDING, tries=delivery.tries + 1, due=at + SENDING_LIVES), []


def renew(delivery: Delivery, tries: int, at: datetime) -> tuple[Delivery, list[Event]]:
    """More time for the try that it is at. Raises Conflict("not_yours") where somebody else has claimed it since."""
    if delivery.state != SENDING or delivery.tries != tries:
        raise Conflict("not_yours", "somebody else has claimed it since")
    return delivery.but(due=at + SENDING_LIVES), []


def settle(delivery: Delivery, tries: int, outcome: Callable[..., Decided], *args: Any) -> Decided:
    """What became of a try: that it was sent holds, whoever has claimed it since; a failure of an older try says nothing."""
    if delivery.state != SENDING or (delivery.tries != tries and outcome is not sent):
        return delivery, []
    return outcome(delivery, *args)


def sent(delivery: Delivery, at: datetime) -> tuple[Delivery, list[Event]]:
    """The channel has taken it."""
    return _over(delivery, SENT, "", sent_at=at), []


def skip(delivery: Delivery, reason: str) -> tuple[Delivery, list[Event]]:
    """There is no way to this person on this channel."""
    return _over(delivery, SKIPPED, reason), []


def failed(delivery: Delivery, reason: str, at: datetime, final: bool = False) -> tuple[Delivery, list[Event]]:
    """Try again later, or give up: at once where it can never succeed, else after ten tries (about a day)."""
    if final or delivery.tries > len(BACKOFF):
        event = DeliveryFailed(delivery.id, delivery.channel, "" if delivery.private else delivery.template, reason, at)
        return _over(delivery, FAILED, reason), [event]
    return delivery.become(PENDING, reason=reason, due=at + BACKOFF[delivery.tries - 1]), []


def _over(delivery: Delivery, state: str, reason: str, **facts: Any) -> Delivery:
    # An account belongs to no community, whose erasures reach its own people: nothing is kept of whom this went to.
    nobody = {"recipient": "", "params": {}} if delivery.template in OF_ACCOUNTS else {}
    return delivery.become(state, reason=reason, due=None, **facts, **nobody)


def read(delivery: Delivery, reader: str, at: datetime) -> tuple[Delivery, list[Event]]:
    """Its recipient has read it. Raises Forbidden for anybody else."""
    if reader != delivery.recipient:
        raise Forbidden("not_yours", "this is somebody else's message")
    return (delivery, []) if delivery.read_at else (delivery.but(read_at=at), [])


def forget(delivery: Delivery) -> tuple[Delivery, list[Event]]:
    """The person was erased."""
    return delivery.but(tombstone=True, params={}, recipient="erased", due=None), []
