"""What every deployment has to know of bookings."""

from shared.runtime.record import Service

RECORD = Service(
    name="bookings",
    port=8120,
    seen_at="/api/v1/_/rooms",
    hears=("bookings", "petitions", "residents"),
    hears_restricted=("residents",),
    restricted=True,
    asks=("residents",),
    replicas=2,
    settings=("LINLI_NO_SHOWS",),
)
