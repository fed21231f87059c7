"""Makes an installation of a backup: into databases that hold nothing, while no service runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ops.backups import messages
from ops.backups.databases import collections, database, hashed, in_order, load, read
from ops.backups.folder import SECRETS, Manifest, data_file, fingerprints
from ops.backups.sealed import opened
from ops.documents import service_classes
from ops.services import SERVICES
from ops.settings import Installation, Problem
from shared.broker import topology

Say = Callable[[str], None]


def restore_secrets(installation: Installation, backup: Path, passphrase: str) -> None:
    """Put the secrets where the installation looks for them. Raises Problem where there are others already."""
    found = json.loads(opened((backup / SECRETS).read_bytes(), passphrase))
    if installation.secrets and installation.secrets != found:
        raise Problem(f"{installation.secrets_file} holds other secrets: to restore a backup needs an empty installation")
    if not installation.secrets:
        installation.keep_secrets(found)


def restore(installation: Installation, backup: Path, say: Say) -> Manifest:
    """Load everything, and see that it is what was copied. Raises Problem before anything is written where the backup is
    damaged, belongs to other secrets, or something is there already."""
    manifest = Manifest.read(backup)
    if manifest.master.items() - fingerprints(installation).items():
        raise Problem(f"the backup belongs to other secrets than {installation.secrets_file}")
    if findings := manifest.findings(backup):
        raise Problem(f"the backup is damaged: {'; '.join(findings)}")
    for service in SERVICES:
        _refuse_what_is_full(installation, service)
    for service, copied in manifest.databases.items():
        there = database(installation, service)
        for name, what in copied.items():
            load(read(data_file(backup, service, name)), there[name])
            if (found := hashed(in_order(there[name]))) != what:
                raise Problem(f"{service}.{name} is not what was copied: {found.count} of {what.count} documents, or others")
        say(f"{service}: {sum(what.count for what in copied.values())} documents")
    for queue, count in manifest.waiting.items():
        say(f"not in the backup: {count} messages that waited in {queue}, as far as they were said to services alone")
    _messages(installation, backup, datetime.fromisoformat(manifest.began), say)
    return manifest


def _refuse_what_is_full(installation: Installation, service: str) -> None:
    there = database(installation, service)
    if there["leases"].find_one({"until": {"$gt": datetime.now(UTC)}}):
        raise Problem(f"{service} runs: stop the services, the broker and the database must go on")
    if full := [name for name in collections(there) if there[name].find_one({})]:
        raise Problem(
            f"the database of {service} is not empty: {', '.join(full)}. A restore that was interrupted begins anew: take away "
            "what is there (docker compose down --volumes, or the folder of the installation)"
        )


def _messages(installation: Installation, backup: Path, began: datetime, say: Say) -> None:
    """Queues first, so that nothing is said to nobody; then what was said, and what waited for a person."""
    for kind in service_classes():
        messages.declare(installation, str(vars(kind)["name"]), kind)
    wanted = messages.known_again(began)
    for service in SERVICES:
        files = {part: backup / "messages" / f"{service}.{part}.bson.gz" for part in ("said", "restricted", "parked")}
        said = filter(wanted, read(files["said"]))
        count = messages.publish(installation, service, topology.out(service), "", said)
        count += messages.publish(installation, service, topology.restricted(service), "", read(files["restricted"]))
        parked = messages.publish(installation, service, topology.retry(service), "parked", read(files["parked"]))
        say(f"{service}: {count} events said again, {parked} parked")
