"""Kubernetes: what the manifests say is what the records, the code and the other deployments say."""

from __future__ import annotations

import ast
import json
import os
import re
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ops.deploy import prepare, service_environ
from ops.kubernetes import manifest
from ops.services import RECORDS, SERVICES
from ops.settings import SECRET, SECRETS, Installation, Problem
from shared.settings import Settings, read
from tests.unit.manifests import K8S, ROOT, Manifest, container, lines, manifests, one, pods

OWN = {"Kustomization", "Component", "RabbitmqCluster", "MongoDBCommunity", "ServiceMonitor", "HTTPRoute"}


def seconds(probe: Manifest) -> int:
    """For how long a probe may fail before something is done."""
    return int(probe["periodSeconds"] * probe["failureThreshold"])


@pytest.mark.parametrize("made", manifests(), ids=lambda m: f"{m['kind']}-{m.get('metadata', {}).get('name', '')}")
@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_a_manifest_is_valid(made: Manifest, version: str) -> None:
    if made["kind"] not in OWN:
        kubernetes_validate.validate(made, version, strict=True)


def test_every_manifest_is_named_where_it_belongs() -> None:
    for file in K8S.rglob("kustomization.yaml"):
        named = yaml.safe_load(file.read_text())["resources"]
        assert set(named) == {other.name for other in file.parent.glob("*.yaml")} - {"kustomization.yaml"}, file
        assert named[0] == "namespace.yaml" or file.parent != K8S / "base"
    for made in manifests():
        assert made.get("metadata", {}).get("namespace", "linli") == "linli"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_what_its_record_says(name: str) -> None:
    written = K8S / "base" / f"{name}.yaml"
    assert written.exists() and written.read_text() == manifest(RECORDS[name]), "python -m ops.kubernetes"
    assert f"{name}.yaml" in yaml.safe_load((K8S / "base" / "kustomization.yaml").read_text())["resources"]
    limit = container(name)["resources"]["limits"]["memory"]
    assert limit == RECORDS[name].memory.replace("m", "Mi")
    assert one("HorizontalPodAutoscaler", name)["spec"]["minReplicas"] >= max(2, RECORDS[name].replicas)
    assert "replicas" not in one("Deployment", name)["spec"], "each apply would undo what the autoscaler did"


def test_the_images_are_those_that_make_builds_and_of_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    base = yaml.safe_load((K8S / "base" / "kustomization.yaml").read_text())["images"]
    before = yaml.safe_load((K8S / "migrate" / "kustomization.yaml").read_text())["images"]
    names = {f"linli-{name}" for name in (*SERVICES, "edge", "ops")}
    assert {(image["name"], image["newTag"]) for image in base} == {(name, version) for name in names}
    assert before == [{"name": "linli-ops", "newTag": version}]
    assert {container(name)["image"] for name in pods()} == {f"{name}:{version}" for name in names}
    told = ["make", "--no-print-directory", "--dry-run", "images", "LINLI_IMAGES=here/"]
    built = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"--tag here/(\S+)", built)) == {f"{name}:{version}" for name in names}
    for recipe in re.findall(r"--file (\S+)", built):
        assert (ROOT / recipe).exists()
    assert one("Job", f"migrate-{version.replace('.', '-')}")


def test_the_image_of_the_edge_is_given_what_it_copies() -> None:
    """What .dockerignore leaves out, no recipe finds."""
    taken = (ROOT / ".dockerignore").read_text().splitlines()
    for source in re.findall(r"^COPY (?!--from)(\S+)", (ROOT / "deploy" / "edge.Dockerfile").read_text(), re.MULTILINE):
        assert f"!{source}" in taken, source


def test_every_pod_may_do_no_more_than_the_level_restricted_allows() -> None:
    level = one("Namespace", "linli")["metadata"]["labels"]
    assert level["pod-security.kubernetes.io/enforce"] == "restricted"
    database = one("MongoDBCommunity", "mongodb")["spec"]["statefulSet"]["spec"]["template"]["spec"]
    for spec in [*(pod["spec"] for pod in pods().values()), database]:
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for part in [*spec["containers"], *spec.get("initContainers", [])]:
            assert part["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    assert {part["name"] for part in database["initContainers"]} == {"mongod-posthook", "mongodb-agent-readinessprobe"}
    assert {part["name"] for part in database["containers"]} == {"mongod", "mongodb-agent"}


# -- probes, and the end of a pod


def test_probes_ask_what_is_there_and_bear_a_slow_second() -> None:
    server = (ROOT / "shared" / "entrypoints" / "server.py").read_text()
    static = (ROOT / "ops" / "documents.py").read_text()
    for name in (*SERVICES, "edge"):
        only = container(name)
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            if kind not in only:
                continue
            path, port = only[kind]["httpGet"]["path"], only[kind]["httpGet"]["port"]
            assert f'"{path}"' in server if name in SERVICES else (path == "/api/docs/" and '"docs" / "index.html"' in static)
            assert port in {there["name"] for there in only["ports"]}
            assert only[kind]["timeoutSeconds"] >= 3 and only[kind]["failureThreshold"] >= 3
        assert 10 <= seconds(only["readinessProbe"]) <= 30
        assert seconds(only["livenessProbe"]) >= 30


def test_a_service_waits_longer_for_its_first_start_than_three_members_take() -> None:
    (broker,) = one("RabbitmqCluster", "rabbitmq")["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"]["containers"]
    before = 30  # the operator's own sleep before it
    for name in SERVICES:
        assert seconds(container(name)["startupProbe"]) > before + seconds(broker["startupProbe"])


def test_a_pod_is_given_longer_than_draining_takes() -> None:
    told = {}
    for node in ast.parse((ROOT / "shared" / "runtime" / "runner.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            told |= {name: ast.literal_eval(node.value)} if name in ("EDGE_NOTICE_SECONDS", "DRAIN_SECONDS") else {}
    drains = told["EDGE_NOTICE_SECONDS"] + sum(told["DRAIN_SECONDS"].values())
    for name in SERVICES:
        sleeps = container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pods()[name]["spec"]["terminationGracePeriodSeconds"] > sleeps + drains > 20


# -- secrets


def test_secrets_are_made_once_and_are_for_the_owner_alone(overlay: Path) -> None:
    before = {file: file.read_text() for file in overlay.rglob("*") if file.is_file() and file.name != "definitions.json"}
    prepare("kubernetes", overlay)
    assert {file: file.read_text() for file in before} == before
    for file in before:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_secrets_that_are_gone_are_not_made_anew_for_a_cluster_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(
        '#!/bin/sh\n[ "$1 $2 $3 $5" = "get secret linli-ops linli" ] && [ -e "$THERE" ] && echo secret/linli-ops\n'
    )
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", str(kubectl.parent), prepend=os.pathsep)
    monkeypatch.setenv("THERE", str(tmp_path / "there"))
    monkeypatch.setenv("LINLI_SECRETS", str(tmp_path / "secrets"))
    kept = tmp_path / "secrets" / "secrets.json"
    prepare("kubernetes", tmp_path / "kubernetes")
    (tmp_path / "there").touch()
    prepare("kubernetes", tmp_path / "kubernetes")
    kept.unlink()
    (tmp_path / "kubernetes" / "secrets.json").unlink()
    with pytest.raises(Problem, match="the cluster has data that belongs to it"):
        prepare("kubernetes", tmp_path / "kubernetes")
    assert not kept.exists()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_finds_its_secrets_in_files_and_they_stand_nowhere_else(name: str, overlay: Path, tmp_path: Path) -> None:
    plain, secret = lines(overlay / f"{name}.env"), lines(overlay / f"{name}.secret.env")
    assert {f"{known}_FILE": f"{SECRETS}/{known}" for known in secret}.items() <= plain.items()
    for known, value in secret.items():
        (tmp_path / known).write_text(value)
    told = service_environ(Installation.load(overlay, {}), name, "kubernetes")
    found = {known: value.replace(SECRETS, str(tmp_path)) for known, value in plain.items()}
    assert {known: read(found, known, "") for known in told} == told
    assert Settings.load(name, found).mongo_uri == told["LINLI_MONGO_URI"]

    def values(kept: Any) -> list[str]:
        if isinstance(kept, dict):
            return [value for part, inner in kept.items() if part not in ("kty", "crv", "kid", "x") for value in values(inner)]
        return [kept]

    kept = json.loads((overlay / "secrets.json").read_text())
    for value in values(kept):
        assert value not in (overlay / f"{name}.env").read_text()
    for other in set(SERVICES) - {name}:
        for value in (kept["mongo"][other], kept["amqp"][other], kept["master"][other], kept["services"][other]["d"]):
            assert value not in (overlay / f"{name}.secret.env").read_text()


def test_what_is_a_secret_is_read_so_that_it_may_be_a_file() -> None:
    code = "".join(file.read_text() for part in ("shared", "services") for file in (ROOT / part).rglob("*.py"))
    example = re.findall(r"^#?(LINLI_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    secret = {name for name in [*example, *re.findall(r'"(LINLI_[A-Z_]+)"', code)] if SECRET.search(name)}
    assert {"LINLI_SMTP_PASSWORD", "LINLI_ALIYUN_KEY_SECRET", "LINLI_MASTER_KEY", "LINLI_OPERATOR_PASSWORD"} <= secret
    for name in secret:
        assert re.search(rf'\bread\([^()"]*, "{name}"', code), f"{name} is read past LINLI_…_FILE"
        assert not re.search(rf'(environ|\be)(\.get\(|\[)"{name}"', code), name


def test_every_secret_and_setting_that_a_pod_names_is_written(overlay: Path) -> None:
    joined = yaml.safe_load((overlay / "kustomization.yaml").read_text())
    secrets = {made["name"]: made for made in joined["secretGenerator"]}
    settings = {made["name"] for made in joined["configMapGenerator"]}
    text = json.dumps(manifests())
    named = set(re.findall(r'"(?:secretName|passwordSecretRef|externalSecret)": (?:\{"name": )?"([^"]+)"', text))
    assert named == set(secrets) and len(named) > len(SERVICES)
    assert set(re.findall(r'"configMapRef": \{"name": "([^"]+)"', text)) == settings
    for made in [*joined["secretGenerator"], *joined["configMapGenerator"]]:
        for file in [*made.get("envs", []), *made.get("files", [])]:
            assert (overlay / file).exists()
    # Where kustomize cannot rename what names it, or a person types it, the name has to stay.
    for name, made in secrets.items():
        fixed = made.get("options", {}).get("disableNameSuffixHash", False)
        assert fixed == (name.removeprefix("linli-") not in SERVICES), name
    assert (overlay / joined["resources"][0]).resolve() == K8S / "base"
    before = yaml.safe_load((overlay / "migrate" / "kustomization.yaml").read_text())
    assert (overlay / "migrate" / before["resources"][0]).resolve() == K8S / "migrate"


def test_the_operator_s_choices_are_in_the_overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {
        "LINLI_IMAGES": "registry.example/linli/",
        "LINLI_OIDC_ISSUER": "https://id.example",
        "LINLI_TRUSTED_PROXIES": "10.1.0.0/16",
        "LINLI_SECRETS": str(tmp_path / "secrets"),
        "LINLI_SUBSCRIBERS": "garden",
    }
    for name, value in (chosen | {"KUBECONFIG": os.devnull}).items():
        monkeypatch.setenv(name, value)
    overlay = prepare("kubernetes", tmp_path)
    joined = yaml.safe_load((overlay / "kustomization.yaml").read_text())
    names = {image["name"]: image["newName"] for image in joined["images"]}
    assert names == {f"linli-{name}": f"registry.example/linli/linli-{name}" for name in (*SERVICES, "edge", "ops")}
    assert "garden" in {user["name"] for user in json.loads((overlay / "definitions.json").read_text())["users"]}
    assert (overlay / joined["components"][0]).resolve() == K8S / "components" / "oidc"
    assert lines(overlay / "edge.env") == {"LINLI_TRUSTED_PROXIES": "10.1.0.0/16"}
    assert lines(overlay / "residents.env")["LINLI_OIDC_ISSUER"] == "https://id.example"
