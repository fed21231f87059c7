"""Kubernetes: the broker, the database, the edge, who may talk to whom, and the operator's command."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ops.broker import definitions
from ops.deploy import HOSTS, service_environ
from ops.edge import caddyfile
from ops.kubernetes import ADMINISTRATOR, asked, callers
from ops.services import SERVICES
from ops.settings import Installation
from tests.unit.manifests import K8S, ROOT, Manifest, container, lines, manifests, one, pods


def bytes_of(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+) ?(\w*)", text.strip()).groups()  # type: ignore[union-attr]
    return float(number) * {"MiB": 2**20, "GB": 1e9, "m": 2**20, "g": 2**30, "Gi": 2**30}[unit]


# -- the broker


def test_the_broker_is_bounded_as_the_one_of_compose_is() -> None:
    def settings(text: str) -> dict[str, str]:
        return {name.strip(): value.strip() for name, value in (row.split("=", 1) for row in text.splitlines() if "=" in row)}

    spec = one("RabbitmqCluster", "rabbitmq")["spec"]
    here, there = settings(spec["rabbitmq"]["additionalConfig"]), settings((ROOT / "deploy" / "rabbitmq.conf").read_text())
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["rabbitmq"]["mem_limit"]
    mark, limit = "vm_memory_high_watermark.absolute", spec["resources"]["limits"]["memory"]
    assert bytes_of(here[mark]) / bytes_of(limit) == pytest.approx(bytes_of(there[mark]) / bytes_of(compose))
    assert bytes_of(here["disk_free_limit.absolute"]) > bytes_of(here[mark]), "what memory holds must find room on the disk"
    assert bytes_of(spec["persistence"]["storage"]) > 5 * bytes_of(here["disk_free_limit.absolute"])
    assert here["log.console.level"] == there["log.console.level"]
    (mount,) = spec["override"]["statefulSet"]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert here["load_definitions"] == f"{mount['mountPath']}/definitions.json"
    grows = "quorum_queue.continuous_membership_reconciliation"
    assert (here[f"{grows}.enabled"], here[f"{grows}.target_group_size"]) == ("true", str(spec["replicas"]))
    assert re.fullmatch(r"rabbitmq:4\.\d+\.\d+(-\w+)?(@sha256:[0-9a-f]{64})?", spec["image"]), "one release, not the newest"


def test_the_broker_s_operator_is_told_the_administrator_that_the_definitions_make(overlay: Path) -> None:
    made = json.loads((overlay / "definitions.json").read_text())
    (user,) = [user for user in made["users"] if user["tags"]]
    assert (user["name"], user["tags"]) == (ADMINISTRATOR, "administrator")
    assert [rights for rights in made["permissions"] if rights["user"] == ADMINISTRATOR] == [
        {"user": ADMINISTRATOR, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    ]
    told = lines(overlay / "administrator.secret.env")
    hashed = base64.b64decode(user["password_hash"])
    assert hashlib.sha256(hashed[:4] + told["password"].encode()).digest() == hashed[4:]
    assert told["username"] == ADMINISTRATOR
    assert (overlay / "default_user.conf").read_text() == f"default_user = {ADMINISTRATOR}\ndefault_pass = {told['password']}\n"


def test_where_nobody_asks_for_an_administrator_there_is_none() -> None:
    made = definitions(SERVICES, dict.fromkeys((*SERVICES, "operator"), "x"))
    assert not [user for user in made["users"] if user["tags"] or user["name"] == ADMINISTRATOR]


# -- the database


def test_the_database_has_no_hole_that_is_known_and_a_user_for_each(overlay: Path) -> None:
    spec = one("MongoDBCommunity", "mongodb")["spec"]
    series, _, patch = spec["version"].rpartition(".")
    assert int(patch) >= {"8.0": 17, "7.0": 28}[series], "CVE-2025-14847"
    assert spec["featureCompatibilityVersion"] == series
    rights = {user["name"]: (user["db"], [(role["name"], role["db"]) for role in user["roles"]]) for user in spec["users"]}
    assert rights == {name: (name, [("readWrite", name)]) for name in SERVICES} | {"admin": ("admin", [("root", "admin")])}
    for user in spec["users"]:
        assert user["passwordSecretRef"] == {"name": f"linli-mongodb-{user['name']}"}
        kept = json.loads((overlay / "secrets.json").read_text())["mongo"][user["name"]]
        assert (overlay / f"mongodb-{user['name']}.secret.env").read_text() == f"password={kept}\n"


def test_services_and_the_operator_s_command_find_broker_and_database() -> None:
    broker, database = one("RabbitmqCluster", "rabbitmq")["metadata"]["name"], one("MongoDBCommunity", "mongodb")
    name, members = database["metadata"]["name"], database["spec"]["members"]
    hosts = HOSTS["kubernetes"]
    assert (hosts["amqp"], hosts["set"]) == (broker, name)
    assert hosts["mongo"].split(",") == [f"{name}-{n}.{name}-svc:27017" for n in range(members)]  # as the operator names them
    edge = one("Service", "edge")["spec"]["ports"][0]["port"]
    cron = pods()["ops"]["spec"]
    told = {setting["name"]: setting["value"] for setting in cron["containers"][0]["env"]}
    assert told == {
        "LINLI_RUN": cron["containers"][0]["volumeMounts"][0]["mountPath"],
        "LINLI_EDGE_AT": f"edge:{edge}",
        "LINLI_AMQP_AT": f"{broker}:5672",
        "LINLI_MONGO_AT": hosts["mongo"],
        "LINLI_MONGO_SET": name,
    }


def test_the_job_of_a_release_is_the_operator_s_command_with_another_word() -> None:
    (job,) = [made for made in manifests() if made["kind"] == "Job"]
    cron = pods()["ops"]["spec"]
    pod = json.loads(json.dumps(job["spec"]["template"]["spec"]))
    assert pod["containers"][0].pop("args") == ["migrate", "run"]
    pod["containers"][0] |= {"name": "ops", "args": cron["containers"][0]["args"]}
    assert pod == cron


def test_the_backup_of_each_night_is_the_operator_s_command_with_a_place_and_a_passphrase(overlay: Path) -> None:
    cron, pod = pods()["ops"]["spec"], json.loads(json.dumps(pods()["backup"]["spec"]))
    (own,) = pod["containers"]
    assert own["args"] == ["backup", "/backups"]
    assert own["image"] == cron["containers"][0]["image"]
    assert own["securityContext"] == cron["containers"][0]["securityContext"]
    assert pod["securityContext"] == cron["securityContext"]
    told = {setting["name"]: setting["value"] for setting in own["env"]}
    mounted = {mount["name"]: mount["mountPath"] for mount in own["volumeMounts"]}
    assert told.pop("LINLI_BACKUP_PASSPHRASE_FILE") == f"{mounted['passphrase']}/passphrase"
    assert told == {setting["name"]: setting["value"] for setting in cron["containers"][0]["env"]}
    assert mounted["backups"] == "/backups"
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert (
        volumes["backups"]["persistentVolumeClaim"]["claimName"] == one("PersistentVolumeClaim", "backups")["metadata"]["name"]
    )
    assert volumes["passphrase"]["secret"]["secretName"] in (overlay / "kustomization.yaml").read_text()
    assert (overlay / "passphrase").exists()


# -- the edge


def test_the_edge_is_that_of_compose_but_looks_at_no_replica() -> None:
    here, there = caddyfile(looks=False), caddyfile()
    gone = [line for line in there.splitlines() if line not in here.splitlines()]
    looks = {"health_uri", "health_interval", "health_timeout", "health_headers", "X-Linli-Service"}
    assert {line.split()[0] for line in gone} <= looks
    assert "health_" not in here and "header_up X-Linli-Service bookings" in here
    assert "request_header @direct X-Linli-Client {http.request.remote.host}" in here
    only = container("edge")
    told = {setting["name"]: setting["value"] for setting in only["env"]}
    needed = set(re.findall(r"\{\$(LINLI_\w+)\}", here))  # without a default
    assert needed == set(told), "a service whose Service the edge is not told"
    for service in SERVICES:
        port = one("Service", service)["spec"]["ports"][0]["port"]
        assert told[f"LINLI_{service.upper()}_UPSTREAMS"] == f"{service}:{port}"
    assert int(told["LINLI_EDGE_PORT"]) == only["ports"][0]["containerPort"]


def test_the_pages_of_the_api_are_too_large_for_a_config_map(tmp_path: Path) -> None:
    """Why there is an image of the edge."""
    from ops.documents import write_documents

    write_documents(tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) > 2**20


# -- who may talk to whom


def names_in(rules: list[Manifest], kind: str) -> set[str]:
    found: set[str] = set()
    for rule in rules:
        for peer in rule.get(kind, []):
            for wanted in peer.get("podSelector", {}).get("matchExpressions", []):
                found |= set(wanted["values"])
    return found


def test_nobody_talks_to_anybody_unless_it_is_said() -> None:
    assert one("NetworkPolicy", "nobody")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_ask_whom_it_is_told_the_address_of_and_they_let_it_in(name: str, overlay: Path) -> None:
    told = service_environ(Installation.load(overlay, {}), name, "kubernetes")
    addressed = {host for value in told.values() for host in re.findall(r"^http://([a-z]+):8000", value)}
    policy = one("NetworkPolicy", name)["spec"]
    assert names_in(policy["egress"], "to") == addressed == set(asked(name))
    assert names_in(policy["ingress"], "from") == {"edge", *callers(name)}
    for other in addressed:
        assert name in names_in(one("NetworkPolicy", other)["spec"]["ingress"], "from")


def test_a_policy_s_ports_and_labels_are_those_of_the_pods_it_speaks_of() -> None:
    labels = {"rabbitmq": {"app.kubernetes.io/name": "rabbitmq"}, "mongodb": {"app": "mongodb-svc"}}  # as their operators do
    for name, label in labels.items():
        assert one("NetworkPolicy", name)["spec"]["podSelector"]["matchLabels"] == label
        assert one("PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"] == label
    both = one("NetworkPolicy", "to-broker-and-database")["spec"]
    assert [(rule["to"][0]["podSelector"]["matchLabels"], rule["ports"][0]["port"]) for rule in both["egress"]] == [
        (labels["rabbitmq"], 5672),
        (labels["mongodb"], 27017),
    ]
    (within,) = both["podSelector"]["matchExpressions"]
    for name in pods().keys() - {"edge"}:
        assert pods()[name]["metadata"]["labels"]["app.kubernetes.io/component"] in within["values"]


def test_prometheus_is_let_in_where_it_is_told_to_look() -> None:
    monitors = {made["metadata"]["name"]: made["spec"] for made in manifests() if made["kind"] == "ServiceMonitor"}
    for name, port in {"services": 8000, "rabbitmq": 15692}.items():
        policy = one("NetworkPolicy", f"metrics-of-{name}")["spec"]
        assert policy["podSelector"]["matchLabels"] == monitors[name]["selector"]["matchLabels"]
        assert policy["ingress"][0]["ports"] == [{"port": port}]
    for service in SERVICES:
        made = one("Service", service)
        assert monitors["services"]["selector"]["matchLabels"].items() <= made["metadata"]["labels"].items()
        assert monitors["services"]["endpoints"][0]["port"] == made["spec"]["ports"][0]["name"]
    backend = one("HTTPRoute", "linli")["spec"]["rules"][0]["backendRefs"][0]
    assert backend == {"name": "edge", "port": one("Service", "edge")["spec"]["ports"][0]["port"]}


# -- the operator's command

KUBECTL = """#!/bin/sh
shift 2  # --namespace linli
echo "$*" >>"$CALLS"
case "$*" in
  "patch "*) cat >/dev/null; while [ $# -gt 0 ]; do [ "$1" != --patch ] || printf %s "$2" >"$PATCH"; shift; done ;;
  "create job"*) echo job ;;
  "create "*) cat >/dev/null ;;
  "logs "*) echo said; exit $(($(grep -c '^logs' "$CALLS") < 3)) ;;
  "get job"*) printf %s "$ENDED" ;;
esac
"""


@pytest.mark.parametrize(("ended", "status"), [("1/", 0), ("/1", 1)])
def test_what_the_operator_types_becomes_a_job_word_by_word(ended: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    words = ["communities", "add", "lijing", "--name", '丽景 "东"', r"a\b", "", "$HOME"]
    environ = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "PATCH": str(tmp_path / "patch"),
        "ENDED": ended,
    }
    done = subprocess.run([K8S / "linli", *words], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    (change,) = json.loads((tmp_path / "patch").read_text())
    assert (change["path"], change["value"]) == ("/spec/template/spec/containers/0/args", words)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert "--from=cronjob/ops" in "\n".join(calls) and calls[-1].startswith("delete job ops-")
    assert done.stdout.splitlines()[-1] == "said"
