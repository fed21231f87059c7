"""What every deployment has to know of notifications."""

from shared.runtime.record import Service

RECORD = Service(
    name="notifications",
    port=8130,
    seen_at="/api/v1/_/inbox",
    hears=("bookings", "petitions", "residents"),
    hears_restricted=("bookings", "petitions", "residents"),
    asks=("petitions", "residents"),
    settings=("LINLI_ALIYUN_", "LINLI_MAIL_", "LINLI_SMTP"),
)
