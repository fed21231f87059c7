"""Fields that many schemas share, each with the limits that keep bad input out."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import Schema, ValidationError, fields, validate

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{1,39}")
RESERVED = frozenset({"tokens", "communities", "api", "deadlines", "me", "session", "names", "activations"})


LINE = 200  # characters: what is longer may have more than one line
# Controls (line breaks and tabs aside), halves of characters, and what nobody sees or what turns round what others see: spaces
# of no width, marks and overrides of direction, separators of lines, annotations, tags. Joiners (U+200C, U+200D) and the
# separators of Mongolian stay: scripts of minorities need them. But a joiner stands between letters.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]|[\u200c\u200d]{2}"
)


class Text(fields.String):
    """Text of 1 to `longest` characters, trimmed, without what is not seen; on one line where it is no longer than LINE."""

    def __init__(self, longest: int = LINE, *, shortest: int = 1, like: validate.Regexp | None = None, **kwargs: Any) -> None:
        self.longest, self.shortest = longest, shortest
        checks = [validate.Length(min=shortest, max=longest), *filter(None, [like])]
        super().__init__(validate=checks, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if UNSEEN.search(text):
            raise ValidationError("Control characters, and characters that nobody sees, are not text.")
        text = text.strip()
        if self.longest <= LINE and ("\n" in text or "\t" in text):
            raise ValidationError("This is one line.")
        return text


class Address(fields.Email):
    """A mail address; without the control characters that may stand in quotes, and that no mail can be sent to."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not text.isprintable():
            raise ValidationError("Not a valid email address.")
        return text


class Moment(fields.Field[datetime]):
    """A time with an offset, ISO 8601, between 1970 and 2200; UTC inside, and as it was given to a view outside."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or len(value) > 40:
            raise ValidationError("An ISO 8601 time with offset.")
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise ValidationError("An ISO 8601 time with offset.") from None
        if at.tzinfo is None or not 1970 < at.year < 2200:
            raise ValidationError("An ISO 8601 time with offset, between 1971 and 2199.")
        return at.astimezone(UTC)

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> str | None:
        return value.isoformat() if value is not None else None


class Day(fields.String):
    """A calendar day, YYYY-MM-DD; kept as text."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise ValidationError("A day, YYYY-MM-DD.") from None
        if len(text) != 10 or not 1880 <= day.year < 2200:
            raise ValidationError("A day, YYYY-MM-DD, between 1880 and 2199.")
        return text


class Id(fields.String):
    """An opaque id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(min=1, max=80), **kwargs)


class Zone(fields.String):
    """An IANA time zone."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        name: str = super()._deserialize(value, attr, data, **kwargs)
        if name not in available_timezones():
            raise ValidationError("Not an IANA time zone.")
        return name


class Slug(fields.String):
    """A community's slug: 2 to 40 of a-z, 0-9, _ and -, none that the platform needs itself."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        slug: str = super()._deserialize(value, attr, data, **kwargs)
        if not SLUG.fullmatch(slug) or slug in RESERVED:
            raise ValidationError("2 to 40 of a-z, 0-9, _ and -, and not a reserved word.")
        return slug


class Paging(Schema):
    """The query of every list."""

    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))
    after = fields.String(load_default="", validate=validate.Length(max=300))


class Nothing(Schema):
    """A reply without content."""


_zones: dict[str, ZoneInfo] = {}


def zone(name: str) -> ZoneInfo:
    """The time zone of this name."""
    if name not in _zones:
        _zones[name] = ZoneInfo(name)
    return _zones[name]


class AskExport(Schema):
    """What a service is asked of one person; `own`: the person asks for it, and not somebody who works here."""

    community = fields.String(required=True)
    resident_id = Id(required=True)
    own = fields.Boolean(load_default=False)
