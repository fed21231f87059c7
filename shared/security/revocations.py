"""Which tokens are void before their time: ended sessions, and memberships that have shrunk.

Every service keeps what it hears of that in its own database, and each of its replicas reads it each second: a token is
refused everywhere two seconds after its session ended. An entry goes after eleven minutes: no token lives longer than ten.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel, MongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from shared.rules.roles import INSTALLATION
from shared.security.identity import Principal
from shared.storage.indexes import Wanted, build
from shared.telemetry import log

ACCESS_TOKEN_SECONDS = 600  # seconds that an access token lives at most
REVOCATION_KEPT_SECONDS = 660  # seconds that an entry is needed
LOOK_SECONDS = 1.0  # seconds between two looks
MARGIN = timedelta(seconds=15)  # a write takes its time, and a database may have another first member by now


class Revocations:
    """The collection `revoked` of one service, and what this process knows of it."""

    def __init__(self, client: MongoClient[Any], database: str) -> None:
        options: Any = client[database].with_options(write_concern=WriteConcern(w="majority", j=True))
        self._collection = options["revoked"]
        # By session, or account and community: the generation, and since when this process knows it by its own clock.
        self._known: dict[str, tuple[int, float]] = {}
        self._read_until = datetime.fromtimestamp(0, UTC)

    def prepare(self) -> None:
        """Index it, and read what there is: a replica that starts must not let in whom the others refuse."""
        build(self)
        self.read()

    def indexes(self) -> Wanted:
        """See Indexed: by when they were noted, and when they go."""
        yield self._collection, IndexModel([("community", ASCENDING), ("noted", ASCENDING)])
        yield self._collection, IndexModel("noted", expireAfterSeconds=REVOCATION_KEPT_SECONDS)

    def outdated(self) -> list[Any]:
        """See Indexed."""
        return []

    def note(self, event: Any) -> None:
        """Keep what an AccessRevoked says; safe to repeat, in any order."""
        entries = {session: 0 for session in event.sessions}
        if event.community_id:
            entries[_membership(event.account_id, event.community_id)] = event.generation
        for id, generation in entries.items():
            # By the database's clock: those of replicas differ.
            change = {"$currentDate": {"noted": True}, "$max": {"generation": generation}}
            self._collection.update_one({"_id": id, "community": INSTALLATION}, change, upsert=True)
            self._keep(id, generation)

    def read(self) -> None:
        """Learn what other replicas noted since the last look, and forget what no token is older than."""
        for entry in self._collection.find({"community": INSTALLATION, "noted": {"$gt": self._read_until - MARGIN}}):
            self._keep(entry["_id"], entry["generation"])
            self._read_until = max(self._read_until, entry["noted"])
        now = time.monotonic()
        for id in [id for id, (_, kept) in self._known.items() if now - kept > REVOCATION_KEPT_SECONDS]:
            del self._known[id]

    def run(self) -> None:
        """Look each second, for as long as the process lives."""
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.read()
            except PyMongoError as error:  # what is known holds on; the database is asked again in a second
                log("revocations").warning("not_read", error=type(error).__name__)

    def void(self, principal: Principal) -> bool:
        """Whether this token was revoked: its session has ended, or a membership in it is more than there is now."""
        if not self._known:
            return False
        if principal.session in self._known:
            return True
        return any(
            principal.generation < self._known[key][0]
            for slug in principal.communities
            if (key := _membership(principal.sub, slug)) in self._known
        )

    def _keep(self, id: str, generation: int) -> None:
        before, since = self._known.get(id, (0, time.monotonic()))
        self._known[id] = (max(before, generation), since if before >= generation else time.monotonic())


def _membership(account: str, community: str) -> str:
    return f"{account}/{community}"
