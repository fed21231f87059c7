"""The catalogue: every event of the system, grouped by the service that says it."""

from shared.events import bookings, notifications, residents
from shared.events.base import Aggregate, Event

__all__ = ["Aggregate", "Event", "bookings", "notifications", "residents"]
