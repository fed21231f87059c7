"""Entrypoints: accounts as they were before decision 21."""

from __future__ import annotations

from typing import Any

from services.residents.former.handlers import FORMER, FormerAccounts
from shared.entrypoints.timers import every
from shared.runtime.platform import Provided, Stored


class LettingGo:
    """Asks the people of former accounts in anew, until none is left."""

    former_accounts = Stored(FORMER)
    former: Any = Provided(FormerAccounts)

    @every(5)
    def let_former_accounts_go(self, call):
        self.former.let_go(call)
