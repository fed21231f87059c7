"""Communities of the installation, and where each stands in the organisation tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.events.base import Aggregate, Event
from shared.events.residents import CommunityCalendarChanged, CommunityOpened
from shared.rules.errors import Invalid


@dataclass(frozen=True, kw_only=True)
class Community(Aggregate):
    """A community on the platform. Its id is its slug; `street` and `district` place it in the organisation tree."""

    name: str
    timezone: str
    district: str
    street: str
    street_id: str
    opener: str = ""
    working: list[str] = field(default_factory=list)  # ISO dates on which people work though the calendar says off, and
    off: list[str] = field(default_factory=list)  # those on which they are off though it says work


def open_community(
    id: str, name: str, timezone: str, district: str, street: str, street_id: str, opener: str, at: datetime
) -> tuple[Community, list[Event]]:
    """A new community; its opener runs it first."""
    made = Community(name=name, timezone=timezone, district=district, street=street, street_id=street_id, opener=opener)
    return made, [CommunityOpened(id, timezone, street_id, at)]


def set_calendar(community: Community, working: list[str], off: list[str], at: datetime) -> tuple[Community, list[Event]]:
    """Days on which this community differs from the published calendar. Raises Invalid for a day that is both."""
    if both := set(working) & set(off):
        raise Invalid("day_twice", f"{min(both)} cannot be both", "off")
    after = community.but(working=sorted(set(working)), off=sorted(set(off)))
    if after == community:
        return community, []
    return after, [CommunityCalendarChanged(community.id, after.working, after.off, at)]


def tree(communities: list[Community]) -> list[dict[str, Any]]:
    """The communities as districts → streets → communities, each level by name."""
    districts: dict[str, dict[str, list[Community]]] = {}
    for community in communities:
        districts.setdefault(community.district, {}).setdefault(community.street, []).append(community)
    return [
        {
            "district": district,
            "streets": [{"street": s, "communities": sorted(c, key=lambda c: c.id)} for s, c in sorted(streets.items())],
        }
        for district, streets in sorted(districts.items())
    ]
