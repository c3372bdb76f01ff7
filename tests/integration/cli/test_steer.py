"""CampaignControl a campaign, never ringing someone, and asking why, from the command line. Nothing is sent."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from flireo_flows.ledger import Answer, Database
from flireo_flows.lifecycle.states import AttemptEvent, LeadState
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import Campaign, person
from tests.support.cli.shell import ANNA, BEN, CARLA, Shell

T = TypeVar("T")
MASKED = f"+44{'*' * 8}"


@pytest.fixture
def spring(bare: Shell) -> Shell:
    """A shell whose ledger has the campaign `spring`: Anna was refused once, Ben and Carla wait."""

    async def write(database: Database) -> None:
        campaign = Campaign(database, name="spring")
        await campaign.take_in(
            person(ANNA), person(BEN), person(CARLA, zones=("Europe/London", "Asia/Tokyo"))
        )
        book = await campaign.runner()
        (attempt,) = await campaign.begin(book, most=1)
        later = database.now() + 7200
        answer = Answer(attempt, AttemptEvent.REFUSED, detail="503", lead=LeadState.WAITING, not_before=later)
        await campaign.record(book, answer)

    in_ledger(bare, write)
    return bare


def in_ledger(shell: Shell, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do something with the shell's ledger."""

    async def do() -> T:
        async with await Database.open(shell.env["FLIREO_LEDGER_URL"]) as database:
            return await work(database)

    return asyncio.run(do())


def states(shell: Shell) -> dict[str, str]:
    """The leads of `spring`, by number, with state and reason."""
    leads = in_ledger(shell, lambda database: Campaign(database, name="spring").leads())
    return {phone: f"{row.state} {row.reason}".strip() for phone, row in leads.items()}


@pytest.mark.parametrize(
    "command", ["why", "pause", "resume", "cancel", "suppress", "unsuppress", "suppressions", "forget"]
)
def test_every_command_explains_itself(bare: Shell, command: str) -> None:
    ran = bare.here(command, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert f"flireo-flows {command}" in ran.out
    assert f" {command} " in bare.here("--help").out


def test_a_campaign_is_paused_resumed_and_cancelled(spring: Shell) -> None:
    paused = spring.here("pause", "--campaign", "spring", "--reason", "too many wrong numbers")
    assert (paused.status, paused.err) == (0, "")
    assert paused.out.startswith("Campaign spring is paused by person at ")
    assert paused.out.endswith(": too many wrong numbers\n")

    shown = spring.here("status", "--campaign", "spring")
    assert "spring is paused by person" in shown.out and "too many wrong numbers" in shown.out
    ran = json.loads(spring.here("status", "--campaign", "spring", "--json").out)
    assert (ran["standing"]["state"], ran["standing"]["reason"]) == ("paused", "too many wrong numbers")

    assert (
        "Campaign spring is open again, resumed by person"
        in spring.here("resume", "--campaign", "spring").out
    )
    assert "paused" not in spring.here("status", "--campaign", "spring").out

    cancelled = spring.here("cancel", "--campaign", "spring", "--reason", "the offer ended")
    assert "cancelled by person" in cancelled.out
    assert states(spring)[BEN] == "skipped campaign_cancelled"
    refused = spring.here("resume", "--campaign", "spring")
    assert refused.status == 1
    assert "cannot be resumed" in refused.complaint
    assert "Cancelling is final." in refused.complaint
    assert "another" not in refused.complaint


@pytest.mark.parametrize("command", ["pause", "resume", "cancel"])
def test_a_campaign_that_does_not_exist_is_told_with_those_that_do(spring: Shell, command: str) -> None:
    ended = spring.here(command, "--campaign", "sping")
    assert ended.status == 1
    assert "there is no campaign 'sping'" in ended.complaint
    assert "Its campaigns: spring." in ended.complaint
    assert spring.here(command).status == 2


def test_someone_is_suppressed_and_let_be_called_again(spring: Shell) -> None:
    ended = spring.here("suppress", "020 7946 0002", "--default-region", "gb", "--reason", "asked by letter")
    assert (ended.status, ended.out) == (0, "1 of 1 suppressed; the others were before.\n")
    assert states(spring)[BEN] == "skipped do_not_call"
    assert spring.here("suppress", BEN).out.startswith("0 of 1")

    listed = spring.here("suppressions")
    assert "1 numbers are never called" in listed.out
    assert "asked by letter" in listed.out
    assert BEN not in listed.out
    (one,) = json.loads(spring.here("suppressions", "--json").out)
    assert (one["source"], one["reason"], one["phone"]) == ("person", "asked by letter", f"{MASKED}02")

    lifted = spring.here("unsuppress", BEN)
    assert (lifted.status, lifted.out) == (0, f"{MASKED}02 may be called again.\n")
    again = spring.here("unsuppress", BEN)
    assert again.status == 1
    assert "is not suppressed" in again.complaint


def test_a_list_of_numbers_is_suppressed(spring: Shell) -> None:
    file = spring.write("no.csv", f"phone\n{BEN}\n{CARLA}\n")
    assert spring.here("suppress", "--file", file).out.startswith("2 of 2")
    assert states(spring)[CARLA] == "skipped do_not_call"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["suppress", "--file", "gone.csv"], "gone.csv", id="no such file"),
        pytest.param(["suppress", "--file", "no.csv", "--default-region", "XX"], "XX", id="no such country"),
        pytest.param(["suppress", "02079460002"], "--default-region", id="no country"),
        pytest.param(["forget", "+44123"], "this is no phone number", id="no number"),
        pytest.param(["why", "anna", "--campaign", "spring"], "holds no letters", id="a name"),
        pytest.param(["why", ANNA, "--campaign", "sping"], "Its campaigns: spring.", id="no campaign"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(spring: Shell, arguments: list[str], words: str) -> None:
    spring.write("no.csv", f"phone\n{BEN}\n")
    ended = spring.here(*arguments)
    assert ended.status == 1
    assert words in ended.complaint
    assert "2079460" not in ended.complaint


@pytest.mark.parametrize("arguments", [[], [ANNA, "--file", "no.csv"]], ids=["nobody", "both"])
def test_either_a_number_or_a_list_is_suppressed(spring: Shell, arguments: list[str]) -> None:
    ended = spring.here("suppress", *arguments)
    assert ended.status == 2
    assert "name one number, or a list of numbers with --file" in ended.complaint


def test_someone_is_forgotten(spring: Shell) -> None:
    ended = spring.here("forget", ANNA)
    assert ended.status == 0
    assert ended.out.startswith(
        f"{MASKED}01 is forgotten and never called. Erased what was known in 1 leads, 1 "
    )
    assert ANNA not in states(spring)
    assert spring.here("forget", ANNA).status == 0
    refused = spring.here("unsuppress", ANNA)
    assert "--even-forgotten" in refused.complaint
    assert spring.here("unsuppress", ANNA, "--even-forgotten").status == 0


def test_no_one_is_forgotten_in_the_middle_of_a_call(spring: Shell) -> None:
    async def place(database: Database) -> None:
        campaign = Campaign(database, name="spring")
        await campaign.take_in(person(BEN))
        assert len(await campaign.begin(await campaign.runner())) == 1

    in_ledger(spring, place)
    ended = spring.here("forget", BEN)
    assert ended.status == 1
    assert "a call to +44" in ended.complaint and "is under way" in ended.complaint
    assert BEN not in ended.complaint
    assert json.loads(spring.here("suppressions", "--json").out)[0]["phone"] == f"{MASKED}02"


def why(shell: Shell, phone: str, *arguments: str | Path) -> str:
    """What `why` says."""
    ended = shell.here("why", phone, "--campaign", "spring", *arguments)
    assert (ended.status, ended.err) == (0, "")
    assert phone not in ended.out
    return ended.out


def test_why_tells_attempts_and_what_comes_next(spring: Shell) -> None:
    ran = why(spring, ANNA)
    assert ran.startswith(f"{MASKED}01 in campaign spring: not called; waiting (503).\n")
    assert "Times are on the clock of Europe/London (its number)." in ran
    assert "allowed attempt 1: it was " in ran and "; attempt 1 of 1 [policy " in ran
    assert "attempt 1: not called (503)" in ran
    assert "Next: asked about again at 2" in ran
    assert "Next: asked about as soon as the campaign runs." in why(spring, BEN)
    in_many = why(spring, CARLA)
    assert "several zones (Europe/London, Asia/Tokyo)" in in_many or "Nothing was decided" in in_many


def test_why_tells_of_a_call_that_may_have_called_and_of_one_that_did(spring: Shell) -> None:
    async def place(database: Database) -> None:
        campaign = Campaign(database, name="spring")
        await campaign.lost(await campaign.runner(), BEN)
        await campaign.placed(await campaign.runner(), phone=CARLA)

    in_ledger(spring, place)
    unknown, placed = why(spring, BEN), why(spring, CARLA)
    assert "perhaps called; calling (not in the newest file)." in unknown
    assert "attempt 1: it is not known yet whether it was placed; the call list will show it" in unknown
    assert "called once; calling." in placed
    assert "Next: a call is under way, or its result is not in" in placed


def test_why_tells_each_decision_in_words(spring: Shell) -> None:
    async def decide(database: Database) -> None:
        campaign = Campaign(database, name="spring", policy=CallingPolicy())
        await campaign.take_in(person(BEN, zones=()))
        assert await campaign.begin(await campaign.runner()) == []

    in_ledger(spring, decide)
    ran = why(spring, BEN)
    assert "not called; skipped (zone unknown)." in ran
    assert "not called: its time zone is unknown; never under these rules [policy " in ran
    assert "Times are UTC, for the time zone is not known." in ran
    assert "Next: nothing under this policy; the next run of a file" in ran
    (decision,) = json.loads(why(spring, BEN, "--json"))["decisions"]
    assert (decision["rule"], decision["allowed"], decision["until"]) == ("zone_unknown", False, None)


def test_why_tells_what_holds_someone_back(spring: Shell) -> None:
    spring.here("pause", "--campaign", "spring", "--reason", "lunch")
    assert "Next: no one is called until the campaign is resumed; it is paused by person at" in why(
        spring, BEN
    )
    spring.here("suppress", BEN, "--reason", "asked by letter")
    ran = why(spring, BEN)
    assert "Next: never called, in any campaign (a person asked for it: asked by letter)." in ran
    spring.here("cancel", "--campaign", "spring")
    assert "Next: never called in this campaign, which is cancelled by person" in why(spring, CARLA)
    spring.here("forget", BEN)
    ran = why(spring, BEN)
    assert "forgotten; nothing is known of them." in ran
    assert "(they asked to be forgotten)" in ran


def test_why_tells_of_a_stranger_that_no_file_held_the_number(spring: Shell) -> None:
    ran = why(spring, "+442079460009")
    assert "no file of it held this number." in ran
    assert "Next: nothing; a run of a file that holds the number would ask." in ran


def test_why_prints_json_for_programs(spring: Shell) -> None:
    ran = json.loads(why(spring, ANNA, "--json"))
    assert ran["phone"] == f"{MASKED}01"
    assert [attempt["state"] for attempt in ran["attempts"]] == ["not_placed"]
    assert (ran["campaign"], ran["lead"]["state"]) == ("spring", "waiting")
