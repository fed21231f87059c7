"""Said of private help requests. Restricted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class HelpRequested(Event):
    """Somebody asked for private help."""

    help_id: str
    number: str
    urgent: bool
    at: datetime


@dataclass(frozen=True)
class HelpRequestTaken(Event):
    """A help officer is in charge."""

    help_id: str
    number: str
    at: datetime


@dataclass(frozen=True)
class HelpRequestNoted(Event):
    """Something was written down, `internal`: by the help officers for themselves."""

    help_id: str
    number: str
    role: str
    internal: bool
    at: datetime


@dataclass(frozen=True)
class HelpRequestEnded(Event):
    """The matter is settled, for the reason of this code."""

    help_id: str
    number: str
    reason: str
    at: datetime
