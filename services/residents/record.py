"""What every deployment has to know of residents."""

from shared.runtime.record import Service

RECORD = Service(
    name="residents",
    port=8110,
    seen_at="/.well-known/jwks.json",
    hears=("residents",),
    hears_restricted=("residents",),
    restricted=True,
    asks=("bookings", "notifications", "petitions"),
    settings=("LINLI_OIDC_", "LINLI_OPERATOR_", "LINLI_TRIES_"),
)
