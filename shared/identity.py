"""Who calls: signed tokens, roles, and the communities that a token opens.

A token is a JWT signed with EdDSA (an external OIDC issuer may use RS256 or ES256). Its claim `communities` maps
each slug to `{"id": person, "roles": [...]}`. A verified token is cached until it expires, 60 s at the most.
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

from shared.errors import Unauthenticated, Unavailable

RESIDENT = "resident"
GUARDIAN = "guardian"
WORKER = "worker"
DUTY_LEAD = "duty_lead"
MEDIATOR = "mediator"
COURT = "court"
CLERK = "clerk"
STEWARD = "steward"
KITCHEN = "kitchen"
COUNSELLOR = "counsellor"
HELP_OFFICER = "help_officer"
SEAL_HOLDER = "seal_holder"
POLICE_LIAISON = "police_liaison"
SECRETARY = "secretary"
STREET_OFFICER = "street_officer"
OPERATOR = "operator"
INTEGRATOR = "integrator"

# The one table of roles, with what each may do in a sentence.
ROLES: Mapping[str, str] = {
    RESIDENT: "books, files and is told; sees what is one's own",
    GUARDIAN: "acts for the children linked to them",
    WORKER: "serves residents at the counter: registers, books on behalf, looks people up",
    DUTY_LEAD: "a worker who also staffs shifts and is alerted",
    MEDIATOR: "mediates disputes",
    COURT: "schedules hearings and writes outcomes",
    CLERK: "receives papers; no court documents",
    STEWARD: "a partner's person in a room; sees that room's bookings alone",
    KITCHEN: "sees meals to cook",
    COUNSELLOR: "keeps confidential notes",
    HELP_OFFICER: "handles private help requests",
    SEAL_HOLDER: "one of two who may open a sealed complainant",
    POLICE_LIAISON: "is told of danger",
    SECRETARY: "leads the community; appoints workers, changes rooms",
    STREET_OFFICER: "acts for the street, in several communities",
    OPERATOR: "runs the installation; no personal data",
    INTEGRATOR: "a machine that reads public facts",
}
STAFF = frozenset({WORKER, DUTY_LEAD, SECRETARY})
EVERYBODY = frozenset(ROLES)

CACHE = 60.0
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

    def in_community(self, community: str) -> Membership | None:
        """The membership there, or None: then the community does not exist for this caller."""
        return self.communities.get(community)


@dataclass(frozen=True)
class Issuer:
    """Somebody whose tokens are accepted: name, audience, how to get the keys, and the claim that lists communities."""

    name: str
    audience: str
    keys: Callable[[], KeySet]
    claim: str = "communities"


class Verifier:
    """Checks bearer tokens against the configured issuers."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._cache: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def trust(self, issuer: Issuer) -> None:
        """Accept one more issuer."""
        self._issuers[issuer.name] = issuer

    def verify(self, token: str) -> Principal:
        """The principal of a valid token. Raises Unauthenticated with `token_invalid` or `token_expired`."""
        now = time.time()
        if (hit := self._cache.get(token)) and hit[0] > now:
            return hit[1]
        claims = self._claims(token)
        if float(claims.get("exp", 0)) <= now:
            raise Unauthenticated("token_expired", "the token has expired")
        issuer = self._issuers[claims["iss"]]
        principal = Principal(str(claims["sub"]), _memberships(claims.get(issuer.claim), str(claims["sub"])))
        self._cache[token] = (min(now + CACHE, float(claims["exp"])), principal)
        if len(self._cache) > 10_000:
            self._cache.popitem(last=False)
        return principal

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            issuer = self._issuers.get(str(_unverified(token).get("iss")))
            if issuer is None:
                raise Unauthenticated("token_invalid", "unknown issuer")
            claims = jwt.decode(token, issuer.keys(), algorithms=SIGNED_WITH).claims
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unauthenticated("token_invalid", "the token cannot be verified") from error
        audience = claims.get("aud")
        if issuer.audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated("token_invalid", "the token is for somebody else")
        if not claims.get("sub") or float(claims.get("nbf", 0)) > time.time() + 60:
            raise Unauthenticated("token_invalid", "the token is not valid yet, or names nobody")
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
        return self._signer.sign({"iss": self._service, "aud": callee, "iat": now, "exp": now + 60})

    def caller(self, token: str) -> str:
        """The name of the calling service. Raises Unauthenticated."""
        try:
            decoded = jwt.decode(token, self._peers, algorithms=["EdDSA"])
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unauthenticated("token_invalid", "not a service token") from error
        claims = decoded.claims
        if claims.get("aud") != self._service or float(claims.get("exp", 0)) <= time.time():
            raise Unauthenticated("token_invalid", "the service token is for somebody else, or has expired")
        if decoded.header.get("kid") != claims.get("iss"):
            raise Unauthenticated("token_invalid", "the service token is signed by somebody else")
        return str(claims["iss"])


def _unverified(token: str) -> dict[str, Any]:
    import base64
    import json

    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def _memberships(claim: Any, sub: str) -> dict[str, Membership]:
    """Both shapes that issuers use: a mapping of communities, or a list of "community:role"."""
    found: dict[str, Membership] = {}
    if isinstance(claim, Mapping):
        for slug, value in claim.items():
            roles = value.get("roles", []) if isinstance(value, Mapping) else value
            person = str(value.get("id") or sub) if isinstance(value, Mapping) else sub
            found[str(slug)] = Membership(person, frozenset(r for r in roles if r in ROLES))
    elif isinstance(claim, list):
        for slug, _, role in (str(item).partition(":") for item in claim):
            before = found.get(slug, Membership(sub, frozenset()))
            found[slug] = Membership(before.id, before.roles | ({role} & EVERYBODY))
    return found
