"""A do-not-call file stays with its campaign, visibly, until a person clears it."""

import asyncio

from flireo_flows.ledger import Database, LeadBook
from tests.support.calling.campaign import person
from tests.support.cli.shell import ANNA, BEN, CARLA, Ended, Shell


def plan(shell: Shell, *arguments: str) -> Ended:
    return shell.here("plan", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent", *arguments)


def given(shell: Shell, *phones: str) -> None:
    """A run was given a list."""

    async def write() -> None:
        async with await Database.open(shell.env["FLIREO_LEDGER_URL"]) as database:
            book = LeadBook(database.campaign("spring"))
            await book.take_in([person(ANNA), person(BEN), person(CARLA)])
            await book.forbid(phones)

    asyncio.run(write())


def test_the_list_of_an_earlier_run_applies_and_is_said(bare: Shell) -> None:
    given(bare, ANNA)
    ran = plan(bare)
    assert ran.status == 0, ran.err
    assert "2 to be called, 1 not" in ran.out
    assert "do-not-call list of 1 number from 20" in ran.out
    assert "do-not-call list of 1 number from 20" in bare.here("status", "--campaign", "spring").out


def test_another_list_adds_to_it(bare: Shell) -> None:
    given(bare, ANNA)
    bare.write("other.txt", f"{BEN}\n")
    assert "1 to be called, 2 not" in plan(bare, "--do-not-call", "other.txt").out
    given(bare, BEN)
    assert "1 to be called, 2 not" in plan(bare).out
    assert "do-not-call list of 2 numbers from 20" in bare.here("do-not-call", "--campaign", "spring").out


def test_only_a_person_clears_it(bare: Shell) -> None:
    given(bare, ANNA)
    cleared = bare.here("do-not-call", "--campaign", "spring", "--clear")
    assert cleared.status == 0, cleared.err
    assert "1 taken off" in cleared.out
    assert "3 to be called, 0 not" in plan(bare).out
    assert "No do-not-call list." in bare.here("do-not-call", "--campaign", "spring").out


def test_the_list_of_an_unknown_campaign_is_a_slip(bare: Shell) -> None:
    given(bare, ANNA)
    refused = bare.here("do-not-call", "--campaign", "sprint")
    assert refused.status == 1
    assert "there is no campaign 'sprint'" in refused.complaint
