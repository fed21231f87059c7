"""What all parts of one service process share: settings, clock, database, relay, keys, leases."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from threading import Event as Signal
from typing import Any

from joserfc.jwk import KeySet
from nameko.extensions import DependencyProvider, SharedExtension
from pymongo.errors import ExecutionTimeout, NetworkTimeout

from shared.broker.ledger import Ledger
from shared.broker.outbox import OutboxRelay, Sweeper
from shared.security.audit import Audit
from shared.security.identity import InternalCalls, Issuer, RemoteKeys, Signer, Verifier
from shared.security.privacy import Vault
from shared.security.revocations import Revocations
from shared.settings import Clock, Settings
from shared.storage.kinds import Kind
from shared.storage.mongo import MongoBackend, connect, database_name
from shared.storage.store import Store
from shared.storage.tenants import Tenants
from shared.telemetry import log, where


class Platform(SharedExtension):
    """One a container. Started before any entrypoint takes work, stopped after all of it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        self.fatal = ""
        self.inbox: Any = None
        self.server: Any = None
        self._backends: dict[str, MongoBackend] = {}
        self._stores: dict[type, Store[Any]] = {}
        self._ready = self._prepared = False
        # Whether there is such a community, for who cannot show that it is theirs; see directory.Locales.
        self.knows: Callable[[str], bool] = lambda community: True

    def setup(self) -> None:
        if self._ready:
            return
        self._ready = True
        self.settings: Settings = self.container.config["settings"]
        settings = self.settings
        self.service = settings.service
        self.clock = Clock(settings.clock_file)
        self.mongo = connect(settings.mongo_uri, settings.database_timeout)
        self.database = database_name(settings.mongo_uri)
        self.tenants = Tenants(self.mongo, self.database)
        self.vault = Vault(self.mongo, self.database, settings.master_key)

        def remove(c: str, rows: Any) -> None:
            return self._backends[c].remove_events(rows)

        ledger = Ledger(self.mongo, self.database, remove, within=3 * settings.sweep_after)
        self.relay = OutboxRelay(self.service, settings.amqp_uri, ledger, self._busy, settings.says_restricted)
        peers = KeySet.import_key_set(json.loads(settings.service_keys))
        self.signer = Signer(json.loads(settings.service_key))
        self.internal = InternalCalls(self.service, self.signer, peers)
        self.issuers: list[Issuer] = []
        if settings.jwks_url:
            self.issuers.append(Issuer(settings.issuer, settings.audience, RemoteKeys(settings.jwks_url)))
        self.revocations = Revocations(self.mongo, self.database)
        self.verifier = Verifier(self.issuers, self.revocations.void)
        self.audit = Audit(self.service, self.mongo, self.database, self.tenants)

    def _busy(self) -> bool:
        """Whether somebody waits for a reply, or something is being saved."""
        return bool(self.server and self.server.active) or any(store.busy for store in self._stores.values())

    def start(self) -> None:
        self.spawn(self.relay.run)
        self.spawn(self.relay.settle)
        self.spawn(self.revocations.run)

    def store(self, kind: Kind) -> Store[Any]:
        """The store of one kind of aggregate; one instance a process, so that batches gather."""
        self.setup()
        if kind.type not in self._stores:
            if self._prepared:  # its indexes would be missing
                raise RuntimeError(f"{kind.type.__name__}: declare it in the service's class, as Stored(…)")
            backend = MongoBackend(self.mongo, self.tenants, self.database, kind)
            self._backends[kind.collection] = backend
            self._stores[kind.type] = Store(kind, backend, self.relay, self.vault, self.settings.outbox_cap)
        return self._stores[kind.type]

    def prepare_database(self) -> None:
        """Create indexes and the key vault's guard; waits for the database for as long as it takes."""
        pause = 0.2
        while True:
            try:
                for backend in self._backends.values():
                    backend.prepare()
                self.vault.prepare()
                self.audit.prepare()
                self.revocations.prepare()
                self._prepared = True
                return
            except Exception as error:  # the database may start after us
                # An index of many records takes longer than a service may wait for anything.
                hint = {"hint": "linli migrate run"} if isinstance(error, (ExecutionTimeout, NetworkTimeout)) else {}
                log("platform").warning("waiting_for_database", error=type(error).__name__, **hint)
                time.sleep(pause)
                pause = min(pause * 2, 2.0)

    def sweeper(self) -> Sweeper:
        """The sweeper over all stores of this service."""
        return Sweeper(self.relay, self._backends, self.settings.sweep_after)

    def spawn(self, work: Callable[[], None]) -> Any:
        """Run in a managed thread; nothing that escapes it may end the container."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:
                log("platform").critical("thread_failed", error=type(error).__name__, where=where(error))
                self.die("a background thread failed; see the log")

        return self.container.spawn_managed_thread(guarded, identifier=getattr(work, "__qualname__", "work"))

    def die(self, why: str) -> None:
        """End the process: its supervisor starts a new one. Committed events are in the database."""
        log("platform").critical("giving_up", why=why)
        os._exit(70)

    def flush(self, timeout: float) -> bool:
        """Wait until every committed event has been confirmed. False where time ran out: the sweeper will."""
        until = time.monotonic() + timeout
        while not self.relay.idle and time.monotonic() < until:
            Signal().wait(0.02)
        return self.relay.idle


class Stored(DependencyProvider):
    """`rooms = Stored(Kind(...))`: the store of one kind of aggregate, on `self` of every entrypoint."""

    platform = Platform()

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind

    def setup(self) -> None:
        self.store = self.platform.store(self.kind)

    def get_dependency(self, worker_ctx: Any) -> Store[Any]:
        return self.store


class Provided(DependencyProvider):
    """`people = Provided(People)`: any other object that a service keeps, built once with the platform."""

    platform = Platform()

    def __init__(self, make: Callable[[Platform], Any]) -> None:
        super().__init__()
        self.make = make

    def build(self) -> None:
        """Make the object. Before the container starts: entrypoints take work the moment they are started."""
        self.made = self.make(self.platform)

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.made
