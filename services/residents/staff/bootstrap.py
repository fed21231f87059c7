"""The installation's first operator."""

from __future__ import annotations

from services.residents.accounts import domain as accounts_domain
from services.residents.accounts.domain import TEXT
from services.residents.accounts.handlers import Accounts
from services.residents.records import WORKERS
from services.residents.staff import domain
from services.residents.staff.handlers import Staff
from shared.calls import Call, derived_id, to_milliseconds
from shared.rules.roles import INSTALLATION, OPERATOR
from shared.runtime.platform import Platform
from shared.security.privacy import e164
from shared.settings import read


def let_the_first_operator_in(platform: Platform) -> None:
    """The operator whom LINLI_OPERATOR_PHONE and LINLI_OPERATOR_PASSWORD name, where these are set; safe to repeat."""
    accounts = Accounts(platform)
    environ = platform.settings.environ
    phone, password = read(environ, "LINLI_OPERATOR_PHONE", ""), read(environ, "LINLI_OPERATOR_PASSWORD", "")
    if not phone:
        return
    call = Call(community=INSTALLATION, at=to_milliseconds(platform.clock.now()), actor="bootstrap", caused_by="bootstrap")
    facts = {"name": "operator", "phone": e164(phone), "roles": [OPERATOR]}
    worker = platform.store(WORKERS).create(call, domain.found_office, facts, call.at)
    token = accounts.keys.of_address(TEXT, worker.phone)
    channel = accounts_domain.new_channel(derived_id(worker.id, "channel"), TEXT, token, call.at, bootstrap=True)
    if accounts_domain.is_former(worker.account_id):
        worker = accounts.records.bind(call, worker, "")
    id = derived_id(worker.id, "account")
    account = accounts.create(call, id, call.at, channel, worker.phone)
    if account is None or account.tombstone:
        return  # somebody has shown that this phone is theirs: then it signs in with a code, as anybody does
    if not account.password:
        hashed = accounts.keys.hash(password)
        accounts.store.change(call.plain(), id, accounts_domain.first_password, hashed, call.at)
    if INSTALLATION not in account.memberships:
        accounts.enter(call.plain(), id, worker)
        Staff(platform).follow(call.plain(), worker.id)
