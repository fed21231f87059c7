"""How often somebody tries what they do not know: counted before it is looked at, whether there is an account or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.events.base import Aggregate, Event
from shared.events.residents import SignInCodeAsked
from shared.rules.errors import Limited

CODES_AN_HOUR = 5
CODE_PAUSE = timedelta(seconds=30)
HOUR = timedelta(hours=1)
TRIES_KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Limit:
    """So many tries within a time, and for how long they are kept."""

    tries: int
    within: timedelta
    kept: timedelta = TRIES_KEPT_FOR


BY_PASSWORD = Limit(5, timedelta(minutes=15))
BY_CODE = Limit(10, timedelta(days=1))  # from one address
CODES_OF_ALL = Limit(50, timedelta(days=1))  # from wherever: six digits must not be found in a year of trying
BY_ACTIVATION = Limit(5, timedelta(days=14))  # from one address
ACTIVATIONS_OF_ALL = Limit(50, timedelta(days=14), timedelta(days=14))
BY_ADDRESS = Limit(5, timedelta(days=1))  # messages that somebody else has sent there

Decided = tuple["Tries", list[Event]]


@dataclass(frozen=True, kw_only=True)
class Tries(Aggregate):
    """What was tried lately with one phone or mail address, from one device or one network address; its id is a keyed hash of
    these. `credential` is the blind token that a code was asked for. Forgotten once it is `due`."""

    count: int = 0
    until: datetime | None = None
    asked: list[datetime] = field(default_factory=list)
    credential: str = ""
    channel: str = ""
    due: datetime | None = None

    @property
    def restricted(self) -> bool:
        """Who signs in where concerns the services alone: no stream, no outsider."""
        return True


def attempt(tries: Tries, limit: Limit, at: datetime) -> Decided:
    """One more try, before anybody knows whether it is right. Raises Limited."""
    running = tries.until is not None and tries.until > at
    if running and tries.until and tries.count >= limit.tries:
        raise Limited("too_many_tries", "too many tries; wait", retry_after=_seconds(tries.until - at))
    until = tries.until if running and tries.until else at + limit.within
    return tries.but(count=tries.count + 1 if running else 1, until=until, due=max(until, at + limit.kept)), []


def was_right(tries: Tries) -> Decided:
    """The last try was right: it does not count."""
    return (tries.but(count=tries.count - 1), []) if tries.count else (tries, [])


def start_anew(tries: Tries) -> Decided:
    """Something else is to be guessed now, or its owner was here: tries of before do not count."""
    return (tries.but(count=0, until=None), []) if tries.count else (tries, [])


def ask_code(tries: Tries, credential: str, channel: str, at: datetime) -> Decided:
    """Another code is wanted. Raises Limited within 30 s of the last, or after 5 in an hour."""
    recent = [moment for moment in tries.asked if at - moment < HOUR]
    if recent and at - recent[-1] < CODE_PAUSE:
        raise Limited("too_many_codes", "wait before the next code", retry_after=_seconds(recent[-1] + CODE_PAUSE - at))
    if len(recent) >= CODES_AN_HOUR:
        raise Limited("too_many_codes", "too many codes", retry_after=_seconds(recent[0] + HOUR - at))
    asked = tries.but(asked=[*recent, at], credential=credential, channel=channel, count=0, until=None, due=at + TRIES_KEPT_FOR)
    return asked, [SignInCodeAsked(tries.id, at)]


def _seconds(wait: timedelta) -> int:
    return max(1, int(wait.total_seconds()))
