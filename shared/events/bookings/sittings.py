"""Answers to who asks for a sitting: a hearing, a mediation. What it is about is the asker's business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class SittingBooked(Event):
    """Room and people are held for the request."""

    sitting_id: str
    request_id: str
    reference: str
    room_id: str
    resources: list[str]
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class SittingRefused(Event):
    """It cannot be then. `reason` is a code; `alternatives` are free ISO 8601 intervals in the same room, with the same
    people."""

    sitting_id: str
    request_id: str
    reference: str
    reason: str
    alternatives: list[str]
    at: datetime


@dataclass(frozen=True)
class SittingWithdrawn(Event):
    """The centre had to take it back."""

    sitting_id: str
    request_id: str
    reference: str
    alternatives: list[str]
    at: datetime
