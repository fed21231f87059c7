"""RabbitMQ's definitions: who may do what, and what is there before anybody comes; and what it consists of itself."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import Any

from ops.services import RECORDS, SERVICES
from shared.broker import topology
from shared.events import Event
from shared.runtime.record import Service

# One subscriber that opens more and more takes the broker's sockets from everybody.
SUBSCRIBER_LIMITS = {"max-connections": 5, "max-channels": 20}

# Every speaker of the catalogue has its exchanges, so that its listeners may start before it, or without it.
SPEAKERS = tuple(sorted({*SERVICES, *(event.speaker for event in Event.catalogue.values())}))

# Foreign queues are bounded by whoever runs the broker: a subscriber who is away must not fill the disk.
FOREIGN = r"^(?!({services})\.(inbox|parked|retry|events)).*$"


def definitions(
    services: tuple[str, ...], passwords: dict[str, str], subscribers: tuple[str, ...] = (), administrator: str = ""
) -> dict[str, Any]:
    """The whole definitions file for these services and subscribers. Nobody has rights on the default exchange, but for the
    administrator, where there is to be one: a broker that loads definitions makes no other user."""
    users = [*services, "operator", *subscribers, *filter(None, [administrator])]
    permissions = [service_permissions(RECORDS[service]) for service in services]
    permissions += [operator_permissions(services)] + [subscriber_permissions(name) for name in subscribers]
    permissions += [_permission(administrator, ".*", ".*", ".*")] if administrator else []
    return {
        "users": [
            {
                "name": user,
                "password_hash": _hash(passwords[user]),
                "tags": "administrator" if user == administrator else "",
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "limits": SUBSCRIBER_LIMITS if user in subscribers else {},
            }
            for user in users
        ],
        "vhosts": [{"name": "/"}],
        "permissions": permissions,
        "parameters": [
            {
                "vhost": "/",
                "component": "operator_policy",
                "name": "foreign-queues",
                "value": {
                    "pattern": FOREIGN.format(services="|".join(services)),
                    "apply-to": "queues",
                    "priority": 1,
                    "definition": {"max-length": 1_000_000, "max-length-bytes": 1_000_000_000, "expires": 30 * 86_400_000},
                },
            },
        ],
        # A quorum queue drops what came back 20 times, unless told otherwise, and each look at a parked message gives it back.
        # As an argument of the queue it could not be changed any more; and no limit at all is 0 to one release, -1 to another.
        "policies": [
            {
                "vhost": "/",
                "name": "parked",
                "pattern": r"\.parked$",
                "apply-to": "queues",
                "priority": 0,
                "definition": {"delivery-limit": 1_000_000},
            },
        ],
        "exchanges": [
            {
                "name": name,
                "vhost": "/",
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for service in SPEAKERS
            for name in _exchanges(service)
        ],
        "bindings": [
            {
                "source": topology.out(service),
                "vhost": "/",
                "destination": topology.events(service),
                "destination_type": "exchange",
                "routing_key": "#",
                "arguments": {},
            }
            for service in SPEAKERS
        ],
    }


def applications(plugins: Path) -> list[Path]:
    """The folders of what the broker itself needs, out of those of a distribution with all its plugins; empty where these
    are not kept as folders. Erlang looks for each module in one folder after the other, and loads a thousand of them: to
    look through those of sixty plugins, too, takes more than half of the time in which a broker starts."""
    folders = {folder.name.partition("-")[0]: folder for folder in plugins.glob("*-*/")}
    needed, wanted = [], ["rabbit"]
    for name in wanted:  # grows as we go
        about = folders[name] / "ebin" / f"{name}.app" if name in folders else None
        if about is None or not about.exists():
            continue  # Erlang's own
        needed.append(folders[name])
        found = re.search(r"\{applications,\s*\[(.*?)\]", about.read_text(errors="replace"), re.DOTALL)
        others = re.findall(r"\w+", found[1]) if found else []
        wanted += [other for other in others if other not in wanted]
    return needed


def _exchanges(service: str) -> list[str]:
    both = [topology.out(service), topology.events(service)]
    return [*both, topology.restricted(service)] if service in RECORDS and RECORDS[service].restricted else both


def service_permissions(record: Service) -> dict[str, str]:
    """A service owns what carries its name, and may bind its inbox to the `.out` of those that it hears."""
    own = rf"^{record.name}\..*$"
    heard = [rf"{record.name}\..*", *(rf"{speaker}\.out" for speaker in record.hears)]
    heard += [re.escape(topology.restricted(speaker)) for speaker in record.hears_restricted]
    return _permission(record.name, own, own, rf"^({'|'.join(heard)})$")


def operator_permissions(services: tuple[str, ...]) -> dict[str, str]:
    """The operator looks at parked messages and sends them back, and reads streams."""
    names = "|".join(services)
    return _permission("operator", "^$", rf"^({names})\.retry$", rf"^({names})\.(parked|inbox|events\.log)$")


def subscriber_permissions(name: str) -> dict[str, str]:
    """The grants `stock` (a nameko service of this name) and `bare` (any client) together; no exchange to publish to. The first
    risks something: nameko declares what it listens to, so a subscriber can delete the public exchange of any service, or put
    another in its place. Other subscribers are deaf then, until the relay mends it within 15 s and they bind again."""
    queues = rf"evt-.*--{name}\..*|{name}\..*"
    public = r"[a-z]+\.events"
    return _permission(name, rf"^({queues}|{public})$", rf"^({queues})$", rf"^({queues}|{public}(\.log)?)$")


def _permission(user: str, configure: str, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": "/", "configure": configure, "write": write, "read": read}


def _hash(password: str) -> str:
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
