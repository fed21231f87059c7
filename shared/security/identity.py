"""Who calls: signed tokens, roles, and the communities that a token opens.

A token is a JWT, signed with EdDSA. Its claim `communities` maps each slug to `{"id": person, "roles": [...]}`,
`sid` is its session, `gen` counts how often its account has lost rights, `limited` says that its account was recovered by
others a short while ago. A verified token is cached until it expires, 60 s at the most; whether it was revoked is looked at
each time. Tokens of external OIDC issuers (RS256, ES256) prove who somebody is, and open nothing by themselves.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import requests
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from shared.rules.errors import Unauthenticated, Unavailable
from shared.rules.roles import EVERYBODY

PRINCIPAL_HELD_SECONDS = 60.0
SERVICE_TOKEN_SECONDS = 60  # seconds
CLOCK_SKEW_SECONDS = 5  # seconds that a caller's clock may be ahead
SIGNED_WITH = ["EdDSA", "Ed25519", "RS256", "ES256"]


@dataclass(frozen=True)
class Membership:
    """What a person is in one community: their id there and their roles."""

    id: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Principal:
    """The verified caller."""

    sub: str
    communities: Mapping[str, Membership]
    session: str = ""
    generation: int = 0
    limited: bool = False

    def in_community(self, community: str) -> Membership | None:
        """The membership there, or None: then the community does not exist for this caller."""
        return self.communities.get(community)


@dataclass(frozen=True)
class Issuer:
    """Somebody whose tokens are accepted: name, audience, how to get the keys."""

    name: str
    audience: str
    keys: Callable[[], KeySet]


class Verifier:
    """Checks bearer tokens against the issuers that are trusted, and against what was revoked."""

    def __init__(self, issuers: Iterable[Issuer], void: Callable[[Principal], bool] = lambda principal: False) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._void = void
        self._cache: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def trust(self, issuer: Issuer) -> None:
        """Accept one more issuer."""
        self._issuers[issuer.name] = issuer

    def verify(self, token: str) -> Principal:
        """The principal of a valid token. Raises Unauthenticated: `token_invalid`, `token_expired`, `token_revoked`."""
        now = time.time()
        hit = self._cache.get(token)
        principal = hit[1] if hit and hit[0] > now else self._read(token, now)
        if self._void(principal):
            raise Unauthenticated("token_revoked", "this session is over; sign in, or renew the token")
        return principal

    def _read(self, token: str, now: float) -> Principal:
        claims = self.claims(token)
        principal = Principal(
            str(claims["sub"]),
            _memberships(claims.get("communities")),
            str(claims.get("sid", "")),
            int(claims.get("gen", 0)),
            bool(claims.get("limited", False)),
        )
        self._cache[token] = (min(now + PRINCIPAL_HELD_SECONDS, float(claims["exp"])), principal)
        if len(self._cache) > 10_000:
            self._cache.popitem(last=False)
        return principal

    def claims(self, token: str) -> dict[str, Any]:
        """What a valid token of a trusted issuer claims. Raises Unauthenticated."""
        try:
            issuer = self._issuers.get(str(_unverified(token).get("iss")))
            if issuer is None:
                raise Unauthenticated("token_invalid", "unknown issuer")
            claims = dict(jwt.decode(token, issuer.keys(), algorithms=SIGNED_WITH).claims)
            expires, begins = float(claims.get("exp", 0)), float(claims.get("nbf", 0))
        except (JoseError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise Unauthenticated("token_invalid", "the token cannot be verified") from error
        audience = claims.get("aud")
        if issuer.audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated("token_invalid", "the token is for somebody else")
        if not claims.get("sub") or begins > time.time() + 60:
            raise Unauthenticated("token_invalid", "the token is not valid yet, or names nobody")
        if expires <= time.time():
            raise Unauthenticated("token_expired", "the token has expired")
        return claims


class RemoteKeys:
    """A JWKS fetched over HTTP, kept for five minutes, and kept on when its server is away."""

    def __init__(self, url: str, discover: str = "") -> None:
        self._url, self._discover = url, discover
        self._keys: KeySet | None = None
        self._fetched = 0.0

    def __call__(self) -> KeySet:
        if self._keys is None or time.monotonic() - self._fetched > 300:
            try:
                if not self._url:
                    found = requests.get(f"{self._discover}/.well-known/openid-configuration", timeout=3)
                    self._url = found.json()["jwks_uri"]
                reply = requests.get(self._url, timeout=3)
                reply.raise_for_status()
                self._keys = KeySet.import_key_set(reply.json())
                self._fetched = time.monotonic()
            except (requests.RequestException, ValueError, KeyError) as error:
                if self._keys is None:
                    raise Unavailable("keys_unavailable", "the token issuer's keys cannot be read") from error
        return self._keys


class Signer:
    """Issues tokens with one private key (a JWK)."""

    def __init__(self, jwk: dict[str, Any]) -> None:
        self._key = OKPKey.import_key(jwk)
        self._kid = str(jwk["kid"])

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact JWT over the claims."""
        return jwt.encode({"alg": "EdDSA", "kid": self._kid}, claims, self._key, algorithms=["EdDSA"])

    def vouch(self, claims: dict[str, Any]) -> str:
        """A signature over the claims, without them (a detached JWS): `vouched` checks it against what is claimed."""
        header = {"alg": "EdDSA", "kid": self._kid}
        return str(jws.detach_content(jws.serialize_compact(header, _plain(claims), self._key, algorithms=["EdDSA"])))

    @property
    def key(self) -> OKPKey:
        """The key that verifies what was signed here."""
        return self._key

    def public(self) -> dict[str, Any]:
        """The public JWK."""
        return {**self._key.as_dict(private=False), "kid": self._kid, "use": "sig", "alg": "EdDSA"}


def vouched(signature: str, claims: dict[str, Any], keys: KeySet) -> bool:
    """Whether one of these keys vouched for exactly these claims."""
    try:
        jws.deserialize_compact(signature, keys, algorithms=["EdDSA"], payload=_plain(claims))
    except (JoseError, ValueError):
        return False
    return True


def _plain(claims: dict[str, Any]) -> bytes:
    return orjson.dumps(claims, option=orjson.OPT_SORT_KEYS)


class InternalCalls:
    """Service tokens: 60 s, for one callee, signed with the caller's own key."""

    def __init__(self, service: str, signer: Signer, peers: KeySet) -> None:
        self._service, self._signer, self._peers = service, signer, peers

    def token_for(self, callee: str) -> str:
        """A token that lets this service call `callee` for a minute."""
        now = int(time.time())
        claims = {"iss": self._service, "aud": callee, "iat": now, "exp": now + SERVICE_TOKEN_SECONDS}
        return self._signer.sign(claims)

    def caller(self, token: str) -> str:
        """The name of the calling service. Raises Unauthenticated."""
        try:
            decoded = jwt.decode(token, self._peers, algorithms=["EdDSA"])
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unauthenticated("token_invalid", "not a service token") from error
        claims = decoded.claims
        if claims.get("aud") != self._service or not _is_short_lived(claims):
            raise Unauthenticated("token_invalid", "the service token is for somebody else, has expired, or lives too long")
        if decoded.header.get("kid") != claims.get("iss"):
            raise Unauthenticated("token_invalid", "the service token is signed by somebody else")
        return str(claims["iss"])


def _unverified(token: str) -> dict[str, Any]:
    import base64
    import json

    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def _is_short_lived(claims: Mapping[str, Any]) -> bool:
    """Whether a service token says when it was made, lives no longer than it may, and is neither over nor from the future."""
    made, over, now = claims.get("iat"), claims.get("exp"), time.time()
    if not isinstance(made, int | float) or not isinstance(over, int | float):
        return False
    return bool(now < over <= made + SERVICE_TOKEN_SECONDS and made <= now + CLOCK_SKEW_SECONDS)


def _memberships(claim: Any) -> dict[str, Membership]:
    """The claim `communities`; what is not as it should be opens nothing."""
    memberships: dict[str, Membership] = {}
    for slug, value in claim.items() if isinstance(claim, Mapping) else ():
        if isinstance(value, Mapping) and value.get("id"):
            memberships[str(slug)] = Membership(str(value["id"]), EVERYBODY & frozenset(value.get("roles", ())))
    return memberships
