"""The deployments: what is written for compose can be, and every part has its own rights. Kubernetes: test_kubernetes.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from pathlib import Path

import pytest
import yaml

from ops import deploy
from ops.broker import applications, definitions
from ops.deploy import prepare, service_environ
from ops.services import SERVICES
from ops.settings import PORTS, SECRETS, Installation, Problem
from shared.broker import topology

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where secrets are kept, for these tests."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LINLI_SECRETS", str(folder))
    _engine(tmp_path, monkeypatch, "exit 0")
    return folder


def _engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """A Docker client that does this."""
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir(exist_ok=True)
    client.write_text(f"#!/bin/sh\n{does}\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}{os.pathsep}{os.environ['PATH']}")


def test_secrets_are_made_once_and_are_for_the_owner_alone(tmp_path: Path) -> None:
    prepare("compose", tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    first = (tmp_path / "secrets.json").read_text()
    prepare("compose", tmp_path)
    assert (tmp_path / "secrets.json").read_text() == first
    for file in [*tmp_path.glob("*.env"), *tmp_path.glob("secrets.*"), *tmp_path.glob("keyfile")]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_compose_gives_each_service_its_own_secrets_and_health_checks(tmp_path: Path) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    prepare("compose", tmp_path)
    kept = json.loads((tmp_path / "secrets.json").read_text())
    for service in SERVICES:
        part = compose["services"][service]
        assert part["env_file"] == [f"deploy/compose/{service}.env"]
        assert f"./deploy/compose/secrets/{service}:{SECRETS}:ro" in part["volumes"]
        open_to_all = (tmp_path / f"{service}.env").read_text()
        files = {file.name: file.read_text() for file in (tmp_path / "secrets" / service).iterdir()}
        told = " ".join(files.values())
        for other in SERVICES:
            assert (kept["mongo"][other] in told) == (kept["amqp"][other] in told) == (other == service)
            assert kept["mongo"][other] not in open_to_all
        assert "retryWrites=true" in files["LINLI_MONGO_URI"]
        assert f"LINLI_MONGO_URI_FILE={SECRETS}/LINLI_MONGO_URI\n" in open_to_all
        assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "secrets" / service).iterdir()} == {0o444}
    for name in ("rabbitmq", "mongo", "mail", "edge"):
        assert "healthcheck" in compose["services"][name], name
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()
    assert set(compose["volumes"]) == {"rabbitmq", "mongo", "caddy"}


def test_the_keyfile_is_one_that_mongod_takes(tmp_path: Path) -> None:
    for n in range(20):
        prepare("compose", tmp_path / str(n))
        assert re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}", (tmp_path / str(n) / "keyfile").read_text())
    # One of before, of an alphabet that mongod refuses, cannot have worked.
    (tmp_path / "0" / "keyfile").write_text("a-b_c" * 20)
    prepare("compose", tmp_path / "0")
    assert (tmp_path / "0" / "keyfile").read_text() == (tmp_path / "1" / "keyfile").read_text()


@pytest.mark.parametrize("target", ["compose", "kubernetes"])
def test_containers_are_told_what_the_operator_chose_and_nothing_of_tests(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    chosen = {"LINLI_SMTP": "mail.example.org:587", "LINLI_SMS": "aliyun", "LINLI_MAIL_FROM": "ni@example.org"}
    for name, value in chosen.items() | {("LINLI_TEST", "1"), ("LINLI_FAULTS", "/tmp/x"), ("LINLI_CLOCK_FILE", "/tmp/y")}:
        monkeypatch.setenv(name, value)
    told = service_environ(Installation.load(prepare(target, tmp_path), {}), "notifications", target)
    assert {name: told[name] for name in chosen} == chosen
    assert not told.keys() & {"LINLI_TEST", "LINLI_FAULTS", "LINLI_CLOCK_FILE"}


def test_what_cleans_a_working_copy_takes_no_secrets_with_it(tmp_path: Path, home: Path) -> None:
    first = (prepare("compose", tmp_path / "deployed") / "secrets.json").read_text()
    keyfile = (tmp_path / "deployed" / "keyfile").read_text()
    shutil.rmtree(tmp_path / "deployed")
    assert (prepare("compose", tmp_path / "deployed") / "secrets.json").read_text() == first
    assert (tmp_path / "deployed" / "keyfile").read_text() == keyfile
    shutil.rmtree(home)  # an older release kept them among what is made of them
    assert (prepare("compose", tmp_path / "deployed") / "secrets.json").read_text() == first
    assert (home / "secrets.json").read_text() == first
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600


def test_two_projects_have_secrets_of_their_own_outside_of_any_working_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINLI_SECRETS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    homes = {deploy.home("compose", {"XDG_CONFIG_HOME": str(tmp_path), "COMPOSE_PROJECT_NAME": n}) for n in ("linli", "town")}
    homes.add(deploy.home("kubernetes", {"XDG_CONFIG_HOME": str(tmp_path)}))
    assert homes == {tmp_path / "linli" / name for name in ("linli", "town", "linli-kubernetes")}


def test_a_secret_is_made_anew_alone_and_never_one_that_data_is_encrypted_with(tmp_path: Path) -> None:
    prepare("compose", tmp_path)
    before = deploy.installation("compose", tmp_path).secrets
    for part in ("amqp.bookings", "mongo.petitions", "services.residents", "signing"):
        deploy.installation("compose", tmp_path).rotate(part)
    after = json.loads((prepare("compose", tmp_path) / "secrets.json").read_text())
    changed = {f"{a}.{b}" for a in before for b in before[a] if isinstance(before[a], dict) and before[a][b] != after[a][b]}
    assert {name for name in changed if not name.startswith("signing")} == {
        "amqp.bookings", "mongo.petitions", "services.residents"
    }  # fmt: skip
    assert before["signing"] != after["signing"]
    residents = (tmp_path / "residents.env").read_text()
    deploy.installation("compose", tmp_path).rotate("signing")
    prepare("compose", tmp_path)
    assert (tmp_path / "residents.env").read_text() != residents, "its container would not be made anew"
    for part in ("master.bookings", "installation", "amqp.nobody", "amqp", "signing.d", "operator", "keyfile", ""):
        with pytest.raises(Problem, match="cannot be made anew"):
            deploy.installation("compose", tmp_path).rotate(part)


def test_tls_is_asked_for_by_1_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compose file sees only whether it is set."""
    for value, found in (("", "amqp://"), ("1", "amqps://")):
        monkeypatch.setenv("LINLI_TLS", value)
        assert (prepare("compose", tmp_path) / "secrets" / "bookings" / "LINLI_AMQP_URI").read_text().startswith(found)
    for value in ("0", "no", "true"):
        monkeypatch.setenv("LINLI_TLS", value)
        with pytest.raises(Problem, match="LINLI_TLS is 1"):
            prepare("compose", tmp_path)


def test_other_peoples_services_get_rights_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_SUBSCRIBERS", "garden, school-bus")
    made = json.loads((prepare("compose", tmp_path) / "definitions.json").read_text())
    assert {"garden", "school-bus"} <= {user["name"] for user in made["users"]}
    assert {"garden", "school-bus"} <= {one["user"] for one in made["permissions"]}
    for name in ("bookings", "operator", "Garden", "a.b", "-"):
        monkeypatch.setenv("LINLI_SUBSCRIBERS", name)
        with pytest.raises(Problem, match="LINLI_SUBSCRIBERS"):
            prepare("compose", tmp_path)


def test_secrets_that_are_gone_are_not_made_anew_for_data_that_they_belong_to(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = '[ "$5" = label=com.docker.compose.project=town ] && echo town_mongo town_rabbitmq || true'
    _engine(tmp_path, monkeypatch, there)
    prepare("compose", tmp_path)
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "town")
    prepare("compose", tmp_path)
    shutil.rmtree(home)
    (tmp_path / "secrets.json").unlink()
    with pytest.raises(Problem, match="is gone, and without it nobody reads what lies in town_mongo, town_rabbitmq"):
        prepare("compose", tmp_path)
    assert not home.exists()
    _engine(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(Problem, match="the engine does not answer"):
        prepare("compose", tmp_path)


def test_only_a_demo_mails_to_the_server_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(profiles: str) -> tuple[str, str]:
        monkeypatch.setenv("COMPOSE_PROFILES", profiles)
        made = service_environ(Installation.load(prepare("compose", tmp_path), {}), "notifications", "compose")
        return made["LINLI_SMTP"], made["LINLI_SMS"]

    assert told("") == ("", "")
    assert told("ops,demo") == ("mail:1025", "file")


def test_what_the_broker_reads_it_can_read_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        prepare("compose", tmp_path)
    finally:
        os.umask(before)
    for name in ("definitions.json", "Caddyfile"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644, name
    for path in [tmp_path / "static", *(tmp_path / "static").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044, path


def test_a_parked_message_may_be_looked_at_as_often_as_anybody_likes() -> None:
    """RabbitMQ 4 drops a message of a quorum queue that came back 20 times, and each look gives it back."""
    made = definitions(SERVICES, dict.fromkeys((*SERVICES, "operator"), "x"))
    (policy,) = (policy for policy in made["policies"] if policy["definition"] == {"delivery-limit": 1_000_000})
    assert policy["apply-to"] == "queues"
    for service in SERVICES:
        assert re.search(policy["pattern"], topology.parked(service))
        assert not re.search(policy["pattern"], topology.inbox(service))


def test_nobody_has_rights_on_the_default_exchange_or_on_a_neighbour() -> None:
    made = definitions(SERVICES, dict.fromkeys((*SERVICES, "operator", "demo"), "x"), subscribers=("demo",))
    for rights in made["permissions"]:
        for kind in ("configure", "write"):
            assert not re.search(rights[kind], "amq.default")
            for service in set(SERVICES) - {rights["user"]}:
                assert not re.search(rights[kind], f"{service}.out")
                assert not re.search(rights[kind], f"{service}.inbox")
    policy = made["parameters"][0]["value"]
    for own in ("bookings.inbox", "bookings.parked", "bookings.retry.5m", "bookings.events.log"):
        assert not re.search(policy["pattern"], own)
    for foreign in ("demo.lijing", "evt-bookings-x--demo.y"):
        assert re.search(policy["pattern"], foreign)


def test_every_port_and_setting_of_one_machine_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    for name, port in PORTS.items():
        assert f"{name}={port}" in example


def test_a_broker_without_plugins_is_what_it_needs_and_what_that_needs(tmp_path: Path) -> None:
    needs = {
        "rabbit": "kernel, ra,\n  rabbit_common",
        "ra": "stdlib,aten",
        "aten": "",
        "rabbit_common": "ra",
        "rabbitmq_mqtt": "rabbit",
    }
    for name, others in needs.items():
        ebin = tmp_path / f"{name}-3.10.8" / "ebin"
        ebin.mkdir(parents=True)
        (ebin / f"{name}.app").write_text(f'{{application,{name},\n [{{vsn,"3"}},\n {{applications,[{others}]}}]}}.')
    assert {folder.name for folder in applications(tmp_path)} == {f"{name}-3.10.8" for name in set(needs) - {"rabbitmq_mqtt"}}
    assert applications(tmp_path / "elsewhere") == []
