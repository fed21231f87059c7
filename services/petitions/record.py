"""What every deployment has to know of petitions."""

from shared.runtime.record import Service

RECORD = Service(
    name="petitions",
    port=8140,
    seen_at="/api/v1/_/petitions",
    hears=("bookings", "residents"),
    hears_restricted=("residents",),
    restricted=True,
    replicas=2,
    packages=("fonts-wqy-microhei",),  # the type of what it prints
)
