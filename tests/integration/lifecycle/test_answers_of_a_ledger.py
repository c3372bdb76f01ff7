"""Words that a lead answers, as a ledger keeps them."""

from typing import Any

import pytest
from sqlalchemy import update

from flireo_flows.ledger import Database, Expectations, Inbox
from flireo_flows.ledger.messages import lead_reason
from flireo_flows.ledger.schema import leads
from flireo_flows.ledger.suppressions import Suppressions, suppressed_in
from flireo_flows.lifecycle.outcomes import Outcome
from tests.support.calling.campaign import ANNA, BEN, FREE, POLICY, Campaign, person
from tests.support.calling.incoming import report


async def answered(campaign: Campaign, answer: Any, **more: Any) -> None:
    """Anna was called, and the analysis of her call says so."""
    book = await campaign.runner()
    await campaign.take_in(person(ANNA), person(BEN))
    await campaign.placed(book)
    await Inbox(campaign.database).store(report("call-1", ANNA, analysis={"do_not_call": answer}, **more))
    await Inbox(campaign.database).apply(campaign.name, campaign.policy, Expectations())


MANY = POLICY.model_copy(
    update={"max_attempts": 3, "retry_outcomes": [Outcome.ANSWERED], "retry_delay_seconds": 0}
)


async def test_an_unclear_answer_holds_the_number_back_in_every_campaign_until_a_person_settles_it(
    database: Database,
) -> None:
    campaign, other = Campaign(database, policy=MANY), Campaign(database, name="other")
    await other.take_in(person(ANNA))
    await answered(campaign, "wie weet")
    lead = (await campaign.leads())[ANNA]
    assert lead.state == "review"
    assert "flireo-flows suppress" in lead_reason(lead) and "wie weet" not in lead_reason(lead)
    assert await other.begin(await other.runner()) == []
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA]) == {ANNA: "unclear"}

    suppressions = Suppressions(database)
    await suppressions.lift(ANNA)  # a person says that it was no no
    lead = (await campaign.leads())[ANNA]
    assert (lead.state, lead.reason) == ("done", "")
    other.policy = FREE
    await other.take_in(person(ANNA))
    assert [attempt.phone for attempt in await other.begin(await other.runner())] == [ANNA]


async def test_lifting_a_plain_no_or_another_persons_leaves_the_lead_of_that_call(database: Database) -> None:
    campaign = Campaign(database, policy=MANY)
    await answered(campaign, "ja")
    await Suppressions(database).lift(ANNA)
    assert (await campaign.leads())[ANNA].state in ("done", "skipped")
    unclear = Campaign(database, name="unclear", policy=MANY)
    await unclear.take_in(person(BEN))
    async with database.write() as db:
        held = update(leads).where(leads.c.phone == BEN, leads.c.campaign == "unclear")
        await db.execute(held.values(state="review", reason="rang after all"))
    await Suppressions(database).suppress([BEN], "asked")
    await Suppressions(database).lift(BEN)
    assert (await unclear.leads())[BEN].state == "review"


async def test_a_person_settles_an_unclear_answer_as_a_no(database: Database) -> None:
    campaign = Campaign(database, policy=MANY)
    await answered(campaign, "perhaps")
    assert await Suppressions(database).suppress([ANNA], "she meant it") == 1
    (kept,) = await Suppressions(database).listed()
    assert (kept.source, kept.reason) == ("person", "she meant it")


@pytest.mark.parametrize("answer", ["ja", "Oui.", {"value": True}, 1, "do not call me again"])
async def test_a_no_in_any_language_is_never_called_again(database: Database, answer: Any) -> None:
    campaign, other = Campaign(database, policy=MANY), Campaign(database, name="other")
    await answered(campaign, answer)
    assert (await campaign.leads())[ANNA].state == "done"
    await other.take_in(person(ANNA), person(BEN))
    begun = [attempt.phone for attempt in await other.begin(await other.runner())]
    assert ANNA not in begun
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA]) == {ANNA: "analysis"}


async def test_an_end_reason_is_learnt_across_campaigns(database: Database) -> None:
    campaign = Campaign(database, policy=MANY)
    await answered(campaign, None, end_reason="user_requested_dnc")
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA]) == {ANNA: "outcome"}
