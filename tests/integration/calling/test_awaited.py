"""No one is called again before the analysis of their last call came, or its grace is over, in whatever campaign."""

from typing import Any

import pytest
from sqlalchemy import select, update

from flireo_flows.ledger import Database, Expectations, Inbox
from flireo_flows.ledger.call_history import awaited_in
from flireo_flows.ledger.schema import attempts, decisions, leads
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy import explain
from tests.support.calling.campaign import ANNA, FREE, Campaign, person
from tests.support.calling.incoming import report

# Others may call at once, but for what this is about.
RULES = FREE.model_copy(
    update={
        "max_attempts": 3,
        "retry_outcomes": [Outcome.ANSWERED, Outcome.NO_ANSWER],
        "retry_delay_seconds": 0,
        "report_grace_seconds": 300,
        "analysis_grace_seconds": 60,
    }
)
TALKED: dict[str, Any] = {"started_at": 1.0, "duration_seconds": 30}
SUMMARY: dict[str, Any] = {**TALKED, "summary": "They talked.", "report_channel": "list"}


async def ended(campaign: Campaign, ago: float, **columns: Any) -> float:
    """Anna's call is over since so many seconds, as the list tells; returns the ledger's time."""
    book = await campaign.runner()
    await campaign.take_in(person(ANNA))
    attempt = await campaign.placed(book)
    now = campaign.database.now()
    values = {"state": "ended", "outcome": "answered", "over_at": now - ago, **columns}
    if "summary" in columns:
        values.setdefault("reported_at", now - ago)
    async with campaign.database.write(campaign.name) as db:
        await db.execute(update(attempts).where(attempts.c.id == attempt.id).values(values))
    return now


@pytest.mark.parametrize(
    ("ago", "columns", "left"),
    [
        (2, SUMMARY, 58),  # the analysis comes seconds after the summary
        (59, SUMMARY, 1),
        (61, SUMMARY, None),  # waited for long enough
        (2, TALKED, 298),  # no summary yet
        (299, TALKED, 1),
        (301, TALKED, None),
        (2, {**SUMMARY, "analysed_at": 1.0}, None),  # it came
        (2, {**SUMMARY, "report_channel": "webhook"}, None),  # the platform's last word
        (2, {}, None),  # no one answered: nothing is analysed
        (2, {"duration_seconds": 0}, None),
        (2, {"state": "placed", **TALKED}, 298),  # over, and its result is not in
    ],
)
async def test_an_analysis_is_awaited_for_its_grace(
    database: Database, ago: float, columns: dict[str, Any], left: float | None
) -> None:
    now = await ended(Campaign(database, policy=RULES), ago, **columns)
    async with database.read() as db:
        awaited = await awaited_in(db, [ANNA], RULES, now)
    until = awaited[ANNA].timestamp() - now if awaited else None
    assert until == (pytest.approx(left, abs=0.01) if left is not None else None)


async def test_another_campaign_waits_for_the_analysis_and_then_applies_the_opt_out(
    database: Database,
) -> None:
    campaign, other = Campaign(database, policy=RULES), Campaign(database, name="other", policy=RULES)
    await ended(campaign, 2, **SUMMARY)
    await other.take_in(person(ANNA))
    assert await other.begin(await other.runner()) == []
    async with database.read() as db:
        wanted = select(decisions).where(decisions.c.campaign == "other")
        decided = (await db.execute(wanted)).one()
    assert decided.rule == "result_awaited"
    assert "has not come yet" in explain(decided.rule, {}, decided.until)

    await Inbox(database).store(report("call-1", ANNA, analysis={"do_not_call": "ja"}))
    await Inbox(database).apply(campaign.name, RULES, Expectations())
    assert (await other.lead()).state == "skipped"


async def test_the_wait_ends_by_itself(database: Database) -> None:
    campaign = Campaign(database, policy=RULES)
    await ended(campaign, 61, **SUMMARY)
    other = Campaign(database, name="other", policy=RULES)
    await other.take_in(person(ANNA))
    assert [attempt.phone for attempt in await other.begin(await other.runner())] == [ANNA]


async def test_a_further_attempt_of_the_same_campaign_waits_as_well(database: Database) -> None:
    campaign = Campaign(database, policy=RULES)
    await ended(campaign, 2, **SUMMARY)
    async with database.write(campaign.name) as db:
        await db.execute(
            update(leads).values(state="waiting", attempts=1, outcome="answered", not_before=0.0)
        )
    assert await campaign.begin(await campaign.runner()) == []
    assert (await campaign.lead()).reason == "result_awaited"
