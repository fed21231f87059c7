"""Accounts, sessions, tries and roles: the decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.residents.accounts import domain as accounts
from services.residents.accounts.domain import Account
from services.residents.keys import Keys, plain_slip_code, slip_code
from services.residents.sessions import domain as sessions
from services.residents.staff import domain as staff
from services.residents.staff.domain import Giver, Offices, Worker
from services.residents.tries import domain as tries
from services.residents.tries.domain import Limit, Tries
from services.residents.tries.handlers import network
from shared.events.residents import AccessRevoked, AccountNoticeDue
from shared.rules.errors import Conflict, Forbidden, Invalid, Limited, Missing, Unauthenticated

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MEMBER = {"id": "p", "roles": ["resident"], "until": None, "version": 1, "since": datetime(2026, 1, 1, tzinfo=UTC)}


def account(**facts: Any) -> Account:
    """One with a phone, which opens lijing."""
    channel = accounts.new_channel("c1", "text", "t1", AT - DAY)
    made, _ = accounts.opened("a", AT, channel, "+86136")
    return made.but(**({"memberships": {"lijing": MEMBER}} | facts))


def signed_in(how: str = "code", at: datetime = AT, **facts: Any) -> Account:
    return sessions.begin(account(**facts), "s1", how, "", "a phone", None, at)[0]


# -- sessions


def test_a_refresh_token_gives_way_to_its_successor_and_yields_it_again_until_that_is_used() -> None:
    one = signed_in()
    two, events = sessions.renew(one, "s1", 1, "", AT + MINUTE)
    assert (two.sessions[0]["n"], events) == (2, [])
    again, events = sessions.renew(two, "s1", 1, "", AT + 2 * MINUTE)  # another tab, or a reply that was lost
    assert (again, events) == (two, [])
    three, _ = sessions.renew(two, "s1", 2, "", AT + 3 * MINUTE)
    assert three.sessions[0]["n"] == 3
    ended, events = sessions.renew(three, "s1", 1, "", AT + 4 * MINUTE)
    assert (ended.sessions, ended.devices) == ([], {})
    assert events == [AccessRevoked("a", ["s1"], "", 0, AT + 4 * MINUTE)]


def test_a_session_that_is_over_or_unknown_is_not_renewed() -> None:
    one = signed_in()
    assert sessions.renew(one, "other", 1, "", AT) == (one, [])
    assert sessions.renew(one, "s1", 1, "", AT + sessions.REFRESH_LIVES) == (one, [])


def test_an_account_keeps_ten_sessions_and_the_oldest_is_ended() -> None:
    one = account()
    for n in range(11):
        one, events = sessions.begin(one, f"s{n}", "code", "", "", None, AT + n * MINUTE)
    assert [s["id"] for s in one.sessions] == [f"s{n}" for n in range(1, 11)]
    assert events == [AccessRevoked("a", ["s0"], "", 0, AT + 10 * MINUTE)]


def test_a_token_names_living_terms_and_lives_no_longer_than_the_shortest() -> None:
    soon = {"id": "w", "roles": ["worker"], "until": AT + 3 * MINUTE}
    over = {"id": "x", "roles": ["worker"], "until": AT}
    one = signed_in(memberships={"lijing": MEMBER, "next": soon, "former": over})
    names = sessions.named(one, one.sessions[0], AT)
    assert set(names) == {"lijing", "next"}
    assert sessions.lives_until(one, names, AT + 10 * MINUTE) == AT + 3 * MINUTE
    with pytest.raises(Forbidden, match="no_membership"):
        sessions.named(one, one.sessions[0] | {"community": "former"}, AT)


def test_who_opens_nothing_comes_in_for_an_invitation_alone() -> None:
    with pytest.raises(Forbidden, match="no_membership"):
        signed_in(memberships={})
    invited, _ = accounts.invite(account(memberships={}), "i", "lijing", "p", AT)
    one, _ = sessions.begin(invited, "s", "code", "", "", None, AT)
    assert sessions.named(one, one.sessions[0], AT) == {}


def test_what_an_operator_of_the_installation_is_stands_beside_the_community_that_was_asked_for() -> None:
    both = {"_": {"id": "o", "roles": ["operator"], "until": None}, "lijing": MEMBER, "next": MEMBER}
    one, _ = sessions.begin(account(memberships=both), "s", "code", "lijing", "", None, AT)
    assert set(sessions.named(one, one.sessions[0], AT)) == {"_", "lijing"}


# -- what an account loses


def test_whoever_loses_a_role_or_some_of_a_term_loses_the_tokens_that_say_more() -> None:
    one = account(memberships={"lijing": MEMBER | {"id": "w", "roles": ["secretary", "worker"]}})
    for roles, until in ((["worker"], None), (["secretary", "worker"], AT + DAY)):
        less, events = accounts.follow(one, "lijing", "w", roles, until, 2, AT)
        assert (less.generation, events) == (1, [AccessRevoked("a", [], "lijing", 1, AT)])
        assert accounts.follow(less, "lijing", "w", ["secretary", "worker"], None, 1, AT) == (less, []), (
            "what an older one said"
        )
    more, events = accounts.follow(one, "lijing", "w", ["court", "secretary", "worker"], None, 2, AT)
    assert (more.generation, events) == (0, [])
    assert accounts.follow(one, "lijing", "somebody else", [], None, 2, AT) == (one, [])


def test_an_account_that_opens_nothing_any_more_is_forgotten_where_its_person_is() -> None:
    one = signed_in()
    left, events = accounts.leave(one, "lijing", "p", AT)
    assert (left.tombstone, left.memberships, left.channels != []) == (False, {}, True)
    gone, events = accounts.leave(one, "lijing", "p", AT, forget=True)
    assert (gone.tombstone, gone.channels, gone.addresses, gone.sessions) == (True, [], {}, [])
    assert gone.credentials == ["a"], "its phone is free for whoever confirms it next"
    assert [(e.community_id, e.sessions) for e in events] == [("lijing", []), ("", ["s1"])]


def test_a_new_password_ends_every_other_session_and_is_told() -> None:
    one, _ = sessions.begin(signed_in(password="old"), "s2", "password", "", "", None, AT)
    after, events = accounts.set_password(one, "new", "s2", AT)
    assert [s["id"] for s in after.sessions] == ["s2"]
    assert events == [AccessRevoked("a", ["s1"], "", 0, AT), AccountNoticeDue("a", "account_password_changed", ["text:c1"], AT)]


@pytest.mark.parametrize(("how", "minutes", "fresh"), [
    ("code", 5, True), ("code", 6, False), ("slip", 0, True), ("activation", 0, True), ("password", 0, False),
    ("identity", 0, False),
])  # fmt: skip
def test_a_session_by_code_stands_for_the_password_for_five_minutes(how: str, minutes: int, fresh: bool) -> None:
    assert accounts.is_fresh(signed_in(how), "s1", AT + minutes * MINUTE) is fresh
    assert not accounts.is_fresh(signed_in(how), "other", AT)


# -- channels


def _adding(id: str = "c2", token: str = "t2", at: datetime = AT) -> dict[str, Any]:
    return {"id": id, "kind": "mail", "token": token, "hash": "right", "sealed": b"", "expires_at": at + 5 * MINUTE}


def test_an_address_counts_once_its_code_came_back_and_the_others_are_told() -> None:
    added, events = accounts.add_channel(account(), _adding(), "x@example.org", AT)
    assert (added.credentials, events[0].channel) == (["t1"], "mail")
    for id, code, at in (("c2", "wrong", AT), ("c3", "right", AT), ("c2", "right", AT + 5 * MINUTE)):
        with pytest.raises(Unauthenticated):
            accounts.confirm_channel(added, id, code, at)
    done, events = accounts.confirm_channel(added, "c2", "right", AT)
    assert (done.credentials, done.adding) == (["t1", "t2"], None)
    assert events == [AccountNoticeDue("a", "account_channel_added", ["text:c1"], AT)]
    with pytest.raises(Conflict, match="channel_known"):
        accounts.add_channel(done, _adding(), "x@example.org", AT)


def test_the_last_channel_stays_and_one_that_is_given_up_is_free() -> None:
    with pytest.raises(Conflict, match="last_channel"):
        accounts.drop_channel(account(), "c1", AT)
    two, _ = accounts.confirm_channel(accounts.add_channel(account(), _adding(), "x@e", AT)[0], "c2", "right", AT)
    left, events = accounts.drop_channel(two, "c1", AT)
    assert left.credentials == ["t2"]
    # Whoever was put out hears of it, and of what follows, for a week; and opens nothing.
    assert events == [AccountNoticeDue("a", "account_channel_removed", ["mail:c2", "text:c1"], AT)]
    assert left.reached_by(AT + timedelta(days=7)) == ["mail:c2"]
    later, _ = accounts.confirm_channel(
        accounts.add_channel(left, _adding("c3", "t3"), "y@e", AT + 8 * DAY)[0], "c3", "right", AT
    )
    gone, _ = accounts.drop_channel(later, "c2", AT + 8 * DAY)
    assert "c1" not in gone.addresses


def test_an_account_without_any_channel_is_known_by_its_id_alone() -> None:
    made, _ = accounts.opened("a", AT)
    assert made.credentials == ["a"]
    linked, _ = accounts.link_identity(made, "e", "blind", "https://id", AT)
    assert linked.credentials == ["blind"]
    with pytest.raises(Conflict, match="last_channel"):
        accounts.unlink_identity(linked, "e")


def test_a_code_works_once_for_five_minutes() -> None:
    waiting, events = accounts.expect_code(account(), "n", "right", b"sealed", "c1", AT)
    assert (events[0].code_id, events[0].channel) == ("n", "text")
    assert accounts.use_code(waiting, "right", AT).codes == []
    # A second one, that somebody else asked for, does not take away the first.
    both, _ = accounts.expect_code(waiting, "m", "other", b"sealed", "c1", AT + MINUTE)
    assert (
        accounts.use_code(both, "right", AT + 2 * MINUTE).codes == accounts.use_code(both, "other", AT + 2 * MINUTE).codes == []
    )
    for n in range(accounts.CODES_WAITING_MOST):
        both, _ = accounts.expect_code(both, f"x{n}", f"x{n}", b"", "c1", AT)
    assert [code["hash"] for code in both.codes] == ["x0", "x1", "x2"]
    for one, code, at in ((waiting, "wrong", AT), (waiting, "right", AT + 5 * MINUTE), (account(), "right", AT)):
        with pytest.raises(Unauthenticated):
            accounts.use_code(one, code, at)


# -- memberships


def test_one_account_is_one_person_of_a_community() -> None:
    with pytest.raises(Conflict, match="already_a_member"):
        accounts.enter(account(), "lijing", "another", ["worker"], None, 1, AT)
    invited, events = accounts.invite(account(), "i", "next", "w", AT)
    assert events == [AccountNoticeDue("a", "account_invited", ["text:c1"], AT)]
    with pytest.raises(Missing):
        accounts.invitation(invited, "i", AT + accounts.INVITATION_LIVES)
    entered, events = accounts.enter(invited, "next", "w", ["worker"], None, 1, AT)
    assert (entered.invitations, entered.memberships["next"]["id"]) == ([], "w")
    assert [type(e).__name__ for e in events] == ["MembershipAccepted"]
    assert accounts.decline(invited, "i", AT)[0].invitations == []


# -- recovery


def _recovered(at: datetime = AT) -> Account:
    asked, _ = accounts.ask_recovery(account(), "lijing", "p", "w1", at)
    return accounts.confirm_recovery(asked, "lijing", "p", "w2", at)[0]


def test_recovery_takes_two_a_day_without_objection_and_a_week_of_less() -> None:
    asked, events = accounts.ask_recovery(account(), "lijing", "p", "w1", AT)
    assert events == []
    with pytest.raises(Forbidden, match="same_person"):
        accounts.confirm_recovery(asked, "lijing", "p", "w1", AT)
    confirmed, (notice,) = accounts.confirm_recovery(asked, "lijing", "p", "w2", AT)
    assert (notice.notice, notice.channels, notice.until) == ("account_recovery", ["text:c1"], AT + DAY)
    with pytest.raises(Conflict, match="recovery_waits"):
        accounts.may_open_by_slip(confirmed, "lijing", "p", AT + DAY - MINUTE)
    accounts.may_open_by_slip(confirmed, "lijing", "p", AT + DAY)
    with pytest.raises(Conflict, match="has_channel"):
        accounts.may_open_by_slip(confirmed, "next", "p", AT + DAY)
    used = accounts.use_recovery(confirmed, AT + DAY)
    with pytest.raises(Conflict, match="recovery_waits"):
        accounts.may_open_by_slip(used, "lijing", "p", AT + DAY)
    until = AT + DAY + accounts.LIMITED_FOR
    assert accounts.limited_until(used, None, AT + DAY) == until
    assert accounts.is_recovered(used, None)
    assert not accounts.is_recovered(account(), None)
    assert accounts.limited_until(used, AT + DAY, AT + 2 * DAY) == until, "a channel or password that the recovery brought"
    assert accounts.limited_until(used, AT - DAY, AT + 2 * DAY) is None, "one of before"
    assert accounts.limited_until(used, None, until) is None


def test_the_owner_objects_and_nobody_comes_in() -> None:
    stopped, _ = accounts.object_to_recovery(_recovered(), AT + timedelta(hours=23))
    with pytest.raises(Conflict, match="has_channel"):
        accounts.may_open_by_slip(stopped, "lijing", "p", AT + DAY)
    with pytest.raises(Missing):
        accounts.object_to_recovery(stopped, AT)


def test_a_limited_session_opens_the_community_that_let_it_in_without_what_sees_secrets() -> None:
    own = {"lijing": MEMBER | {"roles": ["court", "worker"]}, "next": MEMBER, "_": MEMBER | {"roles": ["operator"]}}
    one = accounts.use_recovery(_recovered().but(memberships=own), AT + DAY)
    limited, _ = sessions.begin(one, "s", "slip", "", "", None, AT + DAY)
    assert sessions.named(limited, limited.sessions[0], AT + DAY) == {"lijing": {"id": "p", "roles": ["worker"]}}
    # A week later it is like any other, there; what others did in one community never opens another.
    assert set(sessions.named(limited, limited.sessions[0], AT + 8 * DAY)) == {"lijing"}
    entered = limited.but(memberships={**own, "next": MEMBER | {"since": AT + 2 * DAY}})
    assert set(sessions.named(entered, limited.sessions[0], AT + 8 * DAY)) == {"lijing", "next"}
    # Who comes in by what was theirs before sees all, and throws out who came in by the recovery.
    owner, _ = sessions.begin(limited, "o", "code", "", "", AT - DAY, AT + 2 * DAY)
    assert set(sessions.named(owner, owner.sessions[1], AT + 2 * DAY)) == {"lijing", "next", "_"}
    added = accounts.new_channel("c9", "mail", "t9", AT + 2 * DAY)
    free, events = accounts.object_to_recovery(owner.but(channels=[*owner.channels, added]), AT + 3 * DAY)
    assert ([s["id"] for s in free.sessions], [c["id"] for c in free.channels], free.recovered) == (["o"], ["c1"], {})
    assert events == [AccessRevoked("a", ["s"], "", 0, AT + 3 * DAY)]


def test_a_slip_opens_an_account_without_a_channel_and_no_other() -> None:
    accounts.may_open_by_slip(accounts.opened("a", AT)[0], "lijing", "p", AT)
    with pytest.raises(Conflict, match="has_channel"):
        accounts.may_open_by_slip(account(), "lijing", "p", AT)


# -- tries


def test_tries_are_counted_before_they_are_looked_at() -> None:
    one, limit = Tries(id="x"), Limit(5, 15 * MINUTE)
    for _ in range(5):
        one, _ = tries.attempt(one, limit, AT)
    with pytest.raises(Limited) as refused:
        tries.attempt(one, limit, AT + 14 * MINUTE)
    assert refused.value.extra["retry_after"] == 60
    assert tries.attempt(one, limit, AT + 15 * MINUTE)[0].count == 1
    assert one.due == AT + DAY
    assert tries.attempt(Tries(id="x"), Limit(5, 60 * MINUTE, 60 * MINUTE), AT)[0].due == AT + 60 * MINUTE
    assert tries.was_right(one)[0].count == 4
    assert tries.start_anew(one)[0].count == 0


def test_codes_are_limited_by_pause_and_by_hour_and_each_begins_its_tries_anew() -> None:
    one, now = Tries(id="x"), AT
    for _ in range(5):
        one, (events,) = tries.ask_code(tries.attempt(one, tries.BY_CODE, now)[0], "token", "text", now)
        assert (one.count, events.attempt_id) == (0, "x")
        with pytest.raises(Limited):
            tries.ask_code(one, "token", "text", now + timedelta(seconds=29))
        now += MINUTE
    with pytest.raises(Limited) as refused:
        tries.ask_code(one, "token", "text", now)
    assert refused.value.extra["retry_after"] == 55 * 60
    tries.ask_code(one, "token", "text", AT + timedelta(hours=1))


@pytest.mark.parametrize(("client", "counted_by"), [
    ("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::ffff:203.0.113.7", "203.0.113.7"),
    ("", "unknown"), ("nonsense, 1.2.3.4", "unknown"),
])  # fmt: skip
def test_an_address_is_counted_as_its_customer_has_it(client: str, counted_by: str) -> None:
    assert network(client) == counted_by


# -- keys


def test_refresh_and_device_tokens_are_known_and_nothing_else() -> None:
    keys = Keys({"LINLI_INSTALLATION_KEY": "k"})
    token = keys.refresh_token("a", "s", 3)
    assert keys.read_refresh_token(token) == ("a", "s", 3)
    other = Keys({"LINLI_INSTALLATION_KEY": "other"})
    for wrong in (token[:-1], token.replace(".3.", ".4."), token.replace("a.", "b.", 1), "", "a.s.3", "a.s.³.x", token + ".x",
                  other.refresh_token("a", "s", 3), keys.device_token("a", "s")):  # fmt: skip
        with pytest.raises(Unauthenticated):
            keys.read_refresh_token(wrong)
    assert keys.read_device_token(keys.device_token("a", "d")) == ("a", "d")
    for wrong in ("", "a.d", "a.d.x", token):
        assert keys.read_device_token(wrong) == ("", "")


def test_a_channel_is_a_phone_or_a_mail_address_however_it_is_written() -> None:
    keys = Keys({"LINLI_INSTALLATION_KEY": "k"})
    assert keys.channel({"phone": "138 0000 0000"}) == keys.channel({"phone": "+8613800000000"})
    assert keys.channel({"mail": "A@B.example"})[2] == keys.channel({"mail": "a@b.example"})[2]
    for body in ({}, {"phone": "13800000000", "mail": "a@b.example"}):
        with pytest.raises(Invalid, match="channel_one"):
            keys.channel(body)


def test_a_slips_code_is_read_however_it_is_typed() -> None:
    code = slip_code()
    assert len(plain_slip_code(code)) == 16
    assert plain_slip_code("oi1l-0abc") == plain_slip_code("0111 0ABC")


# -- roles


SECRETARY, STREET = Giver("sec", frozenset({"secretary"})), Giver("street", frozenset({"street_officer"}))
OPERATOR, INSTALLATION = Giver("op", frozenset({"operator"})), Giver("inst", frozenset({"operator"}), True)


def _appointed(*roles: str, by: Giver = SECRETARY) -> Worker:
    made, _ = staff.appoint("w", {"name": "x", "phone": "p", "roles": list(roles)}, by, AT)
    return made.but(id="w")


@pytest.mark.parametrize("role", sorted(staff.PROPOSED))
def test_a_role_that_sees_secrets_holds_once_a_second_person_confirms(role: str) -> None:
    proposed = _appointed(role, "worker")
    assert (proposed.roles, set(proposed.proposed)) == (["worker"], {role})
    for who, code in ((SECRETARY, "same_person"), (Giver("w", frozenset({"secretary"})), "same_person"),
                      (OPERATOR, "role_too_high"), (Giver("x", frozenset({"worker"})), "role_too_high")):  # fmt: skip
        with pytest.raises(Forbidden, match=code):
            staff.confirm(proposed, role, who, AT)
    for who in (STREET, INSTALLATION, Giver("other", frozenset({"secretary"}))):
        held, (events,) = staff.confirm(proposed, role, who, AT)
        assert (held.roles, held.proposed) == (sorted([role, "worker"]), {})
        assert (events.appointed_by, events.confirmed_by) == ("sec", who.id)
    with pytest.raises(Missing):
        staff.confirm(held, role, STREET, AT)
    assert staff.turn_down(proposed, role, STREET)[0].proposed == {}


def test_nobody_changes_their_own_roles_or_term() -> None:
    own = Giver("w", frozenset({"secretary"}))
    for facts in ({"roles": ["worker"]}, {"until": None}):
        with pytest.raises(Forbidden, match="own_roles"):
            staff.change_worker(_appointed("worker"), facts, own, AT)
    with pytest.raises(Forbidden, match="own_roles"):
        staff.dismiss(_appointed("worker"), own, AT)
    assert staff.change_worker(_appointed("worker"), {"email": "x@e"}, own, AT)[0].email == "x@e"


@pytest.mark.parametrize(("giver", "roles", "may"), [
    (SECRETARY, ["worker"], True), (STREET, ["secretary"], True), (SECRETARY, ["operator"], False),
    (SECRETARY, ["integrator"], True), (OPERATOR, ["integrator", "operator"], True), (OPERATOR, ["worker"], False),
    (OPERATOR, ["help_officer"], False), (INSTALLATION, ["help_officer"], False), (INSTALLATION, ["operator"], True),
])  # fmt: skip
def test_who_gives_which_roles(giver: Giver, roles: list[str], may: bool) -> None:
    if may:
        worker = _appointed(*roles, by=giver)
        assert {*worker.roles, *worker.proposed} >= set(roles)
    else:
        with pytest.raises(Forbidden, match="role_too_high"):
            _appointed(*roles, by=giver)
        with pytest.raises(Forbidden, match="role_too_high"):
            staff.change_worker(Worker(id="w", roles=["clerk"]), {"roles": ["clerk", *roles]}, giver, AT)


def test_who_takes_a_role_away_must_be_one_who_may_give_it() -> None:
    with pytest.raises(Forbidden, match="role_too_high"):
        staff.dismiss(Worker(id="w", roles=["secretary"]), OPERATOR, AT)
    with pytest.raises(Forbidden, match="role_too_high"):
        staff.change_worker(Worker(id="w", roles=["secretary"]), {"until": AT}, OPERATOR, AT)
    gone, events = staff.dismiss(Worker(id="w", roles=["secretary"], proposed={"court": {}}), STREET, AT)
    assert (gone.roles, gone.proposed, gone.until, events[0].roles) == ([], {}, AT, [])


def test_the_last_secretary_and_the_last_operator_stay() -> None:
    offices, _ = staff.hold(Offices(), "one", ["secretary", "operator"], None, 1)
    for roles, until in (([], None), (["secretary", "operator"], AT + DAY), (["operator"], None)):
        with pytest.raises(Conflict, match="last_secretary"):
            staff.let_go(offices, "one", roles, until, AT)
    with pytest.raises(Conflict, match="last_operator"):
        staff.let_go(offices, "one", ["secretary"], None, AT)
    two, _ = staff.hold(offices, "two", ["secretary", "operator"], None, 1)
    left, _ = staff.let_go(two, "one", [], None, AT)
    with pytest.raises(Conflict, match="last_secretary"):
        staff.let_go(left, "two", [], None, AT)
    # Somebody whose term ends does not take the place of one who stays.
    acting, _ = staff.hold(offices, "acting", ["secretary", "operator"], AT + DAY, 1)
    with pytest.raises(Conflict, match="last_secretary"):
        staff.let_go(acting, "one", [], None, AT)
    assert staff.hold(acting, "acting", [], None, 0) == (acting, []), "an older record says nothing"
    assert "acting" not in staff.let_go(acting, "acting", [], None, AT)[0].held["secretary"]


def test_a_community_names_its_first_people_once() -> None:
    staff.check_vacant([])
    with pytest.raises(Conflict, match="people_there"):
        staff.check_vacant([Worker(id="one", roles=["secretary"])])


def test_a_contact_that_changes_before_anybody_came_in_gives_the_roles_anew() -> None:
    held, _ = staff.confirm(_appointed("court", "worker"), "court", STREET, AT)
    with pytest.raises(Forbidden, match="role_too_high"):
        staff.change_worker(held, {"phone": "mine"}, OPERATOR, AT)
    moved, events = staff.change_worker(held, {"phone": "mine"}, SECRETARY, AT)
    assert (moved.roles, set(moved.proposed)) == (["worker"], {"court"})
    assert [type(event).__name__ for event in events] == ["WorkerChanged", "RoleProposed"]
    with pytest.raises(Forbidden, match="same_person"):
        staff.confirm(moved, "court", SECRETARY, AT)
    # Who came in already comes in by their own channels: a contact is a contact.
    kept, _ = staff.change_worker(held.but(account_id="a"), {"phone": "other"}, SECRETARY, AT)
    assert kept.roles == ["court", "worker"]


def test_a_longer_term_in_a_role_that_sees_secrets_takes_two() -> None:
    held, _ = staff.confirm(_appointed("court"), "court", STREET, AT)
    held = held.but(until=AT + DAY)
    for facts in ({"until": None}, {"roles": ["court"], "until": None}):
        for giver in (OPERATOR, INSTALLATION):
            with pytest.raises(Forbidden, match="role_too_high"):
                staff.change_worker(held, dict(facts), giver, AT)
        longer, _ = staff.change_worker(held, dict(facts), SECRETARY, AT + 2 * DAY)
        assert (longer.until, set(longer.proposed)) == (AT + DAY, {"term"})
        with pytest.raises(Forbidden, match="same_person"):
            staff.confirm(longer, "term", SECRETARY, AT)
        confirmed, _ = staff.confirm(longer, "term", STREET, AT)
        assert (confirmed.until, confirmed.proposed) == (None, {})
    shorter, _ = staff.change_worker(held, {"until": AT}, SECRETARY, AT)
    assert shorter.until == AT
    plain, _ = staff.change_worker(_appointed("worker").but(until=AT), {"until": None}, SECRETARY, AT)
    assert plain.until is None


def test_a_puppet_is_no_second_person_for_thirty_days() -> None:
    puppet, other = _appointed("worker"), Worker(id="other")
    assert not staff.apart(puppet, Worker(id="sec"), AT + timedelta(days=29))
    assert staff.apart(puppet, Worker(id="sec"), AT + timedelta(days=30))
    assert staff.apart(puppet, other, AT)
    assert not staff.apart(puppet, puppet, AT)
    assert not staff.apart(puppet, None, AT)
