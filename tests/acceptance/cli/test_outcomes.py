"""The table of outcomes from the command line: shown, asked of a campaign, and applied to it. Sends nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from flireo_flows.ledger import Database, Expectations
from flireo_flows.ledger.notices import shown_name
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import Campaign, person
from tests.support.calling.incoming import Incoming, listed
from tests.support.cli.shell import ANNA, BEN, CARLA, POLICY, Shell
from tests.support.sandbox.running import RunningSandbox

GUIDE = Path(__file__).parents[3] / "docs" / "outcomes.md"
RETRIES = CallingPolicy(calling_hours=None, max_attempts=3)
NOBODY: dict[str, Any] = {"started_at": None, "duration_seconds": 0, "summary": None, "messages": None}
MACHINE = [
    {"role": "user", "content": "You have reached the voicemail. Please leave a message after the beep."},
    {"role": "assistant", "content": "Good afternoon, this is Sanne."},
]
OWN = """
outcomes:
  - outcome: voicemail
    end_reason: [silence timeout]
    first_words: [voicemail, after the beep]
  - outcome: rejected
    error: [call barred]
"""


@pytest.fixture
def spring(bare: Shell) -> Shell:
    """A shell whose ledger has `spring`: a machine at Anna's, Ben's line is barred, something new at Carla's."""

    async def write(database: Database) -> None:
        incoming = Incoming(database, RETRIES)
        incoming.campaign.name = "spring"
        book = await incoming.campaign.runner()
        endings = {
            ANNA: {"end_reason": "silence_timeout", "messages": MACHINE},
            BEN: {
                **NOBODY,
                "status": "failed",
                "end_reason": None,
                "error": f"no answer: call barred [{BEN}]",
            },
            CARLA: {**NOBODY, "status": "vanished", "end_reason": "[/] lost in space"},
        }
        for number, (phone, ran) in enumerate(endings.items()):
            await incoming.campaign.take_in(person(phone))
            await incoming.campaign.placed(book, f"call-{number}", phone)
            assert await incoming.read(listed(f"call-{number}", phone, **ran), Expectations(), later=9999)

    in_ledger(bare, write)
    bare.write("own.yaml", OWN)
    return bare


def in_ledger(shell: Shell, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def do() -> Any:
        async with await Database.open(shell.env["FLIREO_LEDGER_URL"]) as database:
            return await work(database)

    return asyncio.run(do())


def leads(shell: Shell) -> dict[str, tuple[str, str]]:
    """State and outcome of each lead of `spring`."""
    from tests.support.calling.campaign import Campaign

    rows = in_ledger(shell, lambda database: Campaign(database, name="spring").leads())
    return {phone: (row.state, row.outcome) for phone, row in rows.items()}


def rows_of(table: str) -> list[list[str]]:
    """The cells of a printed table, without its frame."""
    lines = [line for line in table.splitlines() if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in line.replace("┃", "│").strip("│").split("│")] for line in lines]


def test_the_words_in_which_calls_ended_are_shown_with_what_they_were_taken_for(spring: Shell) -> None:
    ended = spring.here("outcomes", "--campaign", "spring")
    assert ended.status == 0
    assert "spring: how 3 calls ended" in ended.out
    assert rows_of(ended.out) == [
        ["status", "end reason", "error", "outcome", "calls"],
        ["vanished", "[/] lost in space", "", "unknown", "1"],
        ["ended", "silence_timeout", "", "answered", "1"],
        ["failed", "", "no answer: call barred [+44********02]", "no answer", "1"],
    ]
    assert BEN not in ended.out


def test_a_table_is_applied_to_the_calls_of_a_campaign_once_it_was_tried(spring: Shell) -> None:
    before = leads(spring)
    assert before == {ANNA: ("done", "answered"), BEN: ("waiting", "no_answer"), CARLA: ("done", "unknown")}
    tried = spring.here("outcomes", "--campaign", "spring", "--policy", "own.yaml", "--dry-run")
    assert tried.status == 0
    assert "2 of 3 ended calls would mean something else" in tried.out
    assert rows_of(tried.out)[1:] == [["answered", "voicemail", "1"], ["no answer", "rejected", "1"]]
    assert "1 leads would not be called again, 0 numbers would not be" in tried.out
    assert leads(spring) == before
    done = spring.here("outcomes", "--campaign", "spring", "--policy", "own.yaml")
    assert done.status == 0 and "2 of 3 ended calls mean something else" in done.out
    assert rows_of(done.out)[1:] == rows_of(tried.out)[1:]
    assert leads(spring) == {
        ANNA: ("done", "voicemail"),
        BEN: ("done", "rejected"),
        CARLA: ("done", "unknown"),
    }
    again = spring.here("outcomes", "--campaign", "spring", "--policy", "own.yaml")
    assert again.out == "Campaign spring: 0 of 3 ended calls mean something else.\n"


def test_the_example_of_the_guide_does_what_the_guide_says(spring: Shell) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    (example,) = [part.partition("\n```")[0] for part in guide.split("```yaml\n")[1:] if "outcomes:" in part]
    spring.write("policy.yaml", example)
    ended = spring.here("outcomes", "--campaign", "spring", "--policy", "policy.yaml")
    assert ended.status == 0, ended.err
    assert ["answered", "voicemail", "1"] in rows_of(ended.out)


@pytest.mark.slow
def test_calls_that_no_one_answered_end_as_the_table_of_the_run_says_and_change_with_it(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    sandbox.settings(outcomes={ANNA: ["answered"], BEN: ["no_answer"], CARLA: ["busy"]})
    own = (
        "outcomes:\n  - {outcome: rejected, error: [no answer]}\n  - {outcome: failed, end_reason: [busy]}\n"
    )
    shell.write("own.yaml", POLICY + own)
    ended = shell.run("--policy", "own.yaml")
    assert ended.status == 0, ended.err
    outcomes = {phone: row["outcome"] for phone, row in shell.results().items()}
    assert outcomes == {ANNA: "answered", BEN: "rejected", CARLA: "failed"}
    before = sandbox.requests()
    changed = shell("outcomes", "--campaign", "spring", "--policy", "policy.yaml")
    assert changed.status == 0, changed.err
    assert "2 of 3 ended calls mean something else" in changed.out
    assert leads(shell) == {ANNA: ("done", "answered"), BEN: ("done", "no_answer"), CARLA: ("done", "busy")}
    assert sandbox.requests() == before


def test_outcomes_of_a_campaign_that_is_not_there_are_refused(spring: Shell) -> None:
    for more in ((), ("--policy", "own.yaml")):
        ended = spring.here("outcomes", "--campaign", "autumn", *more)
        assert ended.status == 1
        assert "there is no campaign 'autumn'" in ended.complaint and "spring" in ended.complaint


def test_a_campaign_named_after_a_number_is_found_by_its_masked_name_and_never_shown_whole(
    bare: Shell,
) -> None:
    name = f"Anna {ANNA}"

    async def write(database: Database) -> str:
        await Campaign(database, name=name).take_in(person(ANNA))
        return shown_name(name, database.key)

    masked = in_ledger(bare, write)
    for given in (name, masked):
        ran = bare.here("outcomes", "--campaign", given)
        assert ran.status == 0, ran.err
        assert "Anna +44" in ran.out and ANNA not in ran.out
    refused = bare.here("outcomes", "--campaign", f"Ben {BEN}")
    assert "there is no campaign 'Ben +44********02'" in refused.complaint
    assert not any(phone in refused.complaint for phone in (ANNA, BEN))


def test_a_dry_run_of_nothing_is_wrong_usage(spring: Shell) -> None:
    for more in ((), ("--campaign", "spring"), ("--policy", "own.yaml")):
        ended = spring.here("outcomes", "--dry-run", *more)
        assert ended.status == 2
        assert "--campaign and --policy" in ended.complaint
