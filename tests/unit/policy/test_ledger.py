"""The sums of messages' entries, and accounts that differ from them."""

from collections import Counter
from dataclasses import replace
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.ledger import (
    AccountKey,
    Balance,
    Discrepancy,
    EntryKind,
    LedgerEntry,
    accounts_of,
    balances,
    discrepancies,
    open_holds,
)

HOLD, SETTLE, RELEASE, SPEND = EntryKind
CAMPAIGN = UUID(int=1)
WHOLE = AccountKey(CAMPAIGN, AccountScope.CAMPAIGN, "")


def entry(kind, attempt_no=1, *, amount=500, channel="sms", day="2026-11-22", message=7):
    return LedgerEntry(UUID(int=message), attempt_no, kind, CAMPAIGN, channel, day, amount)


def accounts(entries):
    """Accounts that equal the sums of the entries."""
    return {
        key: Account(key.scope, key.key, None, b.held_micros, b.spent_micros, None, b.messages)
        for key, b in balances(entries).items()
    }


@pytest.mark.parametrize(
    ("kinds", "balance"),
    [
        ([], Balance(0, 0, 0)),
        ([HOLD], Balance(500, 0, 1)),
        ([HOLD, SETTLE], Balance(0, 500, 1)),
        ([HOLD, RELEASE], Balance(0, 0, 0)),
        ([SPEND], Balance(0, 500, 0)),
        ([HOLD, SETTLE, SPEND], Balance(0, 1_000, 1)),
    ],
)
def test_what_the_entries_of_a_message_come_to(kinds, balance):
    for order in permutations(kinds):
        sums = balances(map(entry, order))
        assert set(sums.values()) == ({balance} if kinds else set())


def test_an_entry_is_booked_on_its_campaign_its_channel_and_its_day():
    assert accounts_of(entry(HOLD, channel="email", day="2026-11-23")) == (
        (CAMPAIGN, "campaign", ""),
        (CAMPAIGN, "channel", "email"),
        (CAMPAIGN, "day", "2026-11-23"),
    )


#: Lives of attempts: (how its hold ended, amount, channel, day).
LIVES = st.lists(
    st.tuples(
        st.sampled_from([None, SETTLE, RELEASE]),
        st.integers(0, 10**9),
        st.sampled_from(["sms", "email"]),
        st.sampled_from(["2026-11-22", "2026-11-23"]),
    ),
    max_size=12,
)


@given(LIVES)
def test_a_message_is_counted_and_its_money_held_or_spent_until_it_is_given_back(lives):
    entries = [
        entry(kind, number, amount=amount, channel=channel, day=day)
        for number, (end, amount, channel, day) in enumerate(lives, start=1)
        for kind in (HOLD, end)
        if kind is not None
    ]
    sums = balances(entries)
    for scope in AccountScope:
        of_scope = [balance for key, balance in sums.items() if key.scope is scope]
        money: Counter[EntryKind | None] = Counter()
        for end, amount, *_ in lives:
            money[end] += amount
        assert sum(b.held_micros for b in of_scope) == money[None]
        assert sum(b.spent_micros for b in of_scope) == money[SETTLE]
        assert sum(b.messages for b in of_scope) == sum(end is not RELEASE for end, *_ in lives)
    still_open = {(UUID(int=7), n) for n, life in enumerate(lives, start=1) if life[0] is None}
    assert open_holds(entries) == still_open
    assert list(discrepancies(accounts(entries), entries)) == []


@pytest.mark.parametrize("field", ["held_micros", "spent_micros", "message_count"])
def test_an_account_that_says_otherwise_is_found(field):
    entries = [entry(HOLD), entry(SETTLE)]
    drifted = accounts(entries)
    drifted[WHOLE] = replace(drifted[WHOLE], **{field: getattr(drifted[WHOLE], field) + 1})
    (found,) = discrepancies(drifted, entries)
    assert (found.key, found.due) == (WHOLE, Balance(0, 500, 1))
    assert found.stands != found.due


def test_entries_without_an_account_and_accounts_without_entries():
    unused = {WHOLE: Account(AccountScope.CAMPAIGN, "", None, 0, 0, None, 0)}
    assert list(discrepancies(unused, [])) == []
    lost = balances([entry(SPEND)])
    assert list(discrepancies({}, [entry(SPEND)])) == [
        Discrepancy(key, None, balance) for key, balance in lost.items()
    ]
