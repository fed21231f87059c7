"""Nothing goes in clear: at the edge, to the broker, to the database."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import requests

from ops.client import until
from tests.containers.engine import Engine
from tests.containers.project import Project, clone

SITE = "linli.example"


@pytest.fixture(scope="module")
def secure(engine: Engine, tmp_path_factory: pytest.TempPathFactory):
    """A project for a site that the internet does not see, with TLS everywhere."""
    made = clone(engine, tmp_path_factory.mktemp("secure") / "town", name="secure", port=8200)
    made.settings = {"LINLI_SITE": SITE, "LINLI_SITE_TLS": "internal", "LINLI_TLS": "1"}
    try:
        made.up()
        yield made
    finally:
        made.down()


def answered(project: Project, url: str, **how: object) -> requests.Response:
    def ask() -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=10, allow_redirects=False, **how)  # type: ignore[arg-type]

    return project.engine.inside(ask)


def test_the_edge_speaks_tls_for_its_site_and_sends_there_who_comes_without(secure: Project, tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    shown = "cat /data/caddy/pki/authorities/local/root.crt"
    authority.write_text(secure.compose("exec", "-T", "edge", "sh", "-c", shown))
    asked = ["curl", "--silent", "--cacert", str(authority), "--resolve", f"{SITE}:8203:127.0.0.1", "--include"]

    def curl(url: str) -> str:
        done = subprocess.run([*secure.engine.entered(), *asked, url], capture_output=True, text=True, check=False)
        return done.stdout

    until(lambda: "401" in curl(f"https://{SITE}:8203/api/v1/_/rooms"), 30, "the edge to answer with TLS")
    assert "strict-transport-security: max-age=31536000" in curl(f"https://{SITE}:8203/api/v1/_/rooms").lower()
    there = answered(secure, "http://127.0.0.1:8200/api/v1/_/rooms", headers={"Host": SITE})
    assert (there.status_code, there.headers["Location"]) == (308, f"https://{SITE}/api/v1/_/rooms")


def test_services_and_the_operator_come_to_broker_and_database_with_tls_alone(secure: Project) -> None:
    secrets = secure.folder / "deploy" / "compose" / "secrets" / "bookings"
    assert (secrets / "LINLI_AMQP_URI").read_text().startswith("amqps://")
    assert "tls=true" in (secrets / "LINLI_MONGO_URI").read_text()
    operator = json.loads(secure.ops("communities", "list", "--json"))
    assert operator == []
    found = {row["part"]: row for row in json.loads(secure.ops("doctor", "--json", "--backups", "/backups", check=False))}
    assert found["certificate of broker"]["state"] == "well"
    assert found["certificate of database mongo:27017"]["state"] == "well"
    peers = secure.compose("exec", "-T", "rabbitmq", "sh", "-c", "rabbitmqctl -q list_connections user ssl")
    seen = dict(line.split("\t")[:2] for line in peers.splitlines() if "\t" in line)
    assert {seen[name] for name in ("residents", "bookings", "petitions", "notifications")} == {"true"}


def test_whoever_shows_another_certificate_is_not_believed(secure: Project) -> None:
    """As somebody who stands in between would: it is signed, but for another name."""
    swapped = "import kombu, sys; from shared.broker import topology as t; c = t.connection(sys.argv[1]); c.connect()"
    uri = (secure.folder / "deploy" / "compose" / "secrets" / "bookings" / "LINLI_AMQP_URI").read_text()
    address = secure.engine.run(
        "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "secure-rabbitmq-1"
    ).stdout.strip()
    ask = ("exec", "-T", "bookings", "python", "-W", "ignore", "-c", swapped)
    secure.compose(*ask, uri)
    with pytest.raises(RuntimeError, match="CERTIFICATE_VERIFY_FAILED"):
        secure.compose(*ask, uri.replace("@rabbitmq", f"@{address}"))
    with pytest.raises(RuntimeError, match="CERTIFICATE_VERIFY_FAILED"):
        secure.compose(*ask, uri.partition("?")[0])  # by an authority that the system does not know
