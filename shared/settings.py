"""Settings from the environment, twelve-factor style. `NAME_FILE` may name a file that holds NAME's value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LEASE_SECONDS = 10.0


class SettingMissing(SystemExit):
    """A required setting is absent; the process says which, and ends."""


class SettingRefused(SystemExit):
    """A setting has a value that cannot work here; the process says why, and ends."""


def read(environ: Mapping[str, str], name: str, default: str | None = None) -> str:
    """The value of `name`: from the variable, from the file that `name`_FILE points at, or the default."""
    if environ.get(name):
        return environ[name]
    if path := environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    if default is None:
        raise SettingMissing(f"setting {name} is missing: set it, or {name}_FILE, in the environment or in .env")
    return default


@dataclass(frozen=True)
class Settings:
    """What a service process must know. Times are seconds."""

    service: str
    mongo_uri: str
    amqp_uri: str
    listen: str
    master_key: str  # base64 of 96 bytes: wraps the data keys of this service
    service_key: str  # private JWK (Ed25519): signs this service's internal calls
    service_keys: str  # public JWKS; each key's `kid` is the service that owns it
    says_restricted: bool  # some of what this service says goes to those alone that are meant to hear it
    hears_restricted: frozenset[str]  # the speakers of whom this service is one of those
    issuer: str
    audience: str
    jwks_url: str
    workers: int
    event_workers: int
    database_timeout: float
    retry_seconds: tuple[float, ...]  # how long the tiers 5s, 30s and 5m really hold a message
    sweep_after: float
    lease: float  # for how long nobody works by the clock after who did was killed
    outbox_cap: int
    log_level: str
    shows_exceptions: bool  # in the log, with their texts: for development, as these may quote personal data
    testing: bool
    clock_file: str
    faults: str
    environ: Mapping[str, str]

    @classmethod
    def load(cls, service: str, environ: Mapping[str, str] = os.environ) -> Settings:
        """The settings of one service. Raises SettingMissing naming the first absent one, SettingRefused."""
        e = environ
        if read(e, "LINLI_MONGO_URI").startswith("mongodb+srv:"):
            # Its lookups, first and then every minute, would stop every greenthread while they last.
            raise SettingRefused("setting LINLI_MONGO_URI: mongodb+srv is not supported; name the hosts in a mongodb:// URI")
        testing = e.get("LINLI_TEST") == "1"
        return cls(
            service=service,
            mongo_uri=read(e, "LINLI_MONGO_URI"),
            amqp_uri=read(e, "LINLI_AMQP_URI"),
            listen=read(e, "LINLI_LISTEN", "127.0.0.1:8000"),
            master_key=read(e, "LINLI_MASTER_KEY"),
            service_key=read(e, "LINLI_SERVICE_KEY"),
            service_keys=read(e, "LINLI_SERVICE_KEYS"),
            says_restricted=e.get("LINLI_RESTRICTED") == "1",
            hears_restricted=frozenset(filter(None, e.get("LINLI_HEARS_RESTRICTED", "").split(","))),
            issuer=read(e, "LINLI_ISSUER", "linli"),
            audience=read(e, "LINLI_AUDIENCE", "linli"),
            jwks_url=read(e, "LINLI_JWKS_URL", ""),
            workers=int(read(e, "LINLI_WORKERS", "256")),
            event_workers=int(read(e, "LINLI_EVENT_WORKERS", "16")),
            database_timeout=float(read(e, "LINLI_DATABASE_TIMEOUT", "3")),
            retry_seconds=tuple(float(s) for s in read(e, "LINLI_RETRY_SECONDS", "5,30,300").split(",")),
            sweep_after=float(read(e, "LINLI_SWEEP_AFTER", "10")),
            lease=float(read(e, "LINLI_LEASE", str(LEASE_SECONDS))),
            outbox_cap=int(read(e, "LINLI_OUTBOX_CAP", "200")),
            log_level=read(e, "LINLI_LOG_LEVEL", "info"),
            shows_exceptions=e.get("LINLI_SHOW_EXCEPTIONS") == "1",
            testing=testing,
            # Only a test may move the clock or kill a process at a chosen point.
            clock_file=e.get("LINLI_CLOCK_FILE", "") if testing else "",
            faults=e.get("LINLI_FAULTS", "") if testing else "",
            environ=environ,
        )


class Clock:
    """Tells the time in UTC. A file with an ISO 8601 time moves it, under LINLI_TEST=1 only."""

    def __init__(self, file: str = "") -> None:
        self._file = file

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        if self._file and os.path.exists(self._file):
            return datetime.fromisoformat(Path(self._file).read_text().strip()).astimezone(UTC)
        return datetime.now(UTC)
