"""The trail of acts: each is numbered and saved inside its record's own write, and appended to the chain afterwards.

An act's digest is an HMAC, under a key of the record's own, over the state that the act left behind: a record that was
changed past the service does not fit its last act, and a key that was destroyed leaves the chain as whole as before.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import os
from typing import Any

import orjson

from shared.calls import Call
from shared.events.base import Aggregate, Event
from shared.storage.kinds import STORED_AS

LONE = "changed"  # an act that is nobody's news
META = frozenset({"id", "community", "born"})
ACTS_WAITING_MOST = 2000  # acts of one record that may wait for the writer
STATE = orjson.OPT_SORT_KEYS | orjson.OPT_OMIT_MICROSECONDS


def begin(collection: str, call: Call, aggregate: Aggregate, events: list[Event], vault: Any) -> dict[str, Any]:
    """The fields of a new record: its key, and its first act."""
    key = os.urandom(32)
    first = _act(collection, call, aggregate, events, 1, key)
    return {"trail": 1, "trail_key": vault.lock(key), "trail_acts": [first]}


class WaitingActs:
    """The acts of one record that wait for the writer, and those that a turn adds."""

    def __init__(self, collection: str, document: dict[str, Any], vault: Any) -> None:
        self._collection = collection
        self._n, self._acts = document.get("trail", 0), list(document.get("trail_acts", []))
        self._key = vault.unlock(document["trail_key"]) if document.get("trail_key") else b""

    @property
    def full(self) -> bool:
        """So many wait for the writer that another one would be too many."""
        return len(self._acts) >= ACTS_WAITING_MOST

    def add(self, call: Call, state: Aggregate, events: list[Event]) -> None:
        """One act, as it leaves the record."""
        self._n += 1
        self._acts.append(_act(self._collection, call, state, events, self._n, self._key))

    def changes(self, gone: bool) -> dict[str, Any]:
        """What the record's write sets. An act that the writer took meanwhile comes back, and is known by its key."""
        return {"trail": self._n, "trail_acts": self._acts} | ({"trail_key": None} if gone else {})


def _act(collection: str, call: Call, state: Aggregate, events: list[Event], n: int, key: bytes) -> dict[str, Any]:
    # Who works here is named; whoever the case is about is not: the chain outlives them.
    works_here = bool(call.roles - {"resident", "guardian"})
    return {
        "key": f"{collection}/{state.id}/{n}",
        "act": events[0].name if events else LONE,
        "actor": call.actor if works_here or not call.sub else "",
        "roles": sorted(call.roles),
        "subjects": [state.id],
        "purpose": "",
        "route": "",
        "correlation": call.correlation,
        "at": call.at,
        "digest": digest(key, state) if key else "",
    }


def digest(key: bytes, state: Aggregate) -> str:
    """What a record looked like: over every field that is not what it is by default, the encrypted ones included."""
    facts = {}
    for field in dataclasses.fields(state):
        value = getattr(state, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.name not in META and value != default:
            facts[STORED_AS.get(field.name, field.name)] = value
    return hmac.new(key, orjson.dumps(facts, option=STATE, default=_plain), hashlib.sha256).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(type(value).__name__)
