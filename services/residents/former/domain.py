"""Accounts as they were before decision 21."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from shared.events.base import Aggregate, Event


@dataclass(frozen=True, kw_only=True)
class FormerAccount(Aggregate):
    """What there is to be forgotten of one; its id is a keyed hash of a phone."""

    PERSONAL: ClassVar = ("phone", "email")

    phone: str = ""
    email: str = ""
    password: str = ""
    memberships: dict[str, Any] = field(default_factory=dict)
    code: dict[str, Any] | None = None
    sessions: list[Any] = field(default_factory=list)
    due: datetime | None = None


def let_go(account: FormerAccount, at: datetime) -> tuple[FormerAccount, list[Event]]:
    """Nothing of it is kept, and it goes with the next look."""
    return account.but(phone="", email="", password="", memberships={}, code=None, sessions=[], tombstone=True, due=at), []
