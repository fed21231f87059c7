"""Clubs: people who meet regularly, led by one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.events.base import Aggregate, Event
from shared.rules.errors import Conflict


@dataclass(frozen=True, kw_only=True)
class Club(Aggregate):
    """A club of the centre; its leader books its practice."""

    name: str
    leader: str
    members: list[str] = field(default_factory=list)
    largest: int = 500


def found_club(id: str, name: str, leader: str, at: datetime) -> tuple[Club, list[Event]]:
    """A new club; its leader is its first member."""
    return Club(name=name, leader=leader, members=[leader]), []


def join(club: Club, person: str) -> tuple[Club, list[Event]]:
    """One more member. Raises Conflict("club_full")."""
    if person in club.members:
        return club, []
    if len(club.members) >= club.largest:
        raise Conflict("club_full", "it takes no more members")
    return club.but(members=[*club.members, person]), []


def leave(club: Club, person: str) -> tuple[Club, list[Event]]:
    """One member fewer. The leader hands over first."""
    if person == club.leader:
        raise Conflict("leader_stays", "the leader hands over first")
    return club.but(members=[m for m in club.members if m != person]), []


def forget(club: Club, person: str) -> tuple[Club, list[Event]]:
    """The person was erased; a club may be without a leader until the staff names one."""
    leader = "" if club.leader == person else club.leader
    return club.but(members=[m for m in club.members if m != person], leader=leader), []


def lead(club: Club, person: str) -> tuple[Club, list[Event]]:
    """Another leader, who is a member."""
    members: list[Any] = club.members if person in club.members else [*club.members, person]
    return club.but(leader=person, members=members), []
