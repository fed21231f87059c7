"""What the `linli` command needs to know about one installation on one machine: ports, folders, secrets."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from joserfc.jwk import OKPKey

from ops.services import RECORDS, SERVICES

ROOT = Path(__file__).resolve().parent.parent
RELEASE: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
PORTS = {
    "LINLI_EDGE_PORT": 8080,
    "LINLI_AMQP_PORT": 5680,
    "LINLI_AMQP_DIST_PORT": 25680,
    "LINLI_EPMD_PORT": 4380,
    "LINLI_MONGO_PORT": 27080,
    "LINLI_SMTP_PORT": 1080,
    **{f"LINLI_{record.name.upper()}_PORT": record.port for record in RECORDS.values()},
}
# Told to every service, where they are set.
COMMON = ("LINLI_TEST", "LINLI_CLOCK_FILE", "LINLI_FAULTS", "LINLI_LOG_LEVEL", "LINLI_SHOW_EXCEPTIONS", "LINLI_RETRY_SECONDS",
          "LINLI_SWEEP_AFTER", "LINLI_LEASE", "LINLI_WORKERS", "LINLI_EVENT_WORKERS", "LINLI_OUTBOX_CAP",
          "LINLI_DATABASE_TIMEOUT", "LINLI_SMS")  # fmt: skip


ROTATED = ("amqp", "mongo", "services")
OWN_USERS = ("operator", "demo", "admin")  # of the broker, besides the services
SUBSCRIBER = re.compile(r"[a-z][a-z0-9-]{0,30}")


SECRETS = "/run/secrets/linli"
# By what it is called: what is added later is a secret without being listed here.
SECRET = re.compile(r"_(URI|KEY|KEY_ID|PASSWORD|SECRET|PHONE|USER)$")


class Problem(Exception):
    """Something a person can mend; its text says how."""


@dataclass(frozen=True)
class Certified:
    """Who shows a certificate, where, for which name, and signed by whom: a file of authorities, "" those that the system
    knows, None one of its own that makes a new one every few hours."""

    part: str
    host: str
    port: int
    name: str
    authorities: str | None


@dataclass
class Installation:
    """One installation under one folder. `environ` is .env overlaid by the process environment."""

    folder: Path
    environ: dict[str, str]
    secrets: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path | None = None, environ: dict[str, str] | None = None) -> Installation:
        """The installation of this checkout, or the one that LINLI_RUN names."""
        merged = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None} | dict(os.environ)
        merged |= environ or {}
        installation = cls(folder or Path(merged.get("LINLI_RUN", ROOT / ".run")).resolve(), merged)
        if installation.secrets_file.exists():
            installation.secrets = json.loads(installation.secrets_file.read_text())
        return installation

    # -- where

    @property
    def secrets_file(self) -> Path:
        """Where all secrets lie."""
        return self.folder / "secrets.json"

    def path(self, *parts: str) -> Path:
        """A path inside the folder; its parent exists afterwards."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def port(self, name: str) -> int:
        """A port by its setting's name."""
        return int(self.environ.get(name, PORTS[name]))

    def replicas(self, service: str) -> int:
        """How many processes of a service."""
        return int(self.environ.get(f"LINLI_{service.upper()}_REPLICAS", "1"))

    def service_ports(self, service: str) -> list[int]:
        """The port of each replica."""
        first = self.port(f"LINLI_{service.upper()}_PORT")
        return [first + n for n in range(self.replicas(service))]

    @property
    def base_url(self) -> str:
        """Where callers find the edge; LINLI_EDGE_AT names another host."""
        return f"http://{self.environ.get('LINLI_EDGE_AT') or self._here('LINLI_EDGE_PORT')}"

    def _here(self, port: str) -> str:
        return f"127.0.0.1:{self.port(port)}"

    @property
    def socket(self) -> Path:
        """The process manager's socket: in the temporary folder, since a socket's path has at most 107 bytes."""
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"linli-{name}.sock"

    def amqp(self, user: str) -> str:
        """A user's connection string; LINLI_AMQP_AT names another host than this one."""
        at = self.environ.get("LINLI_AMQP_AT") or self._here("LINLI_AMQP_PORT")
        return amqp_uri(user, self.secrets["amqp"][user], at, self.environ.get("LINLI_TLS_CA", ""))

    def mongo(self, user: str) -> str:
        """A user's connection string to its own database (admin: to all); LINLI_MONGO_AT names other hosts, of the replica set
        LINLI_MONGO_SET."""
        at, options = self.environ.get("LINLI_MONGO_AT"), "retryWrites=false&directConnection=true"
        if at:
            options = f"replicaSet={self.environ.get('LINLI_MONGO_SET', 'linli')}"
        at, ca = at or self._here("LINLI_MONGO_PORT"), self.environ.get("LINLI_TLS_CA", "")
        return mongo_uri(user, self.secrets["mongo"][user], at, options, ca)

    def certified(self) -> list[Certified]:
        """What shows a certificate, of those that are asked with TLS."""
        found = []
        if ca := self.environ.get("LINLI_TLS_CA"):
            host, _, port = self.environ.get("LINLI_AMQP_AT", self._here("LINLI_AMQP_PORT")).partition(":")
            found = [Certified("broker", host, int(port or 5671), host, ca)]
            for at in self.environ.get("LINLI_MONGO_AT", self._here("LINLI_MONGO_PORT")).split(","):
                host, _, port = at.partition(":")
                found.append(Certified(f"database {at}", host, int(port), host, ca))
        if site := self.environ.get("LINLI_SITE"):
            beside = self.environ.get("LINLI_EDGE_AT", "")
            port = "8443" if beside else self.environ.get("LINLI_HTTPS_PORT", "8443")
            own = self.environ.get("LINLI_SITE_TLS") == "internal"
            found.append(Certified("edge", beside.partition(":")[0] or "127.0.0.1", int(port), site, None if own else ""))
        return found

    @property
    def subscribers(self) -> tuple[str, ...]:
        """Other people's services that have a user of their own on the broker. Raises Problem."""
        names = tuple(filter(None, self.environ.get("LINLI_SUBSCRIBERS", "").replace(" ", "").split(",")))
        for name in names:
            if name in (*SERVICES, *OWN_USERS) or not SUBSCRIBER.fullmatch(name):
                raise Problem(f"LINLI_SUBSCRIBERS: {name} cannot be one; lower-case letters, digits and - make a name")
        return names

    @property
    def operator(self) -> dict[str, str]:
        """Phone and password of the first operator: of the settings, or made up."""
        made: dict[str, str] = self.secrets["operator"]
        return {name: self.environ.get(f"LINLI_OPERATOR_{name.upper()}") or value for name, value in made.items()}

    # -- secrets

    def make_secrets(self) -> None:
        """A password for every user of broker and database, a key for every purpose: made once, and kept; what a new service
        needs is added."""
        word = partial(secrets.token_urlsafe, 24)
        wanted: dict[str, Any] = {
            "amqp": {user: word for user in (*SERVICES, *OWN_USERS, *self.subscribers)},
            "mongo": {user: word for user in (*SERVICES, "admin")},
            "master": {s: lambda: base64.b64encode(secrets.token_bytes(96)).decode() for s in SERVICES},
            "installation": word,
            "signing": lambda: _private_key("tokens-1"),
            "services": {s: partial(_private_key, s) for s in SERVICES},
            # What members of the database's replica set show each other: mongod refuses any letter that base64 has not.
            "keyfile": lambda: base64.b64encode(secrets.token_bytes(96)).decode(),
            # A number that nobody can have: set LINLI_OPERATOR_PHONE to your own, or add an operator who has one.
            "operator": {"phone": lambda: "+8612000000000", "password": word},
        }
        made = _filled(self.secrets, wanted)
        if made != self.secrets:
            self.keep_secrets(made)

    def rotate(self, part: str) -> None:
        """Make one secret anew: `amqp.bookings`, `mongo.bookings`, `services.bookings`, `signing`. Raises Problem for one that
        there is not, and for those that the data was encrypted with."""
        first, _, name = part.partition(".")
        if part == "signing":
            left = {key: value for key, value in self.secrets.items() if key != first}
        elif first in ROTATED and name in self.secrets.get(first, {}):
            left = self.secrets | {first: {key: value for key, value in self.secrets[first].items() if key != name}}
        else:
            raise Problem(f"{part} cannot be made anew; {', '.join(f'{one}.NAME' for one in ROTATED)} and signing can")
        self.keep_secrets(left)
        self.make_secrets()

    def keep_secrets(self, made: dict[str, Any]) -> None:
        """Write them, for the owner alone; what was there before is there until all of it is written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.secrets_file
        part = file.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            json.dump(made, out, indent=1)
        part.rename(file)
        self.secrets = made

    def service_environ(self, service: str, port: int) -> dict[str, str]:
        """Everything that one service process is told; nothing of its neighbours' secrets."""
        private = self.secrets["services"]
        public = {"keys": [public_key(private[s]) for s in SERVICES]}
        told = {
            "LINLI_MONGO_URI": self.mongo(service),
            "LINLI_AMQP_URI": self.amqp(service),
            "LINLI_LISTEN": f"127.0.0.1:{port}",
            "LINLI_MASTER_KEY": self.secrets["master"][service],
            "LINLI_SERVICE_KEY": json.dumps(private[service]),
            "LINLI_SERVICE_KEYS": json.dumps(public),
            "LINLI_SMS": "file",
            "PYTHONUNBUFFERED": "1",
            # Large blocks go back to the system at once: otherwise each thread keeps what a password hash took.
            "MALLOC_MMAP_THRESHOLD_": "1048576",
            "MALLOC_ARENA_MAX": "2",
        }
        record = RECORDS[service]
        told["LINLI_RESTRICTED"] = "1" if record.restricted else "0"
        told["LINLI_HEARS_RESTRICTED"] = ",".join(record.hears_restricted)
        for peer in record.asks:
            told[f"LINLI_{peer.upper()}_URL"] = f"http://127.0.0.1:{self.service_ports(peer)[0]}"
        told |= self._own(service)
        passed_on = (*COMMON, *record.settings)
        return told | {k: v for k, v in self.environ.items() if k.startswith(passed_on) and k != "LINLI_SMTP_PORT"}

    def _own(self, service: str) -> dict[str, str]:
        """What one service alone is told."""
        issuer = f"http://127.0.0.1:{self.service_ports('residents')[0]}"
        own = {"LINLI_JWKS_URL": f"{issuer}/.well-known/jwks.json"}
        if service == "residents":
            own = {
                "LINLI_INSTALLATION_KEY": self.secrets["installation"],
                "LINLI_SIGNING_KEY": json.dumps(self.secrets["signing"]),
            }
            own |= {f"LINLI_OPERATOR_{name.upper()}": value for name, value in self.operator.items()}
        if service == "notifications":
            own |= {"LINLI_SMTP": f"127.0.0.1:{self.port('LINLI_SMTP_PORT')}", "LINLI_MAIL_FROM": "no-reply@linli.example"}
            own |= {"LINLI_SMS_FOLDER": str(self.path("sms"))}
        return own

    # -- checks

    def check_programs(self) -> None:
        """Raises Problem with what to install."""
        missing = [package for program, package in PROGRAMS.items() if find(program) is None]
        if missing:
            raise Problem(f"missing: {', '.join(missing)}. Install with: apt-get install {' '.join(missing)}")

    def check_ports(self) -> None:
        """Raises Problem naming the first busy port and its setting."""
        names = {name: [self.port(name)] for name in PORTS}
        names |= {f"LINLI_{s.upper()}_PORT": self.service_ports(s) for s in SERVICES}
        for name, ports in names.items():
            for port in ports:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        probe.bind(("127.0.0.1", port))
                    except OSError as error:
                        raise Problem(f"port {port} is in use: set {name} to a free one in .env") from error


RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
PROGRAMS = {RABBITMQ: "rabbitmq-server", "epmd": "erlang-base", "caddy": "caddy"}


def find(program: str) -> str | None:
    """Where a program is."""
    return shutil.which(program)


def apart(environ: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What containers are told in the open, and what lies in files below SECRETS: in no environment, no description of them."""
    secret = {name: value for name, value in environ.items() if SECRET.search(name)}
    plain = {name: value for name, value in environ.items() if name not in secret}
    return plain | {f"{name}_FILE": f"{SECRETS}/{name}" for name in secret}, secret


def amqp_uri(user: str, password: str, at: str, ca: str) -> str:
    """The broker at HOST[:PORT]; with TLS where there is a file of authorities."""
    return f"amqps://{user}:{password}@{at}//?ca={ca}" if ca else f"amqp://{user}:{password}@{at}//"


def mongo_uri(user: str, password: str, at: str, options: str, ca: str) -> str:
    """A user's own database at HOST:PORT[,…]; with TLS where there is a file of authorities."""
    tls = f"&tls=true&tlsCAFile={ca}" if ca else ""
    return f"mongodb://{user}:{password}@{at}/{user}?authSource={user}&{options}{tls}"


def _filled(kept: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What is kept, and what is missing made: `wanted` is how, by name."""
    made = dict(kept)
    for name, how in wanted.items():
        if isinstance(how, dict):
            made[name] = _filled(kept.get(name, {}), how)
        elif name not in kept:
            made[name] = how()
    return made


def _private_key(kid: str) -> dict[str, Any]:
    key = OKPKey.generate_key("Ed25519", {"kid": kid})
    return {**key.as_dict(private=True), "kid": kid}


def public_key(jwk: dict[str, Any]) -> dict[str, Any]:
    """The part of a private JWK that may be told."""
    return {name: value for name, value in jwk.items() if name != "d"}
