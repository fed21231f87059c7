"""The hash-chained log: who did what to which record, who was refused, and who opened whose personal data, for what.

One chain a service and community. Entry n has the id `<community>:<n>` and holds the hash of entry n-1, so a fork is a
duplicate key, and a changed, missing or moved entry breaks the chain where it happened. Acts on records are saved with
the records and appended afterwards, once each: an entry's `key` is unique. What was cut off at the end can only be told
from a signed checkpoint: the newest one says how long the chain was at least.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pymongo import ASCENDING, IndexModel, MongoClient
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.calls import Call
from shared.rules.errors import Unavailable
from shared.storage.batches import Batcher
from shared.storage.indexes import Wanted, build
from shared.storage.tenants import Tenants, Written

DUPLICATE = 11000
FIELDS = ("n", "act", "actor", "roles", "subjects", "purpose", "route", "correlation", "at")
ENTRIES_A_CHECKPOINT = 100  # entries between two checkpoints
ACTS_A_QUERY = 50  # acts asked for at once: SecantusDB compares each that it finds with each that was asked for


@dataclass(frozen=True)
class Entry:
    """One act. `subjects` are ids; `purpose` is a code; nothing in it is personal data."""

    community: str
    act: str
    actor: str
    roles: list[str]
    subjects: list[str]
    purpose: str
    route: str
    correlation: str
    at: datetime
    key: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was written: where (the number of the entry), and what."""

    n: int
    what: str


class Audit:
    """Appends to the chains of one service, and verifies them."""

    collection = "audit"

    def __init__(self, service: str, client: MongoClient[Any], database: str, tenants: Tenants) -> None:
        self._service, self._tenants = service, tenants
        options: Any = client[database].with_options(write_concern=WriteConcern(w="majority", j=True))
        self._entries = options[self.collection]
        self._settled = self._entries.with_options(read_concern=ReadConcern("majority"))
        # The newest entry of each chain that this process wrote or saw.
        self._tails: dict[str, tuple[int, str]] = {}
        self._appends: Batcher[Entry, None] = Batcher(self._append)

    def prepare(self) -> None:
        """Index the chains."""
        build(self)

    def indexes(self) -> Wanted:
        """See Indexed: by a chain's order, and by its acts."""
        for field in ("n", "key"):
            yield self._entries, IndexModel([("community", ASCENDING), (field, ASCENDING)], unique=True)

    def outdated(self) -> list[Any]:
        """See Indexed."""
        return []

    def written(self) -> Written:
        """Every community, and when it was noted last that its chain was about to grow."""
        return self._tenants.written(self.collection)

    def record(self, call: Call, act: str, subjects: Sequence[str] = (), purpose: str = "", route: str = "") -> None:
        """Append one act; when this returns it is in the chain. Raises Unavailable: then the act must not happen."""
        self._appends.submit(_entry(call, act, subjects, purpose, route))

    def record_each(self, call: Call, act: str, subjects: Sequence[str], purpose: str) -> None:
        """`record` for each subject, in one append: an entry that named several would say that they belong together."""
        for outcome in self._append([_entry(call, act, [one], purpose) for one in subjects]):
            if outcome is not None:
                raise outcome

    def extend(self, community: str, acts: Sequence[dict[str, Any]]) -> None:
        """Append acts that were saved with their records, those that are not in the chain yet."""
        for start in range(0, len(acts), ACTS_A_QUERY):
            some = [Entry(community, **act) for act in acts[start : start + ACTS_A_QUERY]]
            self._extend(community, self._missing(community, some))

    def _missing(self, community: str, acts: list[Entry]) -> list[Entry]:
        keys = {"$in": [act.key for act in acts]}
        known = {entry["key"] for entry in self._entries.find({"community": community, "key": keys}, {"key": 1})}
        return [act for act in acts if act.key not in known]

    def _append(self, entries: Sequence[Entry]) -> list[BaseException | None]:
        outcomes: list[BaseException | None] = [None] * len(entries)
        for community in {entry.community for entry in entries}:
            try:
                self._extend(community, [entry for entry in entries if entry.community == community])
            except PyMongoError as error:
                refused = Unavailable("audit_unavailable", f"the audit log cannot be written ({type(error).__name__})")
                outcomes = [refused if e.community == community else o for e, o in zip(entries, outcomes, strict=True)]
        return outcomes

    def _extend(self, community: str, entries: list[Entry]) -> None:
        # Not a new one: whoever is refused may name any.
        self._tenants.note(self.collection, [community], new=False)
        for _ in range(50):
            if not entries:
                return
            n, previous = self._tails.get(community) or self._tail(community)
            documents = []
            for entry in entries:
                n += 1
                document: dict[str, Any] = {"_id": f"{community}:{n}", "community": community, "n": n, "prev": previous}
                document |= {name: getattr(entry, name) for name in FIELDS if name != "n"}
                document |= {"key": entry.key or document["_id"], "digest": entry.digest}
                previous = document["hash"] = digest(document)
                documents.append(document)
            try:
                self._entries.insert_many(documents, ordered=True)
            except PyMongoError as error:
                if not isinstance(error, BulkWriteError) or error.details["writeErrors"][0]["code"] != DUPLICATE:
                    self._tails.pop(community, None)  # a server that failed may have lost what it had not settled
                    raise
                # Another replica was first: go on from its entry, with those of ours that are not in yet.
                done = error.details["writeErrors"][0]["index"]
                # An act that is in the chain already: another writes the same acts. Any other clash is about the place.
                repeated = bool(entries[done].key) and "key" in error.details["writeErrors"][0].get("keyPattern", {})
                entries = self._missing(community, entries[done:]) if repeated else entries[done:]
                self._tail(community)
                continue
            self._tails[community] = (n, previous)
            return
        raise PyMongoError("the chain is contended")

    def _tail(self, community: str) -> tuple[int, str]:
        """The end of the chain, looked for behind what is known of it: a server that reads all that matches reads no more."""
        n, _ = self._tails.get(community, (0, ""))
        last = self._last(community, n) or (self._last(community, 0) if n else None)
        self._tails[community] = found = (last["n"], last["hash"]) if last else (0, "")
        return found

    def _last(self, community: str, n: int) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._settled.find_one({"community": community, "n": {"$gte": n}}, sort=[("n", -1)])
        return found

    def entries(self, community: str, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest entries of one chain, newest first."""
        return list(self._entries.find({"community": community}).sort("n", -1).limit(limit))

    def broken(self, community: str) -> int | None:
        """The number of the first entry that does not fit its chain, or None."""
        findings = self.verify(community)
        return findings[0].n if findings else None

    def verify(self, community: str) -> list[Finding]:
        """Everything that does not fit: an entry that was changed, removed, or moved. It goes on behind each, so that
        later ones are found too."""
        findings: list[Finding] = []
        previous, expected = "", 1
        for document in self._entries.find({"community": community}).sort("n", 1):
            n = document["n"]
            if n != expected:
                findings.append(Finding(expected, f"removed: entries {expected} to {n - 1} are missing"))
            elif document["_id"] != f"{community}:{n}":
                findings.append(Finding(n, "moved: the entry stands under another number"))
            elif document["prev"] != previous:
                findings.append(Finding(n, "moved: it does not follow the entry before it"))
            lone = not document.get("digest") and document["key"] != document["_id"]
            if lone or digest(document) != document["hash"]:
                findings.append(Finding(n, "changed: its content is not what was written"))
            previous, expected = document["hash"], n + 1
        return findings

    def length(self, community: str) -> tuple[int, str]:
        """How many entries, and the last one's hash."""
        return self._tail(community)

    def hash_of(self, community: str, n: int) -> str:
        """The hash of one entry, or "" where it is not there."""
        found = self._entries.find_one({"_id": f"{community}:{n}", "community": community})
        return str(found["hash"]) if found else ""

    def acts(self, community: str, prefix: str) -> list[dict[str, Any]]:
        """The entries of all acts of a record (`collection/id`), in the order of the chain."""
        keys = {"$gte": f"{prefix}/", "$lt": f"{prefix}0"}  # "0" comes right behind "/"
        return sorted(self._entries.find({"community": community, "key": keys}), key=lambda entry: int(entry["n"]))

    def last_act(self, community: str, prefix: str, n: int) -> dict[str, Any] | None:
        """The entry of act n of a record (`collection/id`)."""
        found: dict[str, Any] | None = self._entries.find_one({"community": community, "key": f"{prefix}/{n}"})
        return found


def _entry(call: Call, act: str, subjects: Sequence[str], purpose: str = "", route: str = "") -> Entry:
    actor = call.actor or call.sub
    return Entry(call.community, act, actor, sorted(call.roles), list(subjects), purpose, route, call.correlation, call.at)


def digest(document: dict[str, Any]) -> str:
    """The hash of an entry: over the entry before it and all of its own fields."""
    facts = [document["community"], document["prev"], *(document[name] for name in FIELDS)]
    facts += [document["key"], document["digest"]] if document.get("digest") else []
    return hashlib.sha256(orjson.dumps(facts)).hexdigest()
