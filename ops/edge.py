"""The edge's configuration: which paths are whose, from the services' own operations."""

from __future__ import annotations

import re
from collections import defaultdict

from ops.services import SERVICES
from ops.settings import ROOT, Problem

MARK = "\t# (routes)\n"
LOOK = re.compile(r"^\thealth_.*\n", re.MULTILINE)
ONE = "[^/]+"  # of a path: a community's slug
ROUTE = """\
\t@{name} path_regexp {pattern}
\thandle @{name} {{
\t\treverse_proxy {upstreams} {{
\t\t\timport service
\t\t\theader_up X-Linli-Service {service}
{looks}\t\t}}
\t}}
"""
# An address may have been left to another service's container: each replica says whether it is meant.
LOOKS = """\
\t\t\thealth_headers {{
\t\t\t\tX-Linli-Service {service}
\t\t\t}}
"""
Claims = dict[str, dict[str, set[str]]]  # service → "" (outside any community) or ONE → first names of resources


class Contested(Problem):
    """Two services claim one path."""


def claims(templates: dict[str, set[str]]) -> Claims:
    """What each service's paths begin with, of its templates. Raises Contested."""
    found: Claims = {service: defaultdict(set) for service in templates}
    owners: dict[tuple[str, str], str] = {}
    for service, its in sorted(templates.items()):
        for template in sorted(its):
            rest = template.removeprefix("/api/v1/")
            inside = rest.startswith("{community}/")
            name = rest.removeprefix("{community}/").split("/")[0] if template != rest else template.lstrip("/")
            kind = ONE if inside else ""
            owner = owners.setdefault((kind, name), service)
            if owner != service:
                raise Contested(f"{template}: claimed by {owner} and {service}")
            found[service][kind].add(name)
    return found


def patterns(found: Claims) -> list[tuple[str, str]]:
    """(service, regular expression) in the order in which they are looked at: what stands outside any community comes first,
    for a community's name may be any."""
    outside, inside = [], []
    for service in SERVICES:
        if service not in found:
            continue
        whole = sorted(name.replace(".", r"\.") for name in found[service][""] if "/" in name)
        first = sorted(name for name in found[service][""] if "/" not in name)
        ways = whole + ([f"api/v1/({'|'.join(first)})(/.*)?"] if first else [])
        if ways:
            outside.append((service, f"^/({'|'.join(ways)})$"))
        if its := sorted(found[service][ONE]):
            inside.append((service, f"^/api/v1/{ONE}/({'|'.join(its)})(/.*)?$"))
    return outside + inside


def templates() -> dict[str, set[str]]:
    """The public path templates of every service."""
    from ops.documents import service_classes
    from shared.entrypoints.openapi import operations

    return {
        str(vars(service)["name"]): {operation.template for _, operation in operations(service) if not operation.internal}
        for service in service_classes()
    }


def caddyfile(looks: bool = True) -> str:
    """deploy/Caddyfile with the routes of the services. Where another knows which replicas are ready, it `looks` at none."""
    routes = [
        ROUTE.format(
            name=f"{service}_{n}",
            pattern=pattern,
            upstreams=f"{{$LINLI_{service.upper()}_UPSTREAMS}}",
            service=service,
            looks=LOOKS.format(service=service) if looks else "",
        )
        for n, (service, pattern) in enumerate(patterns(claims(templates())), start=1)
    ]
    whole = (ROOT / "deploy" / "Caddyfile").read_text().replace(MARK, "".join(routes))
    return whole if looks else LOOK.sub("", whole)


if __name__ == "__main__":  # of the image of the edge: deploy/edge.Dockerfile
    print(caddyfile(looks=False), end="")
