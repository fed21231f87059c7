"""An external OIDC issuer, by configuration: here one that the test makes."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from ops.client import Client
from tests.system.world import Community, World, free_ports, spare_replica


class Issuer:
    """A provider with discovery and keys, as Keycloak and its like have."""

    def __init__(self) -> None:
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa-1"})
        self.ec = ECKey.generate_key("P-256", {"kid": "ec-1"})
        self.url = ""

    def token(self, key: Any, algorithm: str, **changed: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": ["linli", "other"], "sub": "u-1", "exp": now + 300}
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
    """One more replica of residents, which knows the provider."""
    with spare_replica(world, "residents", LINLI_OIDC_ISSUER=issuer.url) as base:
        yield base


@pytest.fixture
def linked(world: World, lijing: Community, replica: str, issuer: Issuer) -> tuple[str, str]:
    """The subject of an external identity that its owner linked, and the owner's account."""
    person, _ = lijing.person()
    subject, here = f"u-{uuid.uuid4()}", Client(replica, person.token)
    shown = here.post("/me/identities", {"oidc_token": issuer.token(issuer.rsa, "RS256", sub=subject)}, key="")
    assert [one["issuer"] for one in shown["identities"]] == [issuer.url]
    return subject, shown["id"]


def _comes_in(replica: str, token: str) -> requests.Response:
    return Client(replica).call("POST", "/tokens", {"oidc_token": token})


def test_a_linked_identity_signs_in_and_roles_come_from_memberships(
    world: World, replica: str, issuer: Issuer, linked: tuple[str, str]
) -> None:
    for key, algorithm in ((issuer.rsa, "RS256"), (issuer.ec, "ES256")):
        token = issuer.token(key, algorithm, sub=linked[0], groups=["lijing:secretary"], communities={"lijing": ["secretary"]})
        reply = _comes_in(replica, token)
        assert reply.status_code == 201, reply.text
        client = Client(world.here.base_url, reply.json()["access_token"])
        assert client.get("/me")["id"] == linked[1]
        assert client.get("/lijing/rooms")
        assert client.call("GET", "/lijing/residents").status_code == 403, "whatever it claims"
        assert client.call("GET", "/shengtaiyuan/rooms").status_code == 404


def test_an_identity_that_nobody_linked_opens_nothing(replica: str, issuer: Issuer) -> None:
    reply = _comes_in(replica, issuer.token(issuer.rsa, "RS256", sub="a stranger"))
    assert (reply.status_code, reply.json()["code"]) == (401, "identity_unknown")


def test_an_external_token_is_no_token_of_ours(world: World, replica: str, issuer: Issuer, linked: tuple[str, str]) -> None:
    token = issuer.token(issuer.rsa, "RS256", sub=linked[0], communities={"lijing": {"id": "x", "roles": ["secretary"]}})
    for base in (replica, world.here.base_url):
        reply = Client(base, token).call("GET", "/me" if base == replica else "/lijing/rooms")
        assert (reply.status_code, reply.json()["code"]) == (401, "token_invalid")


def test_two_accounts_cannot_have_one_identity(
    world: World, lijing: Community, replica: str, issuer: Issuer, linked: tuple[str, str]
) -> None:
    other = Client(replica, lijing.person()[0].token)
    reply = other.call("POST", "/me/identities", {"oidc_token": issuer.token(issuer.rsa, "RS256", sub=linked[0])})
    assert (reply.status_code, reply.json()["code"]) == (409, "identity_taken")


def test_without_a_provider_none_is_taken(world: World, issuer: Issuer) -> None:
    reply = _comes_in(world.here.base_url, issuer.token(issuer.rsa, "RS256"))
    assert (reply.status_code, reply.json()["code"]) == (422, "oidc_not_configured")


@pytest.mark.parametrize("changed", [{"aud": "other"}, {"exp": 1}, {"iss": "http://evil"}, {"nbf": 2**33}, {"sub": ""}])
def test_tokens_that_are_not_for_us_are_refused(replica: str, issuer: Issuer, changed: dict[str, Any]) -> None:
    reply = _comes_in(replica, issuer.token(issuer.rsa, "RS256", **changed))
    assert reply.status_code == 401
    assert reply.json()["code"] in ("token_invalid", "token_expired")


def test_a_key_that_the_issuer_does_not_publish_is_refused(replica: str, issuer: Issuer, linked: tuple[str, str]) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "rsa-1"})
    good = issuer.token(issuer.rsa, "RS256", sub=linked[0])
    for forged in (issuer.token(stranger, "RS256", sub=linked[0]), good.rpartition(".")[0] + "."):
        reply = _comes_in(replica, forged)
        assert (reply.status_code, reply.json()["code"]) == (401, "token_invalid")
    assert _comes_in(replica, good).status_code == 201
