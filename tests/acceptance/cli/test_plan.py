"""`flireo-flows plan`: what a person reads, what is saved, and what is refused in a sentence."""

import asyncio
import stat
from pathlib import Path

from sqlalchemy import insert

from flireo_flows.ledger import Database
from flireo_flows.ledger.notices import shown_name
from flireo_flows.ledger.schema import campaigns
from tests.support.cli.shell import ANNA, BEN, PEOPLE, Ended, Shell
from tests.support.sandbox.running import RunningSandbox

SCRIPT = "first_message: Hi {{ name }} from {{ city }}, this is an AI.\n"
TARIFF = "tariff: {per_minute: 0.2, per_call: 0.05}\ncalling_hours: null\nmax_attempts: 2\n"


def planned(shell: Shell, *arguments: str | Path, **env: str) -> Ended:
    """Plan the campaign `spring` here, with the demo agent."""
    usual = ("plan", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent")
    return shell.here(*usual, *arguments, **env)


def test_it_tells_who_is_called_and_who_is_not_and_makes_nothing(bare: Shell) -> None:
    bare.write("script.yaml", SCRIPT)
    bare.write("tariff.yaml", TARIFF)
    bare.write_leads({**PEOPLE, "+4420794": "Dora"})
    before = sorted(bare.folder.iterdir())

    ran = planned(bare, "--script", "script.yaml", "--policy", "tariff.yaml", "--number-id", "number-1")
    assert ran.status == 0, ran.err
    for words in (
        "3 to be called, 1 not. Nothing was sent.",
        "3 first calls, the first one at",
        "Up to 3 further calls",
        "Cost: 0.15 EUR (no one answers, no one is called twice) to 3.90 EUR",
        "calling_hours is null",
        "Hi Anna from Leeds, this is an AI.",
        "number-1",
        "Europe/London",
        "Not called: 1 invalid phone (line 5)",
    ):
        assert words in ran.out, ran.out
    assert not any(phone in ran.out + ran.err for phone in PEOPLE)
    assert sorted(bare.folder.iterdir()) == before  # no ledger, no results


def test_a_name_that_holds_a_number_is_not_shown_and_a_masked_one_is_not_planned(bare: Shell) -> None:
    name = f"Anna {ANNA}"
    ran = bare.here("plan", "leads.csv", "--campaign", name, "--agent-id", "demo-agent")
    assert ran.status == 0, ran.err
    assert "of campaign Anna +44********01: 3 to be called" in ran.out

    async def steer() -> str:
        async with await Database.open(bare.env["FLIREO_LEDGER_URL"]) as database:
            async with database.write() as db:
                await db.execute(insert(campaigns).values(name=name, state="open"))
            return shown_name(name, database.key)

    masked = asyncio.run(steer())
    refused = bare.here("plan", "leads.csv", "--campaign", masked, "--agent-id", "demo-agent")
    assert refused.status == 1
    assert "give it by its own name" in refused.complaint


def test_a_run_of_a_saved_plan_refuses_what_was_not_planned(shell: Shell, sandbox: RunningSandbox) -> None:
    shell.write("no.txt", f"{BEN}\n")
    usual = ("--policy", "policy.yaml", "--do-not-call", "no.txt")
    saved = planned(shell, *usual, "--save", "plan.json")
    assert saved.status == 0, saved.err
    assert "It holds personal data." in saved.out
    assert stat.S_IMODE((shell.folder / "plan.json").stat().st_mode) == 0o600
    assert sandbox.requests() == {}

    # Ben was on the list when it was approved; without the list he would be called.
    other = shell.run("--policy", "policy.yaml", "--plan", "plan.json")
    assert other.status == 1
    assert "The file holds 1 person (line 3) more. No one was called." in other.complaint
    assert sandbox.requests() == {}
