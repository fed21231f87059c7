"""A session that is over is over everywhere, two seconds later at most; a stolen refresh token ends what it was stolen from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from ops.client import Client
from ops.demo import code_in
from shared.security.identity import Signer
from tests.system.scenes import refused
from tests.system.world import Community, World, invented_phone

WITHIN = 2.0  # seconds


def everywhere(world: World, slug: str) -> list[str]:
    """An address on every replica of every service, and a thing to read there."""
    asked = {
        "residents": "me/sessions",
        "bookings": f"{slug}/rooms",
        "petitions": f"{slug}/rules",
        "notifications": f"{slug}/inbox",
    }
    return [
        f"{world.replica(service, n)}/api/v1/{path}"
        for service, path in asked.items()
        for n, _ in enumerate(world.here.service_ports(service))
    ]


def codes(addresses: list[str], token: str) -> list[str]:
    """What each answers to this token."""
    replies = [requests.get(one, headers={"Authorization": f"Bearer {token}"}, timeout=10) for one in addresses]
    return ["ok" if reply.ok else reply.json()["code"] for reply in replies]


def assert_void(world: World, token: str, slug: str = "lijing") -> None:
    """Nobody anywhere takes this token, two seconds after what ended it."""
    addresses = everywhere(world, slug)
    assert len(addresses) >= 6, "two replicas of bookings and of petitions"
    world.until(
        lambda: set(codes(addresses, token)) == {"token_revoked"}, WITHIN, f"no replica to take it: {codes(addresses, token)}"
    )


@pytest.fixture
def person(world: World, lijing: Community) -> Iterator[tuple[Client, dict[str, Any], str]]:
    client, record = lijing.person()
    world.settle()
    assert set(codes(everywhere(world, "lijing"), client.token)) == {"ok"}
    yield client, record, client.token


End = Callable[[World, Community, Client, dict[str, Any]], Any]


def _signs_out(world: World, lijing: Community, client: Client, record: dict[str, Any]) -> None:
    current = next(s for s in client.get("/me/sessions")["items"] if s["current"])
    assert client.call("DELETE", f"/me/sessions/{current['id']}").status_code == 204


def _signs_out_everywhere(world: World, lijing: Community, client: Client, record: dict[str, Any]) -> None:
    other = world.demo.sign_in_by_code(record["phone"])
    assert len(other.get("/me/sessions")["items"]) == 2
    assert other.call("DELETE", "/me/sessions").status_code == 204


def _changes_the_password(world: World, lijing: Community, client: Client, record: dict[str, Any]) -> None:
    other = world.demo.sign_in_by_code(record["phone"])
    other.post("/me/password", {"password": "a new password"}, key="")
    assert other.get(lijing.path("/rooms")), "the session in which it was changed goes on"


def _is_erased(world: World, lijing: Community, client: Client, record: dict[str, Any]) -> None:
    assert lijing.worker.call("DELETE", lijing.path(f"/residents/{record['id']}")).status_code == 204


def _had_the_refresh_token_stolen(world: World, lijing: Community, client: Client, record: dict[str, Any]) -> None:
    stolen, first = client.refresh_token, client.refresh_token
    for _ in range(2):
        first = world.api.post("/tokens/refresh", {"refresh_token": first}, key="")["refresh_token"]
    refused(world.api.call("POST", "/tokens/refresh", {"refresh_token": stolen}), 401, "refresh_invalid")
    refused(world.api.call("POST", "/tokens/refresh", {"refresh_token": first}), 401, "refresh_invalid")


@pytest.mark.parametrize("ends", [
    _signs_out, _signs_out_everywhere, _changes_the_password, _is_erased, _had_the_refresh_token_stolen,
])  # fmt: skip
def test_a_session_that_was_ended_is_over_on_every_replica(
    world: World, lijing: Community, person: tuple[Client, dict[str, Any], str], ends: End
) -> None:
    client, record, token = person
    ends(world, lijing, client, record)
    assert_void(world, token)


def test_a_dismissed_workers_token_works_on_nowhere(world: World, lijing: Community) -> None:
    worker, id = lijing.appoint("worker")
    world.settle()
    token = worker.token
    assert set(codes(everywhere(world, "lijing"), token)) == {"ok"}
    assert lijing.secretary.call("DELETE", lijing.path(f"/workers/{id}")).status_code == 204
    assert_void(world, token)
    assert worker.call("GET", "/me").status_code == 401
    assert world.api.call("POST", "/tokens/refresh", {"refresh_token": worker.refresh_token}).json()["code"] == "no_membership"


def test_a_worker_who_lost_a_role_keeps_no_token_that_has_it(world: World, lijing: Community) -> None:
    worker, id = lijing.appoint("worker", "mediator")
    world.settle()
    before = worker.token
    lijing.secretary.patch(lijing.path(f"/workers/{id}"), {"roles": ["mediator"]})
    assert_void(world, before)
    after = world.api.post("/tokens/refresh", {"refresh_token": worker.refresh_token}, key="")["access_token"]
    world.settle()
    assert set(codes(everywhere(world, "lijing"), after)) == {"ok"}, "what is left of it is theirs"
    assert Client(world.here.base_url, after).call("GET", lijing.path("/residents")).status_code == 403


def test_a_revocation_outlives_the_replica_that_heard_of_it(world: World, lijing: Community) -> None:
    client, _ = lijing.person()
    world.settle()
    token = client.token
    # Whoever takes it out of the queue dies before it is acknowledged: another one gets it.
    armed = world.arm("bookings.before_ack")
    client.call("DELETE", "/me/sessions")
    world.until(lambda: not armed.exists(), what="a replica of bookings to be killed")
    rooms = [f"{world.replica('bookings', n)}/api/v1/lijing/rooms" for n in (0, 1)]

    def answers() -> list[str]:
        found = []
        for one in rooms:
            try:
                found += codes([one], token)
            except requests.ConnectionError:
                found.append("away")
        return found

    # Whoever is up again does not let in whom the others refuse.
    world.until(lambda: answers() == ["token_revoked"] * 2, what="both replicas to refuse it")
    world.settle()


def test_two_tabs_and_a_lost_reply_get_the_same_successor(world: World, lijing: Community) -> None:
    client, _ = lijing.person()
    token = client.refresh_token
    first = world.api.post("/tokens/refresh", {"refresh_token": token}, key="")
    again = world.api.post("/tokens/refresh", {"refresh_token": token}, key="")
    assert first["refresh_token"] == again["refresh_token"]
    assert set(first) == {"access_token", "token_type", "expires_in", "refresh_token", "device_token"}
    for one in (first, again):
        assert Client(world.here.base_url, one["access_token"]).get(lijing.path("/rooms"))
    assert world.api.post("/tokens/refresh", {"refresh_token": first["refresh_token"]}, key="")


@pytest.mark.parametrize("token", ["x" * 60, "a.b.1.c", "a.b.-1.c", "....", "a.b.999999999999999999999.c"])
def test_a_made_up_refresh_token_ends_nothing(world: World, token: str) -> None:
    refused(world.api.call("POST", "/tokens/refresh", {"refresh_token": token.ljust(10, ".")}), 401, "refresh_invalid")


def test_ending_somebody_elses_session(world: World, lijing: Community) -> None:
    victim, _ = lijing.person()
    attacker, _ = lijing.person()
    session = victim.get("/me/sessions")["items"][0]["id"]
    refused(attacker.call("DELETE", f"/me/sessions/{session}"), 404, "session_missing")
    assert victim.get(lijing.path("/rooms"))


# -- in a browser


class Browser:
    """A page of this installation, or of another site, in somebody's browser, which keeps cookies."""

    def __init__(self, world: World, origin: str = "") -> None:
        self._base, self.session = world.here.base_url, requests.Session()
        self.session.trust_env = False
        self._origin = origin or world.here.base_url

    def asks(self, method: str, body: Any = None, **headers: str) -> requests.Response:
        sent = {"Origin": self._origin} | headers
        return self.session.request(method, f"{self._base}/api/v1/session", json=body, headers=sent, timeout=20)


def test_a_browser_keeps_its_refresh_token_where_no_page_can_read_it(world: World, lijing: Community) -> None:
    client, record = lijing.person()
    client.post("/me/password", {"password": "a long password"}, key="")
    browser = Browser(world)
    come_in = browser.asks("POST", {"phone": record["phone"], "password": "a long password"})
    assert come_in.status_code == 201
    assert set(come_in.json()) == {"access_token", "token_type", "expires_in"}
    assert come_in.headers["Cache-Control"] == "no-store"
    cookies = {c.name: c for c in browser.session.cookies}
    for name in ("linli_session", "linli_device"):
        assert cookies[name].path == "/api/v1/session"
        facts = {key.lower(): value for key, value in cookies[name].__dict__["_rest"].items()}
        assert ("httponly" in facts, facts["samesite"]) == (True, "Strict")
        assert not cookies[name].secure, "on loopback"
    before = cookies["linli_session"].value
    on = browser.asks("POST", {})
    assert Client(world.here.base_url, on.json()["access_token"]).get(lijing.path("/rooms"))
    assert next(c.value for c in browser.session.cookies if c.name == "linli_session") != before
    token = on.json()["access_token"]
    out = browser.asks("DELETE")
    assert out.status_code == 204
    assert "linli_session" not in {c.name for c in browser.session.cookies}
    assert_void(world, token)
    refused(browser.asks("POST", {}), 401, "session_missing")
    refused(browser.asks("POST", {}, Cookie=f"linli_session={before}"), 401, "refresh_invalid")
    assert browser.asks("DELETE").status_code == 204, "signed out already"


def test_on_any_other_host_the_cookie_goes_over_tls_alone(world: World, lijing: Community) -> None:
    client, _ = lijing.person()
    headers = {"Origin": "https://linli.example", "Host": "linli.example"}
    body = {"refresh_token": client.refresh_token}
    reply = requests.post(f"{world.replica('residents')}/api/v1/session", json=body, headers=headers, timeout=20)
    assert reply.status_code == 201
    assert "Secure" in reply.headers["Set-Cookie"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "http://["])
def test_another_site_uses_the_cookie_of_whoever_looks_at_it(world: World, lijing: Community, origin: str) -> None:
    client, _ = lijing.person()
    mine = Browser(world)
    assert mine.asks("POST", {"refresh_token": client.refresh_token}).status_code == 201
    for method, body in (("POST", {}), ("DELETE", None)):
        refused(mine.asks(method, body, Origin=origin), 403, "origin_foreign")
    assert mine.asks("POST", {}).status_code == 201, "the session goes on"
    no_origin = requests.post(f"{world.here.base_url}/api/v1/session", json={}, timeout=20)
    refused(no_origin, 403, "origin_foreign")


# -- tokens of services


@pytest.mark.parametrize("claims", [
    {"iat": None}, {"exp": 3600}, {"exp": 61}, {"iat": 10, "exp": 60}, {"iat": -120, "exp": -60}, {"iat": "now"},
    {"aud": "bookings"}, {"exp": None},
])  # fmt: skip
def test_a_service_token_that_lives_too_long_or_comes_from_the_future(world: World, claims: dict[str, Any]) -> None:
    now = int(time.time())
    made: dict[str, Any] = {"iss": "notifications", "aud": "residents", "iat": now, "exp": now + 60}
    for name, value in claims.items():
        made[name] = now + value if isinstance(value, int) else value
    made = {name: value for name, value in made.items() if value is not None}
    token = Signer(world.here.secrets["services"]["notifications"]).sign(made)
    body = {"community": "lijing", "ids": ["x"], "purpose": "test"}
    url = f"{world.replica('residents')}/internal/contacts"
    good = Signer(world.here.secrets["services"]["notifications"]).sign(
        {"iss": "notifications", "aud": "residents", "iat": now, "exp": now + 60}
    )
    assert requests.post(url, json=body, headers={"Authorization": f"Bearer {good}"}, timeout=10).status_code == 200
    reply = requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    refused(reply, 401, "token_invalid")


def test_an_access_token_lives_ten_minutes(world: World, lijing: Community) -> None:
    phone = invented_phone()
    lijing.register(phone=phone)
    code = code_in(world.until(lambda: world.demo.text_to(phone), what="the activation code"), 8)
    reply = world.api.post("/activations", {"phone": phone, "code": code}, key="")
    assert reply["expires_in"] == 600
    session = Client(world.here.base_url, reply["access_token"]).get("/me/sessions")["items"][0]
    assert (session["how"], session["current"]) == ("activation", True)
    assert datetime.fromisoformat(session["expires_at"]) > datetime.now(UTC)
