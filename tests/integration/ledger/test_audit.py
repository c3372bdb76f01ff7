"""Why was, or wasn't, this person called? All that a campaign knows of them, in order."""

import json

import pytest
from sqlalchemy import insert

from flireo_flows.ledger import Answer, Database
from flireo_flows.ledger.audit import audit_lead
from flireo_flows.ledger.campaigns import CampaignControl, DeclinedError
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.schema import decisions
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.lifecycle.states import AttemptEvent
from tests.support.calling.campaign import ANNA, BEN, CARLA, Campaign, person


async def _decide(database: Database, lead_id: int, **fields: object) -> None:
    usual = {
        "campaign": "campaign",
        "phone": ANNA,
        "lead_id": lead_id,
        "allowed": False,
        "rule": "outside_hours",
        "until": 3_000.0,
        "inputs": json.dumps({"zones": ["Europe/London"]}),
        "policy": "p1",
        "first_at": 1_000.0,
        "last_at": 2_000.0,
        "times": 7,
    }
    async with database.write("campaign") as db:
        await db.execute(insert(decisions).values(**{**usual, **fields}))


async def test_a_story_reports_every_decision_and_every_attempt_in_order(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA, line=2))
    lead = await campaign.lead()
    await _decide(database, lead.id)
    book = await campaign.runner()
    (attempt,) = await campaign.begin(book)
    await campaign.record(book, Answer(attempt, AttemptEvent.REFUSED, detail=f"503 for {ANNA}"))
    (again,) = await campaign.begin(book)
    await campaign.record(book, Answer(again, AttemptEvent.ACCEPTED, call_id=f"call-_{ANNA}"))

    reported = await audit_lead(database, ANNA, "campaign")
    assert reported.lead is not None
    assert (reported.lead.state, reported.lead.zones, reported.lead.line) == (
        "calling",
        ("Europe/London",),
        2,
    )
    assert [(it.number, it.state, it.reason, it.call_id) for it in reported.attempts] == [
        (1, "not_placed", "503 for +44********01", ""),
        (2, "placed", "", "call-_+447*******01"),
    ]
    assert ANNA not in repr(reported)
    first = reported.decisions[0]
    assert (first.rule, first.allowed, first.times, first.policy) == ("outside_hours", False, 7, "p1")
    assert (first.first_at, first.last_at, first.until) == (1_000.0, 2_000.0, 3_000.0)
    assert first.inputs == {"zones": ["Europe/London"]}
    assert reported.suppression is None and not reported.on_file
    assert reported.standing.state == "open"


async def test_a_story_is_of_one_person_in_one_campaign(database: Database) -> None:
    campaign, other = Campaign(database), Campaign(database, name="other")
    await campaign.take_in(person(ANNA), person(BEN))
    await other.take_in(person(ANNA))
    await _decide(database, (await campaign.lead()).id)
    assert len((await audit_lead(database, ANNA, "campaign")).decisions) == 1
    assert (await audit_lead(database, BEN, "campaign")).decisions == ()
    assert (await audit_lead(database, ANNA, "other")).decisions == ()


async def test_a_story_reports_what_holds_a_person_back(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA), person(BEN))
    await campaign.book.forbid({BEN})
    await Suppressions(database).suppress([ANNA], "asked by letter")
    await CampaignControl(database.campaign("campaign")).pause("lunch", "person")
    anna, ben = [await audit_lead(database, phone, "campaign") for phone in (ANNA, BEN)]
    assert anna.suppression is not None
    assert (anna.suppression.source, anna.suppression.reason) == ("person", "asked by letter")
    assert (anna.on_file, ben.on_file, ben.suppression) == (False, True, None)
    assert anna.standing.reason == "lunch"
    assert ANNA not in repr(anna)


async def test_of_a_stranger_and_of_who_is_forgotten_nothing_is_known(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    await _decide(database, (await campaign.lead()).id)
    await forget(database, ANNA)
    stranger, anna = [await audit_lead(database, phone, "campaign") for phone in (CARLA, ANNA)]
    assert (stranger.lead, stranger.suppression) == (None, None)
    assert (anna.lead, anna.attempts, anna.decisions) == (None, (), ())
    assert anna.suppression is not None
    assert anna.suppression.source == "forgotten"


async def test_a_campaign_no_one_ran_has_no_story(database: Database) -> None:
    with pytest.raises(DeclinedError, match="there is no campaign 'campaign'"):
        await audit_lead(database, ANNA, "campaign")
