"""What a command or an event handler knows about the moment it runs in."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from uuid_utils import UUID, uuid5, uuid7

NAMESPACE = UUID("6f0c7c1e-8f0f-4b3a-9d57-1c1b1a2e7d10")


def derived_id(*parts: str) -> str:
    """The same text for the same parts, always: how a repeat finds its own work."""
    return str(uuid5(NAMESPACE, "\x1f".join(parts)))


def new_trace() -> str:
    """A W3C traceparent that starts a trace."""
    random = secrets.token_hex(24)
    return f"00-{random[:32]}-{random[32:]}-01"


@dataclass
class Call:
    """One command. Built by api.py from a request, by inbox.py from an event, by timers.py from the clock.

    `at` is UTC with millisecond precision, as the database keeps it.
    """

    community: str
    at: datetime
    actor: str = ""  # the caller's person id in this community, or the service itself
    roles: frozenset[str] = frozenset()
    sub: str = ""
    slugs: frozenset[str] = frozenset()  # every community that the caller's token opens
    installation: bool = False  # the caller is an operator of the installation
    session: str = ""  # of the caller's token
    limited: bool = False  # the caller's account was recovered by others a short while ago: nothing restricted is shown
    client: str = ""  # the address that the caller has, as the edge says
    agent: str = ""  # what the caller's program calls itself
    cookies: dict[str, str] = field(default_factory=dict)  # that a browser brought
    host: str = ""  # what the caller calls this installation
    correlation: str = ""
    trace: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    key: str = ""  # the Idempotency-Key, already bound to community, principal and route
    body_hash: str = ""
    secret: bytes = b""  # what a caller without a name alone knows: the kept reply is encrypted under it too
    if_match: int | None = None
    caused_by: str = ""  # the id of the event that this call answers
    render: Callable[[Any], bytes | None] | None = None  # the reply to keep for repeats; None: a repeat decides again
    status: int = 200
    own: bool = False  # the caller looks at what is their own: nobody opens anybody's data
    learned: dict[Any, Any] = field(default_factory=dict)  # what was read once, and holds for the whole command

    def new_id(self, purpose: str = "") -> str:
        """The id for something this call creates: derived where the call can be repeated, else a UUIDv7."""
        if self.caused_by:
            return derived_id(self.caused_by, purpose)
        if self.key:
            return derived_id(self.key, purpose)
        return str(uuid7())

    def showing(self, part: Callable[[Any], Any]) -> Call:
        """The same call, whose kept reply shows `part(aggregate)` instead of the aggregate; none is kept for None."""
        whole = self.render
        if whole is None:
            return self

        def render(aggregate: Any) -> bytes | None:
            shown = part(aggregate)
            return None if shown is None else whole(shown)

        return dataclasses.replace(self, render=render)

    def plain(self, community: str = "") -> Call:
        """The same call without key, caused_by and conditions: for the second write of a command."""
        return Call(
            community=community or self.community,
            at=self.at,
            actor=self.actor,
            roles=self.roles,
            sub=self.sub,
            slugs=self.slugs,
            installation=self.installation,
            limited=self.limited,
            correlation=self.correlation,
            trace=self.trace,
        )

    def is_one_of(self, *roles: str) -> bool:
        """Whether the caller holds one of the roles here."""
        return not self.roles.isdisjoint(roles)


class Replayed(Exception):
    """This command was carried out before; here is the reply it got then."""

    def __init__(self, status: int, body: bytes, version: int) -> None:
        super().__init__("replayed")
        self.status, self.body, self.version = status, body, version


def body_digest(raw: bytes) -> str:
    """What tells one body from another under the same key."""
    return hashlib.sha256(raw).hexdigest()


def to_milliseconds(at: datetime) -> datetime:
    """The time as the database can keep it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
