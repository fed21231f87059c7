"""What every deployment has to know of hello."""

from shared.runtime.record import Service

RECORD = Service(
    name="hello", port=8170, seen_at="/api/v1/_/greetings", hears=("hello", "residents"), hears_restricted=("residents",)
)
