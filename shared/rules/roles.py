"""The one table of roles: who may do what in a community. Free of any framework."""

from __future__ import annotations

from collections.abc import Mapping

INSTALLATION = "_"  # the community of what belongs to no community: accounts, organisations, leases

RESIDENT = "resident"
GUARDIAN = "guardian"
WORKER = "worker"
DUTY_LEAD = "duty_lead"
MEDIATOR = "mediator"
COURT = "court"
CLERK = "clerk"
STEWARD = "steward"
KITCHEN = "kitchen"
COUNSELLOR = "counsellor"
HELP_OFFICER = "help_officer"
SEAL_HOLDER = "seal_holder"
POLICE_LIAISON = "police_liaison"
SECRETARY = "secretary"
STREET_OFFICER = "street_officer"
OPERATOR = "operator"
INTEGRATOR = "integrator"

# The one table of roles, with what each may do in a sentence.
ROLES: Mapping[str, str] = {
    RESIDENT: "books, files and is told; sees what is one's own",
    GUARDIAN: "acts for the children linked to them",
    WORKER: "serves residents at the counter: registers, books on behalf, looks people up",
    DUTY_LEAD: "a worker who also staffs shifts and is alerted",
    MEDIATOR: "mediates disputes",
    COURT: "schedules hearings and writes outcomes",
    CLERK: "receives papers; no court documents",
    STEWARD: "a partner's person in a room; sees that room's bookings alone",
    KITCHEN: "sees meals to cook",
    COUNSELLOR: "keeps confidential notes",
    HELP_OFFICER: "handles private help requests",
    SEAL_HOLDER: "one of two who may open a sealed complainant",
    POLICE_LIAISON: "is told of danger",
    SECRETARY: "leads the community; appoints workers, changes rooms",
    STREET_OFFICER: "acts for the street, in several communities",
    OPERATOR: "runs the installation; no personal data",
    INTEGRATOR: "a machine that reads public facts",
}
STAFF = frozenset({WORKER, DUTY_LEAD, SECRETARY})
# Roles that see secrets: proposed by one person, confirmed by another.
SECRET = frozenset({SECRETARY, SEAL_HOLDER, HELP_OFFICER, COUNSELLOR, COURT, POLICE_LIAISON})
# Roles that see nobody's data: what a community's operator may give.
TECHNICAL = frozenset({OPERATOR, INTEGRATOR})
EVERYBODY = frozenset(ROLES)
