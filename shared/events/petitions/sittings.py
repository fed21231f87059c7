"""Said of sittings: what petitions asks of the centre. They name no case, only an opaque reference."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class SittingRequested(Event):
    """A room, and judges or mediators (`resources`), are asked for. `reference` is opaque to the centre."""

    request_id: str
    reference: str
    room_id: str
    resources: list[str]
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class SittingDropped(Event):
    """The sitting is not needed any more."""

    request_id: str
    at: datetime
