"""What every deployment has to know of a service: one record each, in the service's own folder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """A service, to whoever runs it. From its record come processes, ports, database and broker users with their rights, the
    edge's routes, and what compose and Kubernetes are checked against.

    `port` is that of the first replica on one machine, the others take the following; `replicas` how many there are in
    containers. `hears` are the speakers whose events it may bind to, `asks` the neighbours that it may call; `restricted`:
    some of what it says goes to those alone that name it in `hears_restricted`. `settings` are the prefixes of the settings
    that it alone is told, `seen_at` is a path by which the edge can be seen to have found it, `memory` what it may take in
    containers, `packages` what its image needs of the distribution.
    """

    name: str
    port: int
    seen_at: str
    hears: tuple[str, ...] = ()
    hears_restricted: tuple[str, ...] = ()
    restricted: bool = False
    asks: tuple[str, ...] = ()
    replicas: int = 1
    settings: tuple[str, ...] = ()
    memory: str = "256m"
    packages: tuple[str, ...] = ()
