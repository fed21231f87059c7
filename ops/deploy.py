"""What containers need besides their images: secrets, the broker's definitions, the edge's static files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ops import certificates, kubernetes
from ops.backups.restore import restore_secrets
from ops.broker import definitions
from ops.documents import write_documents
from ops.edge import caddyfile
from ops.services import RECORDS, SERVICES
from ops.settings import ROOT, Installation, Problem, amqp_uri, apart, mongo_uri

FOR_TESTS = frozenset({"LINLI_TEST", "LINLI_FAULTS", "LINLI_CLOCK_FILE"})  # told to processes of this machine alone
CERTIFIED = ("rabbitmq", "mongo")  # containers that show a certificate
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
    if kept.environ.get("LINLI_TLS", "") not in ("", "1"):  # the compose file sees only whether it is set
        raise Problem("LINLI_TLS is 1, or is not set at all")
    ca = "/run/tls/ca.crt" if kept.environ.get("LINLI_TLS") and target == "compose" else ""
    told["LINLI_AMQP_URI"] = amqp_uri(service, secret["amqp"][service], hosts["amqp"], ca)
    options = f"replicaSet={hosts['set']}&retryWrites=true"
    told["LINLI_MONGO_URI"] = mongo_uri(service, secret["mongo"][service], hosts["mongo"], options, ca)
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


def home(target: str, environ: Mapping[str, str]) -> Path:
    """Where the secrets are kept: in no working copy, for `git clean` to leave them alone."""
    if chosen := environ.get("LINLI_SECRETS"):
        return Path(chosen).expanduser().resolve()
    config = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    name = environ.get("COMPOSE_PROJECT_NAME", "linli")
    return config / "linli" / (name if target == "compose" else f"{name}-{target}")


def installation(target: str, folder: Path | None = None) -> Installation:
    """What is deployed to `target`, with its secrets. Those of an older release lay among the files made of them."""
    folder = folder or ROOT / "deploy" / target
    kept = Installation.load(home(target, Installation.load(folder).environ))
    former = folder / "secrets.json"
    if not kept.secrets and former.exists():
        kept.keep_secrets(json.loads(former.read_text()))
    return kept


def prepare(target: str, folder: Path | None = None) -> Path:
    """Write the files for `target` into `folder` (deploy/<target>). Secrets are made once and kept; what is missing is added.
    Raises Problem where all are gone and there is data that they belong to."""
    folder = folder or ROOT / "deploy" / target
    kept = installation(target, folder)
    if not kept.secrets:
        _refuse_to_lose_data(target, kept)
    kept.make_secrets()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _write(folder / "secrets.json", kept.secrets_file.read_text())
    if target == "compose":
        _write_compose(kept, folder)
    else:
        made = definitions(SERVICES, kept.secrets["amqp"], kept.subscribers, kubernetes.ADMINISTRATOR)
        told = {service: service_environ(kept, service, target) for service in SERVICES}
        for name, text in kubernetes.overlay(kept, told, made, folder).items():
            _write(folder / name, text)
    return folder


def _refuse_to_lose_data(target: str, kept: Installation) -> None:
    """New secrets would read nothing of what is there. Raises Problem."""
    if target == "compose" and (volumes := _volumes(kept)):
        raise Problem(
            f"{kept.secrets_file} is gone, and without it nobody reads what lies in {', '.join(volumes)}: put it back, "
            "or take the data away (docker compose down --volumes)"
        )
    if target == "kubernetes" and kubernetes.has_secrets():
        # To apply new ones would overwrite the last copy of the keys.
        raise Problem(
            f"{kept.secrets_file} is gone, and the cluster has data that belongs to it: take it from there "
            "(docs/kubernetes.md: Install), or delete the namespace linli"
        )


def _write_compose(kept: Installation, folder: Path) -> None:
    made = definitions(SERVICES, kept.secrets["amqp"], kept.subscribers)
    _write(folder / "definitions.json", json.dumps(made, indent=1), 0o644)
    _write(folder / "keyfile", kept.secrets["keyfile"])
    _write_certificates(kept, folder / "tls")
    for service in SERVICES:
        _write_service(folder, service, service_environ(kept, service, "compose"))
    admin = {"MONGO_INITDB_ROOT_USERNAME": "admin", "MONGO_INITDB_ROOT_PASSWORD": kept.secrets["mongo"]["admin"]}
    users = {f"LINLI_MONGO_{s.upper()}": kept.secrets["mongo"][s] for s in SERVICES}
    _write(folder / "mongo.env", kubernetes.lines(admin | users))
    write_documents(folder / "static" / "api")
    for path in [folder / "static", *(folder / "static").rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    _write(folder / "Caddyfile", caddyfile(), 0o644)


def take_secrets(target: str, backup: Path, passphrase: str) -> None:
    """The secrets of a backup, for an installation that has none yet. Raises Problem where it has others."""
    restore_secrets(installation(target), backup, passphrase)


def _volumes(kept: Installation) -> list[str]:
    """Volumes of this compose project that there are; none where there is no engine. Raises Problem where one is silent."""
    docker = shutil.which("docker")
    if docker is None:
        return []
    name = kept.environ.get("COMPOSE_PROJECT_NAME", "linli")
    asked = [docker, "volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={name}"]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    if answer.returncode:
        raise Problem("the engine does not answer, so nobody knows whether there is data of before: start it")
    return answer.stdout.split()


def _write_service(folder: Path, service: str, told: dict[str, str]) -> None:
    """Its settings, and its secrets as files: seen by whoever runs in its container, and on this machine by the owner of the
    folder alone. A container is made anew where its settings change, so these say when a secret did."""
    plain, secret = apart(told)
    digest = hashlib.sha256(json.dumps(secret, sort_keys=True).encode()).hexdigest()[:16]
    _write(folder / f"{service}.env", kubernetes.lines(plain | {"LINLI_SECRETS_ARE": digest}))
    its = folder / "secrets" / service
    shutil.rmtree(its, ignore_errors=True)
    for name, value in secret.items():
        _write(its / name, value, 0o444)
    its.chmod(0o755)


def _write_certificates(kept: Installation, folder: Path) -> None:
    """What broker and database show, and whom to believe. Each container sees its own alone, as whoever it runs as."""
    source = kept.secrets_file.parent / "tls"
    certificates.ensure(source, CERTIFIED)
    folder.mkdir(exist_ok=True, mode=0o700)
    for name in ("ca.crt", *(f"{name}.{ending}" for name in CERTIFIED for ending in ("crt", "key", "pem"))):
        _write(folder / name, (source / name).read_text(), 0o644)


def _write(file: Path, text: str, mode: int = 0o600) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as out:
        os.fchmod(out.fileno(), mode)  # whatever the umask is, and was when the file was made
        out.write(text)
