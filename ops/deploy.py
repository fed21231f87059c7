"""What containers need besides their images: secrets, the broker's definitions, the edge's static files."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from ops import kubernetes
from ops.broker import definitions
from ops.documents import write_documents
from ops.edge import caddyfile
from ops.services import RECORDS, SERVICES
from ops.settings import ROOT, Installation, Problem

FOR_TESTS = frozenset({"LINLI_TEST", "LINLI_FAULTS", "LINLI_CLOCK_FILE"})  # told to processes of this machine alone
KEYFILE = re.compile(r"[A-Za-z0-9+/=]{6,1024}")
HOSTS = {
    "compose": {"amqp": "rabbitmq", "mongo": "mongo:27017", "set": "linli", "smtp": "mail:1025", "sms": "file"},
    "kubernetes": {  # as short as can be: a name is found at the first try, whatever the cluster's domain
        "amqp": "rabbitmq", "mongo": ",".join(f"mongodb-{n}.mongodb-svc:27017" for n in range(3)), "set": "mongodb",
        "smtp": "", "sms": "",
    },
}  # fmt: skip


def service_environ(kept: Installation, service: str, target: str) -> dict[str, str]:
    """The environment of one service in containers: like on one machine, with other hosts."""
    hosts, secret = HOSTS[target], kept.secrets
    told = kept.service_environ(service, 8000)
    told["LINLI_LISTEN"] = "0.0.0.0:8000"
    told["LINLI_AMQP_URI"] = f"amqp://{service}:{secret['amqp'][service]}@{hosts['amqp']}:5672//"
    told["LINLI_MONGO_URI"] = (
        f"mongodb://{service}:{secret['mongo'][service]}@{hosts['mongo']}/{service}"
        f"?authSource={service}&replicaSet={hosts['set']}&retryWrites=true"
    )
    # What whoever runs it chose, also nothing; else what stands beside it.
    beside = target != "compose" or is_demo(kept)
    told |= {"LINLI_SMTP": kept.environ.get("LINLI_SMTP", hosts["smtp"] if beside else "")} if "LINLI_SMTP" in told else {}
    told["LINLI_SMS"] = kept.environ.get("LINLI_SMS", hosts["sms"] if beside else "")
    told |= {"LINLI_SMS_FOLDER": "/tmp/sms"} if service == "notifications" else {}  # noqa: S108 (in a container of its own)
    told |= {f"LINLI_{peer.upper()}_URL": f"http://{peer}:8000" for peer in RECORDS[service].asks}
    if "LINLI_JWKS_URL" in told:
        told["LINLI_JWKS_URL"] = "http://residents:8000/.well-known/jwks.json"
    return {name: value for name, value in told.items() if name not in FOR_TESTS}


def is_demo(kept: Installation) -> bool:
    """Whether compose runs what stands for the outside, too: a server that takes all mail, and texts kept as files."""
    return "demo" in kept.environ.get("COMPOSE_PROFILES", "").split(",")


def prepare(target: str, folder: Path | None = None) -> Path:
    """Write the files for `target` into `folder` (deploy/<target>). Secrets are made once and kept; what is missing is added.
    Raises Problem where all are gone and there is data that they belong to."""
    folder = folder or ROOT / "deploy" / target
    kept = Installation.load(folder, {})
    if target == "compose" and not kept.secrets and (volumes := _volumes(kept)):
        raise Problem(
            f"{folder / 'secrets.json'} is gone, and without it nobody reads what lies in {', '.join(volumes)}: put it back, "
            "or take the data away (docker compose down --volumes)"
        )
    if target == "kubernetes" and not kept.secrets and kubernetes.has_secrets():
        # To apply new ones would overwrite the last copy of the keys.
        raise Problem(
            f"{folder / 'secrets.json'} is gone, and the cluster has data that belongs to it: take it from there "
            "(docs/kubernetes.md: Install), or delete the namespace linli"
        )
    kept.make_secrets()
    made = definitions(SERVICES, kept.secrets["amqp"])
    if target == "compose":
        _write(folder / "definitions.json", json.dumps(made, indent=1), 0o644)
        _write_keyfile(folder / "keyfile")
        for service in SERVICES:
            _write(folder / f"{service}.env", _lines(service_environ(kept, service, target)))
        admin = {"MONGO_INITDB_ROOT_USERNAME": "admin", "MONGO_INITDB_ROOT_PASSWORD": kept.secrets["mongo"]["admin"]}
        users = {f"LINLI_MONGO_{s.upper()}": kept.secrets["mongo"][s] for s in SERVICES}
        _write(folder / "mongo.env", _lines(admin | users))
        write_documents(folder / "static" / "api")
        for path in [folder / "static", *(folder / "static").rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        _write(folder / "Caddyfile", caddyfile(), 0o644)
    else:
        made = definitions(SERVICES, kept.secrets["amqp"], administrator=kubernetes.ADMINISTRATOR)
        told = {service: service_environ(kept, service, target) for service in SERVICES}
        for name, text in kubernetes.overlay(kept, told, made, folder).items():
            _write(folder / name, text)
    return folder


def _volumes(kept: Installation) -> list[str]:
    """Volumes of this compose project that there are; none where there is no engine."""
    docker = shutil.which("docker")
    if docker is None:
        return []
    name = kept.environ.get("COMPOSE_PROJECT_NAME", "linli")
    asked = [docker, "volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={name}"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False).stdout.split()


def _write_keyfile(file: Path) -> None:
    """What members of the database's replica set show each other: base64, as mongod refuses any other letter."""
    if not file.exists() or not KEYFILE.fullmatch(file.read_text()):
        _write(file, base64.b64encode(secrets.token_bytes(96)).decode())


def _lines(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _write(file: Path, text: str, mode: int = 0o600) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as out:
        os.fchmod(out.fileno(), mode)  # whatever the umask is, and was when the file was made
        out.write(text)
