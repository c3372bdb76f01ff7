"""A sweep, and a run, under the key of another account: its list has none of the calls and decides nothing."""

import asyncio
from dataclasses import replace

import pytest

from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.calling.preflight import NotReadyError, require_account
from flireo_flows.calling.run_loop import Until
from flireo_flows.calling.sweep import ANOTHER_ACCOUNT
from flireo_flows.ledger import Database, Inbox, Runner
from flireo_flows.ledger.run_rules import Readiness, read_rules, write_rules
from tests.support.calling.bad_line import BadLine, bad_line
from tests.support.calling.campaign import ANNA, BEN, POLICY, Campaign, person
from tests.support.calling.incoming import report
from tests.support.calling.sweep_stage import (
    SILENT_SECONDS,
    bury_runners,
    campaign,
    left_behind,
    line,
    one,
    remembered,
    sweep,
)

__all__ = ["campaign", "line"]  # fixtures


@pytest.mark.parametrize("key", ["another key", "another address"])
async def test_the_list_of_another_account_decides_nothing(
    campaign: Campaign, line: BadLine, key: str
) -> None:
    """It has none of the calls: read as if it were ours, everyone would be called again."""
    book = await campaign.runner()
    await campaign.lost(book)
    await campaign.placed(book, "call-in-the-other-account", BEN)
    await bury_runners(campaign.database)
    await campaign.age(SILENT_SECONDS)
    before = await campaign.attempts()
    with bad_line() as other:
        account = (
            Account("another-key", other.url)
            if key == "another key"
            else replace(campaign.account, base_url=other.url)
        )
        for _ in range(3):
            swept = await one(campaign, account=account)
            assert (swept.problem, swept.after) == (ANOTHER_ACCOUNT, 2)
            await campaign.age(SILENT_SECONDS)
        assert other.reads == 0
    assert [row.state for row in await campaign.attempts()] == [row.state for row in before]


async def test_webhooks_are_read_whichever_account_sent_them(campaign: Campaign, line: BadLine) -> None:
    (call,) = await left_behind(campaign, line, ANNA)
    await Inbox(campaign.database).store(report(call["id"]))
    with bad_line() as other:
        assert (await one(campaign, account=Account("k", other.url))).by_webhook == 1


async def test_the_sweep_of_one_account_does_not_keep_that_of_another_waiting(
    campaign: Campaign, line: BadLine
) -> None:
    await left_behind(campaign, line, ANNA)
    line.end_all()
    with bad_line() as other:
        theirs = Campaign(campaign.database, other.url, name="theirs")
        await remembered(theirs)
        await left_behind(theirs, other, BEN)
        sweeping = asyncio.create_task(
            sweep(campaign, account=theirs.account, patience_seconds=60, pause_seconds=0.05)
        )
        while other.reads < 4:  # noqa: ASYNC110 - what is waited for is in a server
            await asyncio.sleep(0.01)
        assert (await one(campaign, campaign="campaign")).after == 0
        other.end_all()
        assert [swept.after for swept in (await sweeping).campaigns] == [0, 0]


async def test_a_key_that_was_replaced_is_known_by_a_call_that_is_there(
    campaign: Campaign, line: BadLine
) -> None:
    await left_behind(campaign, line, ANNA)
    line.end_all()
    swept = await one(campaign, account=Account("the new key", line.url))
    assert (swept.after, swept.problem) == (0, "")


async def test_a_campaign_of_an_older_version_is_read_once_a_call_shows_whose_it_is(
    database: Database, line: BadLine
) -> None:
    old = Campaign(database, line.url)
    book = await old.runner()
    await old.lost(book)
    await bury_runners(database)
    assert (await one(old)).problem == ANOTHER_ACCOUNT  # nothing shows it
    await left_behind(old, line, BEN)
    line.end_all()
    swept = await one(old)
    assert (swept.before, swept.after, swept.problem) == (2, 1, "")
    assert "default policy" in swept.rules


async def test_a_run_with_another_key_is_refused_while_it_is_not_known_who_was_called(
    campaign: Campaign, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    await bury_runners(campaign.database)
    await campaign.take_in(person(ANNA), person(BEN))
    with bad_line() as other:
        wrong = replace(campaign, base_url=other.url, readiness=Readiness())
        with pytest.raises(NotReadyError, match="under another API key"):
            await wrong.run()
        assert (other.posts, other.reads) == ([], 0)
    assert (await read_rules(campaign.database.campaign("campaign"))).account


async def test_while_a_run_of_one_account_is_alive_none_of_another_begins(
    campaign: Campaign, line: BadLine
) -> None:
    alive = Runner(campaign.ledger)
    await alive.join()
    await campaign.take_in(person(ANNA))
    with bad_line() as other:
        wrong = replace(campaign, base_url=other.url, readiness=Readiness())
        with pytest.raises(NotReadyError, match="calls under another API key"):
            await wrong.run()
        assert (other.posts, other.reads) == ([], 0)
        await alive.leave()
        await wrong.run(Until.DIALLED)
        assert len(other.posts) == 1


async def test_of_two_runs_that_begin_at_once_in_two_accounts_only_one_goes_on(database: Database) -> None:
    async def begin(name: str) -> bool:
        runner, account = Runner(database.campaign("campaign")), Account(name, "http://127.0.0.1:9")
        await runner.join()
        async with AsyncFlireoClient(account) as client:
            seen = await require_account(database.campaign("campaign"), client, runner)
        await both.wait()
        return await write_rules(database.campaign("campaign"), POLICY, Readiness(), account, True, seen)

    both = asyncio.Barrier(2)
    assert sorted(await asyncio.gather(begin("one"), begin("two"))) == [False, True]


async def test_a_run_with_another_key_gives_up_no_result_of_the_last(
    campaign: Campaign, line: BadLine
) -> None:
    await left_behind(campaign, line, ANNA)
    line.end_all()
    await campaign.age(SILENT_SECONDS)
    await campaign.take_in(person(ANNA), person(BEN))
    with bad_line() as other:
        wrong = replace(campaign, base_url=other.url, readiness=Readiness())
        with pytest.raises(NotReadyError, match="how some of its calls ended is not known"):
            await wrong.run()
        assert (other.posts, other.reads) == ([], 0)
    assert (await campaign.attempt()).state == "placed"


async def test_a_run_is_refused_after_one_in_another_account_that_came_and_went(
    campaign: Campaign, line: BadLine
) -> None:
    """It began between the look at the account and the first call, lost an answer, and ended."""
    with bad_line() as other:
        account = Account("another key", other.url)
        fresh = replace(campaign, name="fresh")
        runner = Runner(campaign.database.campaign(fresh.name))
        await runner.join()
        async with AsyncFlireoClient(account) as client:
            seen = await require_account(fresh.ledger, client, runner)
        await remembered(fresh)
        await fresh.lost(await fresh.runner())
        assert not await write_rules(
            campaign.database.campaign(fresh.name), POLICY, Readiness(), account, True, seen
        )
