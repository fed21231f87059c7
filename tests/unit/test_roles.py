"""Who may call what: the whole table, kept beside the code and read by people. An operation without a row fails."""

from __future__ import annotations

from pathlib import Path

from ops.documents import service_classes
from shared.entrypoints.openapi import operations
from shared.rules.roles import ROLES

TABLE = Path(__file__).with_name("roles.txt")
SHORT = {
    "resident": "re", "guardian": "gu", "worker": "wo", "duty_lead": "du", "mediator": "me", "court": "co", "clerk": "cl",
    "steward": "st", "kitchen": "ki", "counsellor": "cs", "help_officer": "he", "seal_holder": "se", "police_liaison": "po",
    "secretary": "SE", "street_officer": "SO", "operator": "OP", "integrator": "in",
}  # fmt: skip


def rows() -> dict[str, str]:
    """Operation → who may call it, as the code has it."""
    found = {}
    for service in service_classes():
        for _, operation in operations(service):
            who = " ".join(SHORT[role] if role in operation.allow else "·" * 2 for role in ROLES)
            if operation.internal:
                who = f"services: {' '.join(sorted(operation.internal))}"
            elif operation.signed_in:
                who = "whoever is signed in, on the own account"
            elif not operation.allow:
                who = "anybody"
            elif operation.guests:
                who += "  and anybody"
            if operation.restricted:
                who += "  not after a recovery"
            found[f"{operation.method:6} {operation.template.removeprefix('/api/v1')}"] = who
    return found


def table(found: dict[str, str]) -> str:
    """As it lies in the file."""
    head = f"{'':70} {' '.join(SHORT[role] for role in ROLES)}"
    return "\n".join([head, *(f"{name:70} {who}" for name, who in found.items())]) + "\n"


def test_every_role_has_a_column() -> None:
    assert list(SHORT) == list(ROLES)
    assert len(set(SHORT.values())) == len(SHORT)


def test_the_table_says_of_every_operation_who_may_call_it() -> None:
    kept = {line[:70].strip(): line[71:] for line in TABLE.read_text().splitlines()[1:]}
    real = {name.strip(): who for name, who in rows().items()}
    assert set(real) - set(kept) == set(), "operations without a row: look at who may call them, and add one"
    assert set(kept) - set(real) == set(), "rows without an operation"
    assert {name: who for name, who in real.items() if kept[name] != who} == {}, "not what was reviewed"
    assert TABLE.read_text() == table(rows()), "another order: python -m tests.unit.test_roles writes the file"


if __name__ == "__main__":
    TABLE.write_text(table(rows()))
