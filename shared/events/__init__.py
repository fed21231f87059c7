"""The catalogue: every event of the system, grouped by the service that says it."""

from shared.events import bookings, notifications, petitions, residents
from shared.events.base import Aggregate, Event

__all__ = ["Aggregate", "Event", "bookings", "notifications", "petitions", "residents"]
