"""The manifests of k8s/, as tests look at them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
Manifest = dict[str, Any]


@cache
def manifests() -> list[Manifest]:
    """All there are; k8s/service.yaml is a template."""
    files = [file for file in sorted(K8S.rglob("*.yaml")) if file != K8S / "service.yaml"]
    return [made for file in files for made in yaml.safe_load_all(file.read_text())]


def one(kind: str, name: str) -> Manifest:
    """The one of this kind and name."""
    (found,) = [made for made in manifests() if made["kind"] == kind and made["metadata"]["name"] == name]
    return found


def pods() -> dict[str, Manifest]:
    """The template of every pod that we run ourselves, by name."""
    found = {made["metadata"]["name"]: made["spec"] for made in manifests() if made["kind"] in ("Deployment", "CronJob", "Job")}
    return {name: spec.get("jobTemplate", {"spec": spec})["spec"]["template"] for name, spec in found.items()}


def container(name: str) -> Manifest:
    """The only container of a pod."""
    (only,) = pods()[name]["spec"]["containers"]
    return dict(only)


def lines(file: Path) -> dict[str, str]:
    """NAME=value, a line each."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines())
