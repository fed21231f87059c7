"""Makes a backup of an installation that runs.

There is no moment at which everything stands still, so the order matters:
- What is said to those alone that are meant to hear it is taken down from the beginning on, as no stream keeps it.
- Listeners before speakers: nobody knows anything of a neighbour that the neighbour does not know itself. What a listener had
  not heard by then is in the streams, and is said again.
- Chains before records, while nobody appends acts: an act is either in the chain or still waits in its record.
- Keys before and after: whatever was encrypted meanwhile can be read.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from amqp.exceptions import AMQPError
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import PyMongoError

from ops.audit import trailed
from ops.backups import messages
from ops.backups.databases import Copied, collections, database, in_order, write
from ops.backups.folder import NAME, SECRETS, Manifest, data_file, fingerprints, prune
from ops.backups.sealed import seal
from ops.services import RECORDS, SERVICES
from ops.settings import RELEASE, Installation, Problem
from shared.rules.roles import INSTALLATION
from shared.runtime.chain_writer import LEASE
from shared.security.audit import Audit

Say = Callable[[str], None]
KEPT_OF_STREAMS = timedelta(hours=24)
HELD_SECONDS = 120.0  # for which nobody appends acts without us: what dies here holds nobody up for longer
SETTLE_SECONDS = 4.0  # for which whoever appended before us may go on without having asked
TRIES = 3
KEYS = "keys"


def take(installation: Installation, folder: Path, passphrase: str, say: Say) -> Path:
    """Copy everything into a folder of its own below `folder`; returns that. Raises Problem; then nothing of it is left."""
    sealed = seal(installation.secrets_file.read_bytes(), passphrase)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder):
        for gone in prune(folder):  # before: it may be what there is no space for
            say(f"no longer kept: {gone.name}")
        began = datetime.now(UTC).replace(microsecond=0)
        backup = folder / began.strftime(NAME)
        part = backup.with_name(backup.name + ".part")
        try:
            part.mkdir(mode=0o700)
            _take(installation, part, Manifest(began.isoformat(), RELEASE, fingerprints(installation)), sealed, say)
            part.rename(backup)
        except (OSError, PyMongoError, AMQPError) as error:
            shutil.rmtree(part, ignore_errors=True)
            raise Problem(f"no backup was made: {getattr(error, 'strerror', '') or type(error).__name__}") from error
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        prune(folder)
    return backup


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else makes a backup there meanwhile. Raises Problem."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Problem(f"another backup is being made in {folder}") from error
        yield


def _take(installation: Installation, part: Path, manifest: Manifest, sealed: bytes, say: Say) -> None:
    began = datetime.fromisoformat(manifest.began)
    with messages.Restricted(installation) as restricted:
        manifest.waiting = messages.drained(installation)
        for queue, count in manifest.waiting.items():
            say(f"not in it: {count} messages that wait in {queue}, as far as they were said to services alone")
        for service in listeners_first():
            say(f"copying {service}")
            manifest.databases[service] = _copied(installation, service, part)
        ended = datetime.now(UTC)
        for service in SERVICES:
            parts = {
                "said": messages.said(installation, service, began - KEPT_OF_STREAMS, ended),
                "restricted": restricted.said(service),
                "parked": messages.parked(installation, service),
            }
            for name, some in parts.items():
                file = f"{service}.{name}.bson.gz"
                manifest.messages[file] = write(some, part / "messages" / file)
    (part / SECRETS).write_bytes(sealed)
    manifest.secrets = hashlib.sha256(sealed).hexdigest()
    manifest.ended = datetime.now(UTC).isoformat(timespec="seconds")
    manifest.write(part)
    for path in part.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def listeners_first() -> list[str]:
    """The services, those first that hear most of the others."""
    return sorted(SERVICES, key=lambda service: -len({*RECORDS[service].hears} - {service}))


def _copied(installation: Installation, service: str, part: Path) -> dict[str, Copied]:
    there = database(installation, service)
    if not trailed(service):
        return _copy(there, service, part)
    for _ in range(TRIES):
        with _held(there) as still_ours:
            before = _lengths(there)
            copied = _copy(there, service, part)
            if still_ours() and not _appended_since(there, before):
                return copied
        shutil.rmtree(part / "databases" / service)
    raise Problem(f"somebody went on writing the chains of {service}: is another backup being made?")


def _copy(there: Database[RawBSONDocument], service: str, part: Path) -> dict[str, Copied]:
    names = collections(there)
    early = list(in_order(there[KEYS]))
    chains_first = sorted(set(names) - {KEYS}, key=lambda name: (name != Audit.collection, name))
    copied = {name: write(in_order(there[name]), data_file(part, service, name)) for name in chains_first}
    copied[KEYS] = write(_both(early, in_order(there[KEYS])), data_file(part, service, KEYS))
    return copied


def _both(early: list[RawBSONDocument], late: Iterator[RawBSONDocument]) -> list[RawBSONDocument]:
    found = {bytes(document["_id"]): document for document in chain(early, late)}
    return [found[id] for id in sorted(found)]


@contextmanager
def _held(there: Database[RawBSONDocument]) -> Iterator[Callable[[], bool]]:
    """Nobody else appends acts meanwhile; gives what says whether that is still so. It runs out by itself."""
    leases: Any = there["leases"]
    key = {"_id": LEASE, "community": INSTALLATION}
    mine = {**key, "holder": f"backup-{time.time_ns()}"}
    leases.update_one(key, {"$set": {"holder": mine["holder"], "until": _in(HELD_SECONDS)}, "$inc": {"fence": 1}}, upsert=True)
    over = threading.Event()

    def renew() -> None:
        while not over.wait(HELD_SECONDS / 4):
            leases.update_one(mine, {"$set": {"until": _in(HELD_SECONDS)}})

    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        time.sleep(SETTLE_SECONDS)
        yield lambda: leases.find_one(mine) is not None
    finally:
        over.set()
        renewing.join()
        leases.update_one(mine, {"$set": {"until": _in(0)}})


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _lengths(there: Database[RawBSONDocument]) -> dict[str, int]:
    """How long each chain is."""
    communities = [document["_id"] for document in there["tenants"].find({})]
    entries = there[Audit.collection]
    last = {one: entries.find_one({"community": one}, {"n": 1}, sort=[("n", -1)]) for one in [*communities, INSTALLATION]}
    return {community: entry["n"] if entry else 0 for community, entry in last.items()}


def _appended_since(there: Database[RawBSONDocument], before: dict[str, int]) -> bool:
    """Whether an act of a record came into a chain. (Readings and refusals may: they stand in no record.)"""
    for community in _lengths(there):
        since = {"community": community, "n": {"$gt": before.get(community, 0)}}
        if any(entry["key"] != entry["_id"] for entry in there[Audit.collection].find(since, {"key": 1})):
            return True
    return False
