"""Households: who lives together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from shared.events.base import Aggregate, Event


@dataclass(frozen=True, kw_only=True)
class Household(Aggregate):
    """People who live together."""

    PERSONAL: ClassVar = ("address",)

    address: str = ""
    members: list[str] = field(default_factory=list)


def found_household(id: str, address: str, members: list[str]) -> tuple[Household, list[Event]]:
    """A new household."""
    return Household(address=address, members=sorted(set(members))), []


def set_members(household: Household, members: list[str]) -> tuple[Household, list[Event]]:
    """Who lives there now."""
    return household.but(members=sorted(set(members))), []


def without_member(household: Household, resident_id: str) -> tuple[Household, list[Event]]:
    """The household after somebody left; an empty one is forgotten."""
    left = [m for m in household.members if m != resident_id]
    return household.but(members=left, tombstone=not left), []
