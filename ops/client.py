"""A caller of the public API, for the demo, the tests and the benchmarks: what any client would write."""

from __future__ import annotations

import time
import uuid
from typing import Any

import requests


class ApiError(Exception):
    """A reply that was not the expected one."""

    def __init__(self, reply: requests.Response) -> None:
        super().__init__(f"{reply.request.method} {reply.request.path_url}: {reply.status_code} {reply.text[:500]}")
        self.reply = reply


class Client:
    """One signed-in person (or nobody), at one base URL. For `patience` seconds it comes again when a reply asks for that. With
    a refresh token it goes on signed in; such a client must not be copied: the token works once."""

    def __init__(self, base_url: str, token: str = "", timeout: float = 30, patience: float = 0) -> None:
        self.base_url, self.timeout, self.patience = base_url, timeout, patience
        self.refresh_token, self._token, self._until = "", token, float("inf")
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands before one's own machine, and to look for one costs every call

    @property
    def token(self) -> str:
        """The access token, a new one where it lives less than five minutes more."""
        if self.refresh_token and time.monotonic() > self._until:
            self._keep(self._expect(self._send("POST", "/tokens/refresh", {"refresh_token": self.refresh_token}, {})))
        return self._token

    def _keep(self, reply: dict[str, Any]) -> None:
        self._token, self.refresh_token = reply["access_token"], reply["refresh_token"]
        self._until = time.monotonic() + reply["expires_in"] - min(300, reply["expires_in"] / 2)

    def call(self, method: str, path: str, json: Any = None, key: str = "", **headers: str) -> requests.Response:
        """One request to /api/v1<path>; `key` is the Idempotency-Key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token := self.token:
            sent["Authorization"] = f"Bearer {token}"
        if key:
            sent["Idempotency-Key"] = key
        return self._send(method, path, json, sent)

    def _send(self, method: str, path: str, json: Any, headers: dict[str, str]) -> requests.Response:
        end = time.monotonic() + self.patience
        while True:
            url = f"{self.base_url}/api/v1{path}"
            reply = self._session.request(method, url, json=json, headers=headers, timeout=self.timeout)
            wait = float(reply.headers.get("Retry-After", 1))
            if reply.status_code != 503 or time.monotonic() + wait > end:
                return reply
            time.sleep(wait)

    def get(self, path: str) -> Any:
        """The JSON of a 200. Raises ApiError."""
        return self._expect(self.call("GET", path))

    def pages(self, path: str) -> list[Any]:
        """All items of a list, page after page. Raises ApiError."""
        found: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=200&after={after}")
            if page["next"] == after:
                raise RuntimeError(f"{path} gives the same page again")
            found, after = found + page["items"], page["next"]
        return found

    def post(self, path: str, json: Any = None, key: str | None = None) -> Any:
        """The JSON of a 2xx, None for 204. Raises ApiError."""
        return self._expect(self.call("POST", path, json, key=str(uuid.uuid4()) if key is None else key))

    def patch(self, path: str, json: Any) -> Any:
        """The JSON of a 200. Raises ApiError."""
        return self._expect(self.call("PATCH", path, json))

    def sign_in(self, phone: str, **secret: str) -> Client:
        """Another client, signed in."""
        return self.signed_in(self._expect(self.call("POST", "/tokens", {"phone": phone, **secret})))

    def activate(self, phone: str, code: str, **password: str) -> Client:
        """Another client, signed in by an activation code. Raises ApiError."""
        return self.signed_in(self._expect(self.call("POST", "/activations", {"phone": phone, "code": code, **password})))

    def signed_in(self, reply: dict[str, Any]) -> Client:
        """The client that holds these tokens."""
        made = Client(self.base_url, "", self.timeout, self.patience)
        made._keep(reply)
        return made

    @staticmethod
    def _expect(reply: requests.Response) -> Any:
        if not reply.ok:
            raise ApiError(reply)
        return reply.json() if reply.content else None


def until(found: Any, seconds: float = 15, what: str = "it") -> Any:
    """The first true value of `found()`, asked for the more seldom the longer it takes. Raises TimeoutError."""
    began = time.monotonic()
    while True:
        if value := found():
            return value
        waited = time.monotonic() - began
        if waited > seconds:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(min(0.25, max(0.02, waited / 10)))
