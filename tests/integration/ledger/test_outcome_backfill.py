"""A changed table changes what past calls mean, without a request; and no one is called because of it."""

from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from flireo_flows.api.redaction import mask_phone
from flireo_flows.ledger import Answer, AttemptBook, Database
from flireo_flows.ledger.call_reports import close_without_report
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.messages import lead_reason
from flireo_flows.ledger.outcome_backfill import (
    PORTION,
    EndingCount,
    Rederived,
    apply_current_rules,
    endings,
    rederive,
)
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.lifecycle.states import AttemptEvent, LeadState, Reason
from flireo_flows.policy import CallingPolicy
from tests.support.calling.bad_line import bad_line
from tests.support.calling.campaign import ANNA, BEN, CARLA, POLICY, Campaign, person
from tests.support.calling.incoming import Incoming, book, incoming, report
from tests.support.ledger.finished_calls import (
    MACHINE,
    NOBODY,
    RETRIES,
    everything,
    finished_call,
    trying,
    with_rules,
)

__all__ = ["book", "incoming", "trying"]  # fixtures


@pytest.mark.parametrize(
    ("reported", "outcome"),
    [
        ({"error": "no answer"}, "no_answer"),
        ({"error": "busy"}, "busy"),
        ({"status": "ended"}, "no_answer"),
        ({"end_reason": "no_answer"}, "no_answer"),
        ({"status": "rejected"}, "rejected"),
        ({"error": "unreachable"}, "failed"),
        ({"status": "a-status-of-tomorrow"}, "unknown"),
    ],
    ids=str,
)
async def test_a_call_that_no_one_answered_ends_with_the_outcome_of_the_table(
    incoming: Incoming, book: AttemptBook, reported: dict[str, Any], outcome: str
) -> None:
    await finished_call(incoming, book, **{**NOBODY, **reported})
    assert (await incoming.campaign.attempt()).outcome == outcome
    assert (await incoming.result()).outcome == outcome


@pytest.mark.parametrize(
    ("rule", "reported"),
    [
        ({"outcome": "rejected", "error": ["unreachable"]}, {"error": "Unreachable"}),
        ({"outcome": "busy", "says": ["no answer"]}, {"error": "no answer"}),
        ({"outcome": "failed", "status": ["ended"], "talked": False}, {"status": "ended"}),
        (
            {"outcome": "busy", "end_reason": ["486"]},
            {"status": "a-status-of-tomorrow", "end_reason": "SIP 486"},
        ),
    ],
    ids=str,
)
async def test_a_rule_of_ones_own_decides_about_a_call_that_no_one_answered(
    database: Database, rule: dict[str, Any], reported: dict[str, Any]
) -> None:
    incoming = Incoming(database, with_rules(rule))
    await finished_call(incoming, await incoming.campaign.runner(), **{**NOBODY, **reported})
    assert (await incoming.result()).outcome == rule["outcome"]


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"max_duration_seconds": 61, "min_duration_seconds": 61}, True),
        ({"min_duration_seconds": 62}, False),
        ({"heard": ["the voicemail"], "most_messages": 2}, True),
        ({"heard": ["Hi"]}, False),  # that is what we said
        ({"most_messages": 1}, False),
        ({"analysis": [{"key": "interest", "equals": "HIGH"}]}, True),
        ({"analysis": [{"key": "interest", "equals": "low"}]}, False),
        ({"summary_begins": ["anna wants"]}, True),
        ({"end_reason": ["user hangup"]}, True),
    ],
    ids=str,
)
async def test_each_condition_is_asked_of_what_was_reported_then_and_later(
    database: Database, rule: dict[str, Any], fits: bool
) -> None:
    policy = with_rules({"outcome": "rejected", **rule})
    expected = "rejected" if fits else "answered"
    reported = report(messages=MACHINE, end_reason="user_hangup")
    incoming = Incoming(database, policy)
    await incoming.campaign.placed(await incoming.campaign.runner())
    await incoming.receive(reported)
    assert (await incoming.campaign.attempt()).outcome == expected
    later = Incoming(database)
    later.campaign.name = "later"
    await later.campaign.placed(await later.campaign.runner(), "call-2", BEN)
    await later.receive(reported.replace(b"call-1", b"call-2").replace(ANNA.encode(), BEN.encode()))
    assert (await later.campaign.attempt()).outcome == "answered"
    await rederive(database.campaign("later"), policy)
    assert (await later.campaign.attempt()).outcome == expected


async def test_a_report_of_a_machine_that_only_its_greeting_gives_away(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    opening = {"role": "assistant", "content": "Good morning"}
    system = {"role": "system", "content": "You are an agent; leave a message."}
    await incoming.receive(report(messages=[system, opening, *MACHINE]))
    assert (await incoming.result()).outcome == "voicemail"


async def test_a_changed_table_changes_outcomes_once_and_a_dry_run_only_reports(
    incoming: Incoming, book: AttemptBook, database: Database
) -> None:
    await finished_call(incoming, book, "call-1", ANNA, end_reason="silence_timeout", messages=MACHINE)
    await finished_call(incoming, book, "call-2", BEN)
    await finished_call(incoming, book, "call-3", CARLA, **NOBODY, error="busy")
    policy = with_rules(
        {"outcome": "voicemail", "end_reason": ["silence timeout"], "heard": ["voicemail"]},
        {"outcome": "no_answer", "error": ["busy"]},
    )
    before = await everything(database)
    reported = await rederive(database.campaign(incoming.campaign.name), policy, dry_run=True)
    assert reported == Rederived(3, {("answered", "voicemail"): 1, ("busy", "no_answer"): 1})
    assert reported.changed == 2
    assert await everything(database) == before
    assert await rederive(database.campaign(incoming.campaign.name), policy) == reported
    results = await incoming.campaign.results()
    assert [results[it].outcome for it in (ANNA, BEN, CARLA)] == ["voicemail", "answered", "no_answer"]
    after = await everything(database)
    assert await rederive(database.campaign(incoming.campaign.name), policy) == Rederived(3)
    assert await everything(database) == after
    # The default table gives back what it gave.
    assert (await rederive(database.campaign(incoming.campaign.name), RETRIES)).changed == 2
    assert await everything(database) == before


async def test_another_campaign_keeps_its_outcomes(
    incoming: Incoming, book: AttemptBook, database: Database
) -> None:
    await finished_call(incoming, book)
    other = await rederive(database.campaign("another"), with_rules({"outcome": "failed"}))
    assert other == Rederived()
    assert (await incoming.campaign.attempt()).outcome == "answered"


async def test_calls_that_are_not_over_are_left_alone(
    incoming: Incoming, book: AttemptBook, database: Database
) -> None:
    await incoming.campaign.placed(book)
    await incoming.campaign.lost(book, BEN)
    before = await everything(database)
    assert (
        await rederive(database.campaign(incoming.campaign.name), with_rules({"outcome": "failed"}))
        == Rederived()
    )
    assert await everything(database) == before


async def test_a_campaign_of_many_calls_is_derived_in_portions(local: Database) -> None:
    count = 2 * PORTION + 7
    person_ = {"campaign": "many", "batch": "b", "state": "done", "outcome": "answered"}
    call = {
        "campaign": "many",
        "number": 1,
        "state": "ended",
        "runner": "r",
        "began_at": 0.0,
        "complete": True,
    }
    reported = {"call_status": "ended", "end_reason": "user_hangup", "started_at": 1.0, "outcome": "answered"}
    async with local.write() as db:
        people_ = [{**person_, "id": n + 1, "phone": f"+4470000{n:05d}"} for n in range(count)]
        await db.execute(insert(leads), people_)
        rows = [{**call, **reported, "lead_id": it["id"], "phone": it["phone"]} for it in people_]
        await db.execute(insert(attempts), rows)
    found = await rederive(local.campaign("many"), with_rules({"outcome": "failed", "says": ["hangup"]}))
    assert found == Rederived(count, {("answered", "failed"): count})
    async with local.read() as db:
        for table in (leads, attempts):
            assert set((await db.execute(select(table.c.outcome))).scalars()) == {"failed"}


async def test_a_lead_that_waits_is_done_when_its_last_call_needs_no_other(
    trying: tuple[Incoming, AttemptBook], database: Database
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, **NOBODY, error="no answer")
    lead = await incoming.campaign.lead()
    assert (lead.state, lead_reason(lead)) == ("waiting", "to be called again after no_answer")
    policy = with_rules({"outcome": "rejected", "error": ["no answer"]})
    reported = await rederive(database.campaign(incoming.campaign.name), policy)
    assert (reported.changed, reported.settled, reported.suppressed) == (1, 1, 0)
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.reason, lead.outcome, lead.attempts) == ("done", "", "rejected", 1)
    # A lead that is done is not called again, though the table says again that no one answered.
    assert (await rederive(database.campaign(incoming.campaign.name), RETRIES)).settled == 0
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.outcome) == ("done", "no_answer")
    assert await incoming.campaign.begin(book) == []


async def test_a_lead_that_waits_still_does_when_another_call_may_follow(
    trying: tuple[Incoming, AttemptBook], database: Database
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, **NOBODY, error="no answer")
    reported = await rederive(
        database.campaign(incoming.campaign.name), with_rules({"outcome": "busy", "error": ["no answer"]})
    )
    assert (reported.changed, reported.settled) == (1, 0)
    lead = await incoming.campaign.lead()
    assert (lead.state, lead_reason(lead), lead.outcome) == (
        "waiting",
        "to be called again after busy",
        "busy",
    )


async def test_no_one_who_is_done_is_called_again_by_a_change_of_the_table(
    trying: tuple[Incoming, AttemptBook], database: Database
) -> None:
    incoming, book = trying
    await finished_call(incoming, book)
    policy = with_rules({"outcome": "no_answer", "max_duration_seconds": 100})
    assert (await rederive(database.campaign(incoming.campaign.name), policy)).changed == 1
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.outcome) == ("done", "no_answer")
    incoming.campaign.policy = policy
    await incoming.campaign.take_in(person(ANNA))
    assert await incoming.campaign.begin(book) == []


async def test_only_the_newest_call_speaks_for_its_lead(
    trying: tuple[Incoming, AttemptBook], database: Database
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, "call-1", **NOBODY, error="no answer")
    await finished_call(incoming, book, "call-2", **NOBODY, error="busy")
    policy = with_rules({"outcome": "rejected", "error": ["no answer"]})
    reported = await rederive(database.campaign(incoming.campaign.name), policy)
    assert (reported.changed, reported.settled) == (1, 0)
    assert [row.outcome for row in await incoming.campaign.attempts()] == ["rejected", "busy"]
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.outcome, lead_reason(lead)) == (
        "waiting",
        "busy",
        "to be called again after busy",
    )


async def test_an_attempt_that_placed_no_call_means_nothing_for_its_lead(
    trying: tuple[Incoming, AttemptBook], database: Database
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, **NOBODY, error="no answer")
    (attempt,) = await incoming.campaign.begin(book)
    await incoming.campaign.record(book, Answer(attempt, AttemptEvent.REFUSED, detail="429"))
    assert (await incoming.campaign.lead()).state == LeadState.WAITING
    policy = with_rules({"outcome": "answered", "error": ["no answer"]})
    assert (await rederive(database.campaign(incoming.campaign.name), policy)).settled == 1
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.outcome) == ("done", "answered")


async def test_a_late_report_settles_a_lead_whose_next_attempt_called_no_one(
    trying: tuple[Incoming, AttemptBook],
) -> None:
    incoming, book = trying
    await finished_call(incoming, book, **NOBODY, error="no answer")
    (attempt,) = await incoming.campaign.begin(book)
    await incoming.campaign.record(book, Answer(attempt, AttemptEvent.REFUSED, detail="429"))
    await incoming.receive(report())
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.outcome) == ("done", "failed")  # the status of the list tells more


async def test_a_call_that_was_closed_without_a_report_stays_for_a_person(
    incoming: Incoming, book: AttemptBook, database: Database
) -> None:
    await incoming.campaign.placed(book)
    async with database.write() as db:
        row = (await db.execute(select(attempts))).one()
        await close_without_report(db, row, Reason.CALL_UNKNOWN, RETRIES, database.now())
    before = await everything(database)
    assert (
        await rederive(database.campaign(incoming.campaign.name), with_rules({"outcome": "failed"}))
        == Rederived()
    )
    assert await everything(database) == before
    assert (await incoming.campaign.lead()).state == LeadState.REVIEW
    # But a report that comes after all gives it words, and they mean what the table says.
    await incoming.receive(report())
    assert (await incoming.campaign.attempt()).outcome == "answered"
    reported = await rederive(database.campaign(incoming.campaign.name), with_rules({"outcome": "failed"}))
    assert reported.changes == {("answered", "failed"): 1}


async def test_who_was_forgotten_keeps_the_outcome_for_no_words_are_left(
    incoming: Incoming, book: AttemptBook, database: Database
) -> None:
    await finished_call(incoming, book, **NOBODY, error="busy")
    await forget(database, ANNA)
    before = await everything(database)
    assert await rederive(database.campaign(incoming.campaign.name), RETRIES) == Rederived()
    assert await everything(database) == before
    assert (await incoming.campaign.attempt()).outcome == "busy"


async def test_endings_are_counted_with_what_no_one_could_map_first_and_without_numbers(
    incoming: Incoming, book: AttemptBook, database: Database
) -> None:
    novel = {**NOBODY, "status": "a-status-of-tomorrow"}
    await finished_call(incoming, book, "call-1", ANNA, **{**novel, "error": f"487 from {ANNA}"})
    await finished_call(incoming, book, "call-2", BEN, **{**novel, "error": f"487 from {ANNA}"})
    await finished_call(incoming, book, "call-3", CARLA)
    await incoming.campaign.placed(book, "call-4", "+447700900099")  # it is not over
    assert await endings(database.campaign(incoming.campaign.name)) == [
        EndingCount("a-status-of-tomorrow", "", f"487 from {mask_phone(ANNA)}", "unknown", 2),
        EndingCount("ended", "user_hangup", "", "answered", 1),
    ]
    assert await endings(database.campaign("another")) == []


async def test_endings_that_differ_only_in_a_number_are_one(
    incoming: Incoming, book: AttemptBook, database: Database
) -> None:
    for call_id, phone in (("call-1", ANNA), ("call-2", BEN)):
        await finished_call(incoming, book, call_id, phone)
    async with database.write() as db:
        for phone, other in ((ANNA, "+442079461101"), (BEN, "+442079462201")):
            mine = update(attempts).where(attempts.c.phone == phone)
            await db.execute(mine.values(error=f"lost {other}"))
    (found,) = await endings(database.campaign(incoming.campaign.name))
    assert asdict(found)["calls"] == 2


async def test_a_run_under_another_table_derives_again_and_sends_nothing_for_it(database: Database) -> None:
    with bad_line() as line:
        campaign = Campaign(database, line.url, readiness=Readiness())
        await campaign.take_in(person())
        book = await campaign.runner()
        call = line.place(ANNA)
        await campaign.placed(book, call["id"])
        line.end_all()
        await campaign.run()
        assert (await campaign.results())[ANNA].outcome == "no_answer"
        reads, posts = line.reads, list(line.posts)
        own = {"outcome": "busy", "error": ["no answer"]}
        campaign.policy = CallingPolicy.model_validate({**POLICY.model_dump(), "outcomes": [own]})
        await campaign.run()
        assert (await campaign.results())[ANNA].outcome == "busy"
        assert (line.reads, line.posts) == (reads, posts)
        assert await apply_current_rules(database.campaign(campaign.name), campaign.policy) is None
