"""Appends saved acts to the chains, one replica at a time, and signs how long the chains are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.events.base import Aggregate
from shared.faults import fault
from shared.runtime.platform import Platform
from shared.security.audit import ENTRIES_A_CHECKPOINT, Audit, Finding
from shared.storage.kinds import Kind
from shared.storage.store import Store
from shared.storage.tenants import Watch
from shared.storage.trail import digest

LEASE = "write_the_trail"  # the timer that calls it, whose lease says who appends
RECORDS_AN_APPENDING = 200  # records whose acts are appended together


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Aggregate):
    """A community's chain had at least `n` entries, the last of which had this hash; signed by the service."""

    n: int
    hash: str
    signature: str


CHECKPOINTS = Kind(Checkpoint, "checkpoints")


def claims(service: str, community: str, n: int, hash: str) -> dict[str, Any]:
    """What a checkpoint's signature vouches for."""
    return {"iss": service, "community": community, "n": n, "hash": hash}


class ChainWriter:
    """Appends acts and signs checkpoints. Its caller holds the lease; if two write at once, the keys of entries keep the chain
    whole."""

    def __init__(self, platform: Platform, kinds: tuple[Kind, ...], events: Any) -> None:
        self._platform, self._said = platform, events
        self._stores: list[Store[Any]] = [platform.store(kind) for kind in kinds]
        self._checkpoints, self._watch = platform.store(CHECKPOINTS), Watch()

    def write(self, call: Any) -> int:
        """Append what waits, and sign where a chain has grown by enough; returns how many acts there were."""
        written = 0
        for store in self._stores:
            for community in self._watch.places(store.kind.collection, store.backend.written()):
                looked, until, some = datetime.now(UTC), time.monotonic() + 5, 0
                while appended := self._some(store, community):
                    some += appended
                    if time.monotonic() > until:
                        break
                if not some:
                    self._watch.quiet(store.kind.collection, community, looked)
                written += some
        audit = self._platform.audit
        for community in self._watch.places(audit.collection, audit.written()):
            looked = datetime.now(UTC)
            if not self._sign(call, community):
                self._watch.quiet(audit.collection, community, looked)
        return written

    def _some(self, store: Store[Any], community: str) -> int:
        documents = store.backend.acts(community, RECORDS_AN_APPENDING)  # type: ignore[attr-defined]
        acts = sorted((act for document in documents for act in document["trail_acts"]), key=lambda act: act["at"])
        if not acts:
            return 0
        self._platform.audit.extend(community, acts)
        fault(f"{self._platform.service}.appended")
        keys = {document["_id"]: [act["key"] for act in document["trail_acts"]] for document in documents}
        store.backend.remove_acts(community, keys)  # type: ignore[attr-defined]
        return len(acts)

    def _sign(self, call: Any, community: str) -> bool:
        """Whether the chain had grown by enough."""
        n, hash = self._platform.audit.length(community)
        inside = call.plain(community)
        last = self._checkpoints.page(inside, newest_first=True, limit=1).items
        if n < (last[0].n if last else 0) + ENTRIES_A_CHECKPOINT:
            return False
        signature = self._platform.signer.vouch(claims(self._platform.service, community, n, hash))
        made = Checkpoint(id=f"{community}:{n}", community=community, n=n, hash=hash, signature=signature)
        self._checkpoints.create_all([(inside, made, [self._said(made.id, n, hash, signature, call.at)])])
        return True


def check_against(audit: Audit, community: str, signed: list[dict[str, Any]]) -> list[Finding]:
    """What does not fit checkpoints whose signatures were verified: a chain that was cut off, or written anew."""
    findings = []
    for claims in sorted(signed, key=lambda claims: claims["n"]):
        hash = audit.hash_of(community, claims["n"])
        if not hash:
            findings.append(
                Finding(claims["n"], "truncated: a signed checkpoint says that there were at least so many entries")
            )
        elif hash != claims["hash"]:
            findings.append(Finding(claims["n"], "rewritten: a signed checkpoint knows another entry here"))
    return findings


def check_record(audit: Audit, collection: str, key: bytes, document: dict[str, Any], state: Aggregate) -> Finding | None:
    """Whether a record is as its last act left it, and that act is the chain's last; None where it is."""
    name, n = f"{collection}/{state.id}", document["trail"]
    entry = next((act for act in document.get("trail_acts", []) if act["key"] == f"{name}/{n}"), None)
    entry = entry or audit.last_act(state.community, name, n)
    if entry is None:
        return Finding(0, f"{name} says {n} acts, and the chain has no such one")
    if entry["digest"] != digest(key, state):
        return Finding(entry.get("n", 0), f"{name} was changed after its last act")
    later = audit.last_act(state.community, name, n + 1)
    return Finding(later["n"], f"{name} was set back to before this act") if later else None
