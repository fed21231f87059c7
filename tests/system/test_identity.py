"""An external OIDC issuer, by configuration: here one that the test makes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from ops.client import Client
from tests.system.world import World, free_ports


class Issuer:
    """A provider with discovery and keys, as Keycloak and its like have."""

    def __init__(self) -> None:
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa-1"})
        self.ec = ECKey.generate_key("P-256", {"kid": "ec-1"})
        self.url = ""

    def token(self, key: Any, algorithm: str, **changed: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": ["linli", "other"], "sub": "u-1", "exp": now + 300, "groups": ["lijing:worker"]}
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims | changed, key)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = {"keys": [made.rsa.as_dict(private=False), made.ec.as_dict(private=False)]}
            body = {"jwks_uri": f"{made.url}/keys"} if "openid-configuration" in self.path else keys
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_ports(1)[0]), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()


@pytest.fixture(scope="module")
def replica(world: World, issuer: Issuer) -> Iterator[str]:
    """One more replica of bookings, which trusts the issuer."""
    import subprocess
    import sys

    port = free_ports(1)[0]
    file = world.here.path("env", "bookings-0.sh")
    settings = f"LINLI_LISTEN=127.0.0.1:{port} LINLI_OIDC_ISSUER={issuer.url} LINLI_OIDC_CLAIM=groups"
    command = f". {file} && {settings} exec {sys.executable} -m shared.runner bookings"
    with world.here.path("logs", "bookings-oidc.log").open("wb") as out:
        process = subprocess.Popen(["/bin/sh", "-c", command], stdout=out, stderr=out)
    try:
        base = f"http://127.0.0.1:{port}"
        world.until(lambda: _up(base), what="the replica")
        yield base
    finally:
        process.terminate()
        process.wait(30)


def _up(base: str) -> bool:
    import requests

    try:
        return requests.get(f"{base}/readyz", timeout=2).ok
    except requests.ConnectionError:
        return False


def test_tokens_of_a_configured_issuer_open_the_communities_they_name(replica: str, issuer: Issuer) -> None:
    for key, algorithm in ((issuer.rsa, "RS256"), (issuer.ec, "ES256")):
        client = Client(replica, issuer.token(key, algorithm))
        assert client.call("GET", "/lijing/rooms").status_code == 200
        assert client.call("GET", "/shengtaiyuan/rooms").status_code == 404


def test_our_own_tokens_still_work_beside_it(world: World, replica: str) -> None:
    assert Client(replica, world.lijing.resident.token).call("GET", "/lijing/rooms").status_code == 200


@pytest.mark.parametrize("changed", [{"aud": "other"}, {"exp": 1}, {"iss": "http://evil"}, {"nbf": 2**33}, {"sub": ""}])
def test_tokens_that_are_not_for_us_are_refused(replica: str, issuer: Issuer, changed: dict[str, Any]) -> None:
    reply = Client(replica, issuer.token(issuer.rsa, "RS256", **changed)).call("GET", "/lijing/rooms")
    assert reply.status_code == 401
    assert reply.json()["code"] in ("token_invalid", "token_expired")


def test_a_key_that_the_issuer_does_not_publish_is_refused(replica: str, issuer: Issuer) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "rsa-1"})
    assert Client(replica, issuer.token(stranger, "RS256")).call("GET", "/lijing/rooms").status_code == 401
    unsigned = issuer.token(issuer.rsa, "RS256").rpartition(".")[0] + "."
    assert Client(replica, unsigned).call("GET", "/lijing/rooms").status_code == 401


def test_a_claim_without_roles_opens_nothing(replica: str, issuer: Issuer) -> None:
    reply = Client(replica, issuer.token(issuer.rsa, "RS256", groups=["lijing:king"])).call("GET", "/lijing/rooms")
    assert reply.status_code == 403
