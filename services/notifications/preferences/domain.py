"""What is known of those who are told: language, channels, roles, guardians."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.events.base import Aggregate, Event

INBOX, MAIL = "inbox", "mail"
ROLE = "role:"  # begins a recipient that is not a person: whoever holds the first of these roles that somebody holds


@dataclass(frozen=True, kw_only=True)
class Preferences(Aggregate):
    """What notifications knows of a person: the language, and the channels they want. The inbox cannot be switched off."""

    language: str = "zh-CN"
    channels: dict[str, bool] = field(default_factory=lambda: {INBOX: True, MAIL: True})
    roles: list[str] = field(default_factory=list)  # a worker's: some messages go to whoever holds a role
    until: datetime | None = None  # the end of a worker's term
    guardians: list[str] = field(default_factory=list)  # a child's: they are told instead


def project(preferences: Preferences, facts: dict[str, Any]) -> tuple[Preferences, list[Event]]:
    """The person reads this language, and works in these roles until then."""
    after = preferences.but(**facts)
    return (preferences, []) if after == preferences else (after, [])


def link(preferences: Preferences, guardian: str, linked: bool) -> tuple[Preferences, list[Event]]:
    """Somebody acts for the child, or no longer does."""
    rest = [id for id in preferences.guardians if id != guardian]
    return preferences.but(guardians=[*rest, guardian] if linked else rest), []


def choose(preferences: Preferences, channels: dict[str, bool], language: str | None) -> tuple[Preferences, list[Event]]:
    """The person's own choice."""
    chosen = {**preferences.channels, **channels, INBOX: True}
    return preferences.but(channels=chosen, language=language or preferences.language), []


def forget_person(preferences: Preferences) -> tuple[Preferences, list[Event]]:
    """The person was erased."""
    return preferences.but(tombstone=True, roles=[], guardians=[]), []
