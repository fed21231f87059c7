"""The centre as a building."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class PlanPublished(Event):
    """What the rooms are used for, as the residents' poll asked."""

    plan_id: str
    poll_id: str
    at: datetime


@dataclass(frozen=True)
class ServiceShareFell(Event):
    """Less than 97 % of the centre's area serves residents. `share` is a percentage."""

    centre_id: str
    share: float
    at: datetime
