"""Accounts that do not work: the calls let in, and when the others come back."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest

from madan_sara.persistence.provider_accounts import PostgresProviderAccounts
from madan_sara.policy.attempts import SLOTS_APART
from tests.integration.persistence.shop import NOW

CALL = timedelta(minutes=1)
ALONE = timedelta(seconds=10)


@pytest.fixture
def account():
    return f"mail.example.org {uuid4()}"


@pytest.fixture
def accounts(database):
    return PostgresProviderAccounts(database)


async def fail(accounts, account, *, at=NOW, until_down=3, is_probe=False, alone=ALONE):
    return await accounts.failed(
        account,
        at,
        "smtp_421",
        alone,
        failures_until_down=until_down,
        is_probe=is_probe,
        refuses_settings=False,
    )


async def test_an_account_that_works_lets_every_call_in(accounts, account):
    admission = await accounts.admit(account, NOW, CALL)
    assert (admission.come_back_at, admission.probing_until) == (None, None)


async def test_it_is_out_of_service_after_a_few_failures_in_a_row(accounts, account):
    for _ in range(2):
        await fail(accounts, account)
        assert (await accounts.admit(account, NOW, CALL)).come_back_at is None
    await fail(accounts, account)
    assert (await accounts.admit(account, NOW, CALL)).come_back_at >= NOW + ALONE


async def test_failures_far_apart_are_no_outage(accounts, account):
    for hours in range(9):
        await fail(accounts, account, at=NOW + timedelta(hours=hours))
    assert (await accounts.admit(account, NOW + timedelta(hours=9), CALL)).come_back_at is None


async def test_a_wrong_login_takes_it_out_of_service_at_once(accounts, account):
    await fail(accounts, account, until_down=1)
    assert (await accounts.admit(account, NOW, CALL)).come_back_at is not None


async def test_one_of_many_calls_at_once_looks_whether_it_is_back(accounts, account):
    await fail(accounts, account, until_down=1)
    at = NOW + ALONE
    admissions = await asyncio.gather(*(accounts.admit(account, at, CALL) for _ in range(20)))
    assert sum(admission.probing_until is not None for admission in admissions) == 1
    slots = sorted(a.come_back_at for a in admissions if not a.probing_until)
    assert len(slots) == 19
    assert all(b - a >= SLOTS_APART for a, b in pairwise(slots))


async def test_while_one_looks_the_others_come_back_soon(accounts, account):
    await fail(accounts, account, until_down=1)
    at = NOW + ALONE + timedelta(minutes=1)
    assert (await accounts.admit(account, at, CALL)).probing_until
    assert (await accounts.admit(account, at, CALL)).come_back_at < at + timedelta(seconds=5)


async def test_a_look_that_was_never_answered_does_not_keep_others_from_looking(accounts, account):
    await fail(accounts, account, until_down=1)
    at = NOW + ALONE
    assert (await accounts.admit(account, at, CALL)).probing_until
    assert not (await accounts.admit(account, at + CALL - ALONE, CALL)).probing_until
    assert (await accounts.admit(account, at + CALL, CALL)).probing_until


async def test_a_failed_look_leaves_it_alone_again(accounts, account):
    await fail(accounts, account, until_down=1)
    at = NOW + ALONE
    assert (await accounts.admit(account, at, CALL)).probing_until
    come_back_at = await fail(accounts, account, at=at, is_probe=True)
    assert come_back_at >= at + ALONE
    assert not (await accounts.admit(account, at + ALONE / 2, CALL)).probing_until
    assert (await accounts.admit(account, at + ALONE, CALL)).probing_until


async def test_a_look_that_is_not_made_is_given_back(accounts, account):
    await fail(accounts, account, until_down=1)
    at = NOW + ALONE
    admission = await accounts.admit(account, at, CALL)
    await accounts.give_back(account, admission.probing_until)
    assert (await accounts.admit(account, at, CALL)).probing_until


async def test_a_look_is_given_back_by_the_run_that_has_it(accounts, account):
    """A run that was held up for longer than its lease comes back when another one looks."""
    await fail(accounts, account, until_down=1)
    at = NOW + ALONE
    slow = await accounts.admit(account, at, CALL)
    assert (await accounts.admit(account, at + CALL, CALL)).probing_until
    await accounts.give_back(account, slow.probing_until)
    assert not (await accounts.admit(account, at + CALL, CALL)).probing_until


LONG = timedelta(hours=1)


async def test_turns_follow_the_newest_figure_before_it_is_out_of_service(accounts, account):
    await fail(accounts, account, alone=LONG)
    for _ in range(2):
        slot = await fail(accounts, account)
        assert NOW + ALONE <= slot <= NOW + ALONE + 3 * SLOTS_APART
    assert (await accounts.admit(account, NOW, CALL)).come_back_at < NOW + ALONE * 2
    assert (await accounts.admit(account, NOW + ALONE, CALL)).probing_until


async def test_turns_follow_the_newest_look(accounts, account):
    await fail(accounts, account, until_down=1, alone=LONG)
    at = NOW + LONG
    assert (await accounts.admit(account, at, CALL)).probing_until
    await fail(accounts, account, at=at, is_probe=True, alone=LONG)
    # The look comes before its time when an operator has it so.
    early = await fail(accounts, account, at=at, is_probe=True)
    assert early <= at + ALONE + 3 * SLOTS_APART
    slots = [(await accounts.admit(account, at, CALL)).come_back_at for _ in range(5)]
    assert all(b - a == SLOTS_APART for a, b in pairwise([early, *slots]))


async def test_a_late_failure_of_a_call_from_before_moves_no_turn_of_others(accounts, account):
    for _ in range(3):
        await fail(accounts, account)
    late = await fail(accounts, account, alone=LONG)
    assert late <= NOW + ALONE + 4 * SLOTS_APART
    assert (await accounts.admit(account, NOW, CALL)).come_back_at < NOW + ALONE * 2


async def test_an_answer_puts_it_back_into_service(accounts, account):
    await fail(accounts, account, until_down=1)
    await accounts.works(account)
    assert (await accounts.admit(account, NOW, CALL)).come_back_at is None


async def test_an_outage_met_by_many_at_once_sends_each_to_a_turn_of_its_own(accounts, account):
    slots = await asyncio.gather(*(fail(accounts, account) for _ in range(40)))
    assert len(set(slots)) == 40
    assert max(slots) <= NOW + ALONE + 40 * SLOTS_APART
