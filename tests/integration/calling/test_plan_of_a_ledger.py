"""A plan that reads a ledger."""

import asyncio
from pathlib import Path

import pytest

from flireo_flows.ledger import Database, LeadBook
from flireo_flows.ledger.campaigns import CampaignControl
from flireo_flows.ledger.past import Past, read_past
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import ANNA, BEN, CARLA
from tests.support.calling.plans import THREE, plan


def test_a_ledger_that_is_named_as_a_uri_is_read_where_it_is_and_not_made_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///file:{tmp_path}/led%20ger.db?uri=true"

    def read() -> Past:
        return asyncio.run(read_past(url, "spring", [ANNA], CallingPolicy()))

    async def suppress() -> None:
        async with await Database.open(f"sqlite:///{tmp_path}/led ger.db") as database:
            await Suppressions(database).suppress([ANNA], "said so on the phone")

    assert read() == Past() and not list(tmp_path.iterdir())
    asyncio.run(suppress())
    assert read().people[ANNA].history.do_not_call == "person"


async def test_what_the_ledger_knows_of_people_and_campaign_is_taken_into_account(
    database: Database, ledger_url: str
) -> None:
    book = LeadBook(database.campaign("spring"))
    await book.take_in(THREE)
    await book.forbid([CARLA])
    await Suppressions(database).suppress([BEN], "said so on the phone")

    past = await read_past(ledger_url, "spring", [lead.phone for lead in THREE], CallingPolicy())
    made = plan(*THREE, past=past)
    assert [call.line for call in made.calls] == [2]
    assert [(skip.line, skip.rule) for skip in made.skipped] == [(3, "do_not_call"), (4, "do_not_call")]
    assert "a person put it on the do-not-call list" in made.skipped[0].words
    assert "the do-not-call list of the campaign" in made.skipped[1].words

    assert any("do-not-call list of 1 number from 20" in warning for warning in made.warnings)

    steering = CampaignControl(database.campaign("spring"))
    await steering.pause("too many wrong numbers")
    past = await read_past(ledger_url, "spring", [ANNA], CallingPolicy())
    assert any("paused by person" in warning for warning in plan(*THREE, past=past).warnings)
    await steering.cancel("over")
    past = await read_past(ledger_url, "spring", [ANNA], CallingPolicy())
    cancelled = plan(*THREE, past=past)
    assert cancelled.reasons == {"campaign_cancelled": 3}
    assert cancelled.estimate.in_words == ("No one would be called.",)
