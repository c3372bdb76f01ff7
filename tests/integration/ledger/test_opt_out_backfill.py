"""A changed rule teaches opt-outs from past calls too, without a request; and no one is called because of it."""

from typing import Any

import pytest
from sqlalchemy import insert

from flireo_flows.ledger import AttemptBook, Database
from flireo_flows.ledger.outcome_backfill import (
    PORTION,
    Rederived,
    apply_current_rules,
    learn,
    rederive,
)
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.ledger.suppressions import suppressed_in
from flireo_flows.lifecycle.outcomes import AnalysisAnswer, Outcome, OutcomeRule
from flireo_flows.policy import AnalysisRule
from tests.support.calling.campaign import ANNA, BEN, Campaign, person
from tests.support.calling.incoming import ANALYSIS, Incoming, book, incoming
from tests.support.ledger.finished_calls import NOBODY, RETRIES, finished_call, trying, with_rules

__all__ = ["book", "incoming", "trying"]  # fixtures


async def test_a_number_is_suppressed_for_what_its_call_now_means(
    trying: tuple[Incoming, AttemptBook], database: Database
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, **NOBODY, error="no answer")
    await finished_call(incoming, book, "call-2", BEN, **NOBODY, error="busy")
    other = Campaign(database, name="another")
    await other.take_in(person(ANNA), person(BEN))
    never = {"do_not_call_outcomes": [Outcome.REJECTED]}
    policy = with_rules({"outcome": "rejected", "error": ["no answer"]}, **never)
    for dry_run in (True, False):
        reported = await rederive(database.campaign(incoming.campaign.name), policy, dry_run=dry_run)
        assert (reported.changed, reported.settled, reported.suppressed) == (1, 1, 1)
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA, BEN]) == {ANNA: "outcome"}
    assert {phone: row.state for phone, row in (await other.leads()).items()} == {
        ANNA: "skipped",
        BEN: "waiting",
    }
    assert await rederive(database.campaign(incoming.campaign.name), policy) == Rederived(2)


async def test_an_answer_that_the_policy_learns_from_counts_where_the_outcome_changed(
    trying: tuple[Incoming, AttemptBook], database: Database
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, analysis_result={**ANALYSIS, "do_not_call": True})
    rule = OutcomeRule(outcome=Outcome.REJECTED, analysis=[AnalysisAnswer(key="do_not_call")])
    policy = RETRIES.model_copy(
        update={"outcomes": [rule], "do_not_call_keys": [AnalysisRule(key="do_not_call")]}
    )
    reported = await rederive(database.campaign(incoming.campaign.name), policy)
    assert (reported.changes, reported.suppressed) == ({("answered", "rejected"): 1}, 1)
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA]) == {ANNA: "analysis"}


@pytest.mark.parametrize(
    ("rules", "source"),
    [
        ({"do_not_call_keys": [AnalysisRule(key="do_not_call")]}, "analysis"),
        ({"do_not_call_outcomes": [Outcome.ANSWERED]}, "outcome"),
    ],
)
async def test_a_lead_that_opted_out_before_a_run_that_asks_for_it_is_not_called_any_more(
    trying: tuple[Incoming, AttemptBook], database: Database, rules: dict[str, Any], source: str
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, "call-1", ANNA, analysis_result={**ANALYSIS, "do_not_call": "yes"})
    await finished_call(incoming, book, "call-2", BEN, **{**NOBODY, "error": "no answer"})
    other = Campaign(database, name="other")
    await other.take_in(person(ANNA), person(BEN))
    name = incoming.campaign.name
    await apply_current_rules(database.campaign(name), RETRIES)
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA, BEN]) == {}

    reported = await apply_current_rules(database.campaign(name), RETRIES.model_copy(update=rules))
    assert reported == Rederived(1, {}, 0, 1)  # Ben's call has nothing to teach, and is not read
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA, BEN]) == {ANNA: source}
    assert {phone: row.state for phone, row in (await other.leads()).items()} == {
        ANNA: "skipped",
        BEN: "waiting",
    }
    # It is remembered, also where outcomes change; and rules that were removed and added are applied again.
    assert await apply_current_rules(database.campaign(name), RETRIES.model_copy(update=rules)) is None
    changed = with_rules({"outcome": "busy", "error": ["no answer"]}, **rules)
    assert await apply_current_rules(database.campaign(name), changed) == Rederived(
        2, {("no_answer", "busy"): 1}
    )
    assert await apply_current_rules(database.campaign(name), RETRIES) == Rederived(
        2, {("busy", "no_answer"): 1}
    )
    assert await apply_current_rules(database.campaign(name), RETRIES.model_copy(update=rules)) == Rederived(
        1
    )


async def test_a_lead_that_waits_for_another_call_is_done_once_the_last_one_taught_a_no(
    trying: tuple[Incoming, AttemptBook], database: Database
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, **{**NOBODY, "error": "no answer"})
    assert (await incoming.campaign.lead()).state == "waiting"
    policy = RETRIES.model_copy(update={"do_not_call_outcomes": [Outcome.NO_ANSWER]})
    assert await apply_current_rules(database.campaign(incoming.campaign.name), policy) == Rederived(
        1, {}, 1, 1
    )
    assert (await incoming.campaign.lead()).state == "done"


async def test_many_calls_are_asked_in_portions_what_they_teach(local: Database) -> None:
    count = 2 * PORTION + 7
    call = {
        "campaign": "many",
        "number": 1,
        "state": "ended",
        "runner": "r",
        "began_at": 0.0,
        "outcome": "answered",
    }
    phones = [f"+4470000{n:05d}" for n in range(count)]
    async with local.write() as db:
        person_ = {"campaign": "many", "batch": "b", "state": "done", "outcome": "answered"}
        await db.execute(
            insert(leads), [{**person_, "id": n + 1, "phone": it} for n, it in enumerate(phones)]
        )
        said = [{"analysis": '{"no": true}' if n % 2 else '{"no": false}'} for n in range(count)]
        rows = [{**call, "lead_id": n + 1, "phone": it, **said[n]} for n, it in enumerate(phones)]
        await db.execute(insert(attempts), rows)
    policy = RETRIES.model_copy(update={"do_not_call_keys": [AnalysisRule(key="no")]})
    assert await learn(local.campaign("many"), policy) == Rederived(count, {}, 0, count // 2)
    assert await learn(local.campaign("many"), policy) == Rederived(count)
    assert await learn(local.campaign("many"), RETRIES) == Rederived()
    async with local.read() as db:
        assert set(await suppressed_in(db, local, phones)) == set(phones[1::2])
