"""What Kubernetes needs: the manifests of the services, of their records, and an overlay with what is secret or chosen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Any

import yaml

from ops.services import RECORDS, SERVICES
from ops.settings import RELEASE, ROOT, Installation, apart
from shared.runtime.record import Service

BASE = ROOT / "k8s" / "base"
ADMINISTRATOR = "admin"  # of the broker, whom its operator is told
KEYS = "residents"  # whoever checks a token fetches the keys there

Files = dict[str, str]  # by path, inside the overlay


# -- the manifests of the services


def manifest(record: Service) -> str:
    """k8s/base/<name>.yaml."""
    least = max(2, record.replicas)  # one may be gone at any time
    return Template((ROOT / "k8s" / "service.yaml").read_text()).substitute(
        name=record.name,
        version=RELEASE,
        memory=f"{record.memory}i".replace("mi", "Mi").replace("gi", "Gi"),
        least=least,
        most=3 * least,
        callers=", ".join(["edge", *callers(record.name)]),
        asked=", ".join(asked(record.name)),
    )


def asked(service: str) -> list[str]:
    """The neighbours that a service may ask."""
    return sorted({*RECORDS[service].asks, KEYS} - {service})


def callers(service: str) -> list[str]:
    """The neighbours that may ask a service."""
    return sorted(other for other in SERVICES if service in asked(other))


# -- the overlay


def has_secrets() -> bool:
    """Whether the cluster that kubectl speaks to, if there is one, has those of an installation."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return False
    asked = [kubectl, "get", "secret", "linli-ops", "--namespace", "linli", "--output", "name", "--request-timeout", "5s"]
    return bool(subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False).stdout.strip())


def overlay(kept: Installation, told: dict[str, dict[str, str]], definitions: dict[str, Any], folder: Path) -> Files:
    """The files of deploy/kubernetes: what each service is told, secrets apart from settings, and how it joins the base."""
    files = {}
    for service, environ in told.items():
        plain, secret = apart(environ)
        files[f"{service}.env"] = lines(plain)
        files[f"{service}.secret.env"] = lines(secret)
    files["edge.env"] = lines({"LINLI_TRUSTED_PROXIES": kept.environ.get("LINLI_TRUSTED_PROXIES") or "255.255.255.255/32"})
    for user, password in kept.secrets["mongo"].items():
        files[f"mongodb-{user}.secret.env"] = lines({"password": password})
    files["definitions.json"] = json.dumps(definitions, indent=1)
    files["default_user.conf"] = _default_user(kept)
    files["administrator.secret.env"] = lines(_administrator(kept))
    files["passphrase"] = kept.environ.get("LINLI_BACKUP_PASSPHRASE", "")
    files["kustomization.yaml"] = _yaml(_kustomization(kept, folder))
    files["migrate/kustomization.yaml"] = _yaml(
        _head(kept, ["linli-ops"]) | {"resources": [_to(ROOT / "k8s" / "migrate", folder / "migrate")]}
    )
    return files


def _kustomization(kept: Installation, folder: Path) -> dict[str, Any]:
    # Names have a hash of what is in there, so that pods are replaced when it changes; but not where somebody has to know them.
    fixed = {"disableNameSuffixHash": True}
    joined = _head(kept, [f"linli-{name}" for name in (*SERVICES, "edge", "ops")]) | {
        "resources": [_to(BASE, folder)],
        "configMapGenerator": [{"name": f"linli-{name}", "envs": [f"{name}.env"]} for name in (*SERVICES, "edge")],
        "secretGenerator": [
            *({"name": f"linli-{service}", "envs": [f"{service}.secret.env"]} for service in SERVICES),
            *(
                {"name": f"linli-mongodb-{user}", "envs": [f"mongodb-{user}.secret.env"], "options": fixed}
                for user in kept.secrets["mongo"]
            ),
            {"name": "linli-rabbitmq-definitions", "files": ["definitions.json"], "options": fixed},
            {
                "name": "linli-rabbitmq-admin",
                "envs": ["administrator.secret.env"],
                "files": ["default_user.conf"],
                "options": fixed,
            },
            {"name": "linli-ops", "files": ["secrets.json"], "options": fixed},
            {"name": "linli-backup", "files": ["passphrase"], "options": fixed},
        ],
    }
    if kept.environ.get("LINLI_OIDC_ISSUER"):
        joined["components"] = [_to(ROOT / "k8s" / "components" / "oidc", folder)]
    return joined


def _head(kept: Installation, images: list[str]) -> dict[str, Any]:
    head: dict[str, Any] = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": "linli"}
    head |= {"sortOptions": {"order": "legacy"}}  # the namespace before what is in it
    if prefix := kept.environ.get("LINLI_IMAGES"):
        head["images"] = [{"name": name, "newName": f"{prefix}{name}"} for name in images]
    return head


def _administrator(kept: Installation) -> dict[str, str]:
    """What the broker's operator reads of its user, besides the file."""
    return {
        "username": ADMINISTRATOR,
        "password": kept.secrets["amqp"][ADMINISTRATOR],
        "host": "rabbitmq.linli.svc",
        "port": "5672",
        "provider": "rabbitmq",
        "type": "rabbitmq",
    }


def _default_user(kept: Installation) -> str:
    return f"default_user = {ADMINISTRATOR}\ndefault_pass = {kept.secrets['amqp'][ADMINISTRATOR]}\n"


def _to(target: Path, folder: Path) -> str:
    return os.path.relpath(target, folder.resolve())


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False)


def lines(values: dict[str, str]) -> str:
    """The content of an .env file."""
    return "".join(f"{name}={value}\n" for name, value in values.items())


if __name__ == "__main__":
    for record in RECORDS.values():
        (BASE / f"{record.name}.yaml").write_text(manifest(record))
        print(f"written: k8s/base/{record.name}.yaml", file=sys.stderr)
