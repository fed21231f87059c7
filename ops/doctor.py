"""Looks at every real part of a running installation, and says what to do about what is not well."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
from amqp.exceptions import AMQPError, NotFound, PreconditionFailed
from cryptography import x509
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ops.backups.folder import backups, taken_at
from ops.backups.messages import declare
from ops.documents import service_classes
from ops.migrate import DONE, status
from ops.services import RECORDS, SERVICES
from ops.settings import Certified, Installation, Problem
from shared.broker import topology
from shared.rules.roles import INSTALLATION

OK, LOOK, BAD = "well", "look", "bad"
MONGO_LEAST = (7, 0)
# Before these, anybody reads the memory of the server (CVE-2025-14847).
MONGO_UNSAFE: dict[tuple[int, ...], int] = {(7, 0): 28, (8, 0): 17, (8, 2): 3}
BROKER_LEAST = (3, 10)
CLOCKS_APART = timedelta(seconds=2)
OUTBOX_WAITS = timedelta(minutes=5)
STANDS_STILL = timedelta(minutes=5)
BACKUP_AGE = timedelta(hours=26)
CERTIFICATE_LEFT = timedelta(days=21)
DISK_LEFT = 0.15
INBOX_MANY = 1000


@dataclass(frozen=True)
class Finding:
    """One look: at what, how it is, what was found, and what to do."""

    part: str
    state: str
    found: str
    do: str = ""


Look = Iterator[Finding]


class Doctor:
    """The looks at one installation; `kept` is the folder of its backups."""

    def __init__(self, installation: Installation, kept: Path | None) -> None:
        self._here, self._kept = installation, kept

    def findings(self) -> Look:
        """Every look, one after the other; a part that does not answer spoils none of the others."""
        looks: list[tuple[str, Callable[[], Look]]] = [
            ("secrets", self._secrets), ("edge", self._edge), ("database", self._database), ("indexes", self._indexes),
            ("outbox", self._outboxes), ("timers", self._timers), ("broker", self._broker), ("queues", self._queues),
            ("certificates", self._certificates), ("backup", self._backup), ("disk", self._disk),
        ]  # fmt: skip
        for name, look in looks:
            try:
                yield from look()
            except (Problem, PyMongoError, AMQPError, OSError, requests.RequestException) as error:
                what = str(error) if isinstance(error, Problem) else type(error).__name__
                yield Finding(name, BAD, f"it does not answer: {what}", "see that it runs, and its log")

    # -- each look

    def _secrets(self) -> Look:
        mode = stat.S_IMODE(self._here.secrets_file.stat().st_mode)
        if mode & 0o077:
            yield Finding("secrets", BAD, f"others may read {self._here.secrets_file}", f"chmod 600 {self._here.secrets_file}")
        else:
            yield Finding("secrets", OK, "for their owner alone")

    def _edge(self) -> Look:
        for name, record in RECORDS.items():
            reply = requests.get(self._here.base_url + record.seen_at, timeout=10)  # it keeps who asks waiting for five
            if reply.status_code in (200, 401):
                yield Finding(f"edge → {name}", OK, f"answers in {reply.elapsed.total_seconds() * 1000:.0f} ms")
            else:
                yield Finding(f"edge → {name}", BAD, f"answers {reply.status_code}", f"see that {name} runs, and its log")
        yield self._clock("edge", parsedate_to_datetime(reply.headers["Date"]))

    def _clock(self, part: str, there: datetime) -> Finding:
        apart = abs(there.astimezone(UTC) - datetime.now(UTC))
        if apart > CLOCKS_APART:
            return Finding(f"clock of {part}", BAD, f"{apart.total_seconds():.0f} s from ours", "set the clocks by NTP")
        return Finding(f"clock of {part}", OK, "as ours")

    def _database(self) -> Look:
        with self._client(SERVICES[0]) as client:
            built, hello = client.admin.command("buildInfo"), client.admin.command("hello")
        yield _mongo_version(built)
        yield self._clock("database", hello["localTime"].replace(tzinfo=UTC))
        members = len(hello.get("hosts", [1]))
        alone = members < 3
        yield Finding(
            "database", LOOK if alone else OK, f"{members} member{'s' if members > 1 else ''}",
            "a lost disk is a lost database: back up often, or run three" if alone else "",
        )  # fmt: skip
        for service in SERVICES:
            yield self._rights(service)

    def _rights(self, service: str) -> Finding:
        other = next(name for name in SERVICES if name != service)
        with self._client(service) as client:
            client[service]["leases"].find_one({"community": INSTALLATION})
            try:
                client[other]["leases"].find_one({"community": INSTALLATION})
            except OperationFailure:
                return Finding(f"rights of {service}", OK, "on its own database alone")
        return Finding(f"rights of {service}", BAD, f"it reads the database of {other}", "linli deploy, then mongo-users")

    def _client(self, service: str) -> MongoClient[Any]:
        return MongoClient(self._here.mongo(service), serverSelectionTimeoutMS=3000)

    def _indexes(self) -> Look:
        missing = [row for row in status(self._here) if row["state"] != DONE]
        if missing:
            yield Finding("indexes", BAD, f"{len(missing)} to be made or dropped", "linli migrate run")
        else:
            yield Finding("indexes", OK, "as this release wants them")

    def _outboxes(self) -> Look:
        for service in SERVICES:
            with self._client(service) as client:
                database, oldest = client[service], datetime.now(UTC)
                for name in database.list_collection_names():
                    where = {"outbox.at": {"$gt": datetime(1970, 1, 2, tzinfo=UTC), "$lt": datetime.now(UTC) - OUTBOX_WAITS}}
                    for document in database[name].find(where, {"outbox.at": 1}).limit(100):
                        oldest = min(oldest, *(row["at"].replace(tzinfo=UTC) for row in document["outbox"]))
            late = datetime.now(UTC) - oldest
            if late > OUTBOX_WAITS:
                yield Finding(
                    f"outbox of {service}", BAD, f"an event waits for {late.total_seconds() / 60:.0f} min",
                    "see whether the broker takes anything, then the log of the relay",
                )  # fmt: skip
            else:
                yield Finding(f"outbox of {service}", OK, "nothing waits")

    def _timers(self) -> Look:
        for service in SERVICES:
            with self._client(service) as client:
                leases = list(client[service]["leases"].find({"community": INSTALLATION}))
            # Given up in order, it is taken with the next turn, of which some come once an hour.
            held = [lease for lease in leases if lease["until"].year > 1970]
            ended = {lease["_id"]: datetime.now(UTC) - lease["until"].replace(tzinfo=UTC) for lease in held}
            late = sorted(name for name, since in ended.items() if since > STANDS_STILL)
            if late:
                yield Finding(f"timers of {service}", BAD, f"{', '.join(late)}: nobody does it", f"see that {service} runs")
            else:
                yield Finding(f"timers of {service}", OK, f"{len(held)} are somebody's")

    def _broker(self) -> Look:
        with topology.connection(self._here.amqp("operator"), connect_timeout=5) as connection:
            topology.connect(connection)
            told = connection.connection.server_properties
        version = str(told.get("version", ""))
        if _numbers(version) < BROKER_LEAST:
            yield Finding("broker", BAD, f"RabbitMQ {version}", f"{BROKER_LEAST[0]}.{BROKER_LEAST[1]} or later")
        else:
            yield Finding("broker", OK, f"RabbitMQ {version}")

    def _queues(self) -> Look:
        for kind in service_classes():
            service = str(vars(kind)["name"])
            try:
                declare(self._here, service, kind)
            except Problem as problem:
                if isinstance(problem.__cause__, PreconditionFailed):
                    yield Finding(f"queues of {service}", BAD, "they were made with other arguments", "drain, then delete them")
                    continue
                raise
            yield from self._inbox(service)

    def _inbox(self, service: str) -> Look:
        with topology.connection(self._here.amqp("operator"), connect_timeout=5) as connection:
            topology.connect(connection)
            inbox = connection.channel().queue_declare(topology.inbox(service), passive=True)
            try:
                parked = connection.channel().queue_declare(topology.parked(service), passive=True).message_count
            except NotFound:
                parked = 0
        if not inbox.consumer_count:
            yield Finding(f"inbox of {service}", BAD, "nobody listens", f"see that {service} runs")
        elif inbox.message_count > INBOX_MANY:
            yield Finding(f"inbox of {service}", LOOK, f"{inbox.message_count} wait", "run more replicas, or see what is slow")
        else:
            yield Finding(f"inbox of {service}", OK, f"{inbox.consumer_count} listen, {inbox.message_count} wait")
        if parked:
            yield Finding(f"parked by {service}", LOOK, f"{parked}", "linli parked list")

    def _certificates(self) -> Look:
        for shown in self._here.certified():
            try:
                left = _expires(shown) - datetime.now(UTC)
            except ssl.SSLCertVerificationError as error:
                yield Finding(f"certificate of {shown.part}", BAD, error.verify_message, "renew it, or see whose it is")
                continue
            state = OK if left > (timedelta() if shown.authorities is None else CERTIFICATE_LEFT) else BAD
            yield Finding(f"certificate of {shown.part}", state, f"{left.days} days left", "" if state == OK else "renew it")

    def _backup(self) -> Look:
        if self._kept is None:
            yield Finding("backup", LOOK, "nobody said where backups are", "linli doctor --backups FOLDER")
            return
        there = backups(self._kept)
        age = datetime.now(UTC) - taken_at(there[-1]) if there else None
        if age is None or age > BACKUP_AGE:
            found = "there is none" if age is None else f"the newest is {age.total_seconds() / 3600:.0f} hours old"
            yield Finding("backup", BAD, found, f"linli backup {self._kept}, every night")
        else:
            yield Finding("backup", OK, f"{len(there)}, the newest {age.total_seconds() / 3600:.1f} hours old")

    def _disk(self) -> Look:
        with self._client(SERVICES[0]) as client:
            about = client[SERVICES[0]].command("dbStats")
        used, whole = about.get("fsUsedSize", 0), about.get("fsTotalSize", 0)
        if not whole:  # the development database does not say
            used, whole = shutil.disk_usage(self._here.folder).used, shutil.disk_usage(self._here.folder).total
        left = 1 - used / whole
        state = OK if left > DISK_LEFT else BAD
        yield Finding(
            "disk of the database", state, f"{left:.0%} free", "" if state == OK else "add space: a full one saves nothing"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _mongo_version(built: dict[str, Any]) -> Finding:
    if "secantusVersion" in built:
        return Finding("database", OK, f"SecantusDB {built['secantusVersion']}, for development and small installations")
    version = _numbers(built["version"])
    least = MONGO_UNSAFE.get(version[:2])
    if version < MONGO_LEAST or (least is not None and version[2] < least):
        return Finding("database", BAD, f"MongoDB {built['version']}", "upgrade: CVE-2025-14847")
    return Finding("database", OK, f"MongoDB {built['version']}")


def _expires(shown: Certified) -> datetime:
    context = ssl.create_default_context(cafile=shown.authorities or None)
    if shown.authorities is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((shown.host, shown.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=shown.name) as secure,
    ):
        certificate = x509.load_der_x509_certificate(secure.getpeercert(True) or b"")
    return certificate.not_valid_after_utc
