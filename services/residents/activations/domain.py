"""How a record becomes a membership: by a code that was sent to the person's contact, or by a slip from the counter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from shared.events.base import Aggregate, Event
from shared.events.residents import ActivationRequested
from shared.rules.errors import Unauthenticated

WAITING, USED, VOID = "waiting", "used", "void"
RESIDENT, WORKER = "resident", "worker"  # of what record

ACTIVATION_LIVES = timedelta(days=14)
SLIP_LIVES = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Activation(Aggregate):
    """A code that lets one person of a community in. `credential` is the blind token of the contact that it was sent to;
    `code` is `{id, hash, sealed}`, of which `sealed` goes once it has been sent."""

    LIFECYCLE: ClassVar = {WAITING: {USED, VOID}, USED: set(), VOID: set()}
    PERSONAL: ClassVar = ("address",)

    state: str = WAITING
    slug: str = ""
    person: str = ""
    record: str = RESIDENT
    kind: str = ""
    credential: str = ""
    address: str = ""
    language: str = "zh-CN"
    code: dict[str, Any] | None = None
    expires_at: datetime | None = None
    due: datetime | None = None  # when it is forgotten

    @property
    def restricted(self) -> bool:
        """Who signs in where concerns the services alone: no stream, no outsider."""
        return True


def send(id: str, facts: dict[str, Any], code: dict[str, Any], at: datetime) -> tuple[Activation, list[Event]]:
    """A code waits to be sent, and entered."""
    expires = at + ACTIVATION_LIVES
    made = Activation(**facts, code=code, expires_at=expires, due=expires + timedelta(days=1))
    return made, [ActivationRequested(id, code["id"], expires, at, made.kind)]


def was_sent(activation: Activation) -> tuple[Activation, list[Event]]:
    """The code has left: only its hash stays."""
    if activation.code is None or activation.code["sealed"] is None:
        return activation, []
    return activation.but(code={**activation.code, "sealed": None}), []


def use(activation: Activation, hashed: str, at: datetime) -> tuple[Activation, list[Event]]:
    """Whoever entered it has the contact. Raises Unauthenticated."""
    if not fits(activation, hashed, at):
        raise Unauthenticated("code_wrong", "the code is wrong, or over")
    return _over(activation, USED)


def fits(activation: Activation, hashed: str, at: datetime) -> bool:
    """Whether this is its code, and still holds."""
    living = activation.state == WAITING and activation.expires_at is not None and activation.expires_at > at
    return living and activation.code is not None and activation.code["hash"] == hashed


def cancel(activation: Activation) -> tuple[Activation, list[Event]]:
    """Another code takes its place, or the person was erased."""
    return _over(activation, VOID) if activation.state == WAITING else (activation, [])


def forget(activation: Activation) -> tuple[Activation, list[Event]]:
    """The person was erased: nothing says any more whom it was for."""
    over, _ = cancel(activation)
    return over.but(person="", slug="", address="", credential="", code=None), []


def _over(activation: Activation, state: str) -> tuple[Activation, list[Event]]:
    return activation.become(state, address="", credential="", code=None), []


@dataclass(frozen=True, kw_only=True)
class Slip(Aggregate):
    """The one code on paper that lets a person in whom a worker has seen; `code` is its keyed hash, the slip's own id while
    there is none."""

    LIFECYCLE: ClassVar = {USED: {WAITING}, WAITING: {USED, WAITING}}

    state: str = USED
    code: str = ""
    slug: str = ""
    person: str = ""
    expires_at: datetime | None = None
    due: datetime | None = None


def print_slip(slip: Slip, code: str, at: datetime) -> tuple[Slip, list[Event]]:
    """It works once, for a day; the one before it no more."""
    expires = at + SLIP_LIVES
    return slip.become(WAITING, code=code, expires_at=expires, due=expires + timedelta(days=1)), []


def check_slip(slip: Slip, at: datetime) -> None:
    """Raises Unauthenticated for one that is over."""
    if slip.state != WAITING or slip.expires_at is None or slip.expires_at <= at:
        raise Unauthenticated("credentials_wrong", "this slip is over, or there is none")


def hand_in(slip: Slip, code: str, at: datetime) -> tuple[Slip, list[Event]]:
    """Somebody has it. Raises Unauthenticated for one that is over."""
    check_slip(slip, at)
    if slip.code != code:
        raise Unauthenticated("credentials_wrong", "this slip is over, or there is none")
    return slip.become(USED, code=slip.id), []


def forget_slip(slip: Slip) -> tuple[Slip, list[Event]]:
    """The person was erased."""
    return slip.but(state=USED, code=slip.id, person="", slug=""), []
