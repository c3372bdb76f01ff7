"""What a report teaches, and whose it is: by reference, by call id, and by the number only without a rival."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from flireo_flows.ledger import Answer, Attempt, AttemptBook, Database, Views
from flireo_flows.ledger.completeness import Completeness, completeness
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.lead_queue import totals_in
from flireo_flows.ledger.messages import attempt_reason
from flireo_flows.ledger.schema import inbox
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.lifecycle.states import AttemptEvent, AttemptState, LeadState, Reason
from flireo_flows.policy import CallingPolicy, Totals
from flireo_flows.script import ATTEMPT_KEY
from tests.support.calling.campaign import ANNA, Campaign, person
from tests.support.calling.incoming import (
    ANALYSIS,
    TALK,
    Incoming,
    book,
    incoming,
    listed,
    report,
    status_update,
)

__all__ = ["book", "incoming"]  # fixtures

NOBODY = {"status": "failed", "error": "no answer", "started_at": None, "duration_seconds": 0}
SILENCE: dict[str, Any] = {**NOBODY, "summary": None, "messages": None}


def teaching(**rules: Any) -> CallingPolicy:
    """Rules that learn from a call who is never to be called again."""
    key = {"key": "wishes.no_calls", "equals": "yes"}
    reported = {"calling_hours": None, "max_attempts": 3, "do_not_call_keys": [key], **rules}
    return CallingPolicy.model_validate(
        {"do_not_call_outcomes": ["rejected"], "retry_delay_seconds": 0, **reported}
    )


async def suppressed(database: Database) -> list[tuple[str, str, str]]:
    return [(it.source, it.reason, it.campaign) for it in await Suppressions(database).listed()]


async def test_a_lead_that_opts_out_in_a_call_is_never_called_again_by_any_campaign(
    database: Database,
) -> None:
    incoming, other = Incoming(database, teaching()), Campaign(database, name="another campaign")
    await incoming.campaign.placed(await incoming.campaign.runner())
    await other.take_in(person(ANNA))
    no = {"wishes": {"no_calls": "Yes"}}
    assert await incoming.receive(report(analysis=no, end_reason="no answer", messages=[], summary="")) == (
        1,
        1,
    )
    assert (await incoming.campaign.lead()).state == LeadState.DONE
    why = "the call's analysis says wishes.no_calls = yes"
    assert await suppressed(database) == [("analysis", why, "campaign")]
    await other.take_in(person(ANNA))
    assert await other.begin(await other.runner()) == []
    lead = await other.lead()
    assert (lead.state, lead.reason) == ("skipped", "do_not_call")


async def test_an_outcome_that_the_policy_names_ends_it_for_good(database: Database) -> None:
    incoming = Incoming(database, teaching(retry_outcomes=["rejected", "no_answer"]))
    await incoming.campaign.placed(await incoming.campaign.runner())
    assert await incoming.read(listed(**{**SILENCE, "error": "call rejected"}))
    assert (await incoming.campaign.lead()).state == LeadState.DONE
    assert await suppressed(database) == [("outcome", "the call's outcome was rejected", "campaign")]


async def test_a_late_analysis_that_opts_out_is_learnt_from_as_well(database: Database) -> None:
    incoming = Incoming(database, teaching())
    book = await incoming.campaign.runner()
    await incoming.campaign.placed(book)
    assert await incoming.read(listed(**SILENCE))
    assert (await incoming.campaign.lead()).state == LeadState.WAITING
    await incoming.receive(
        report(analysis={"wishes": {"no_calls": "yes"}}, summary="", messages=[], durationSeconds=0)
    )
    assert (await incoming.campaign.lead()).state == LeadState.DONE
    assert [source for source, *_ in await suppressed(database)] == ["analysis"]


async def test_a_late_report_that_reports_of_an_answer_ends_the_waiting(database: Database) -> None:
    incoming = Incoming(database, teaching())
    book = await incoming.campaign.runner()
    await incoming.campaign.placed(book)
    assert await incoming.read(listed(**{**SILENCE, "status": "ended", "error": None}))
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.outcome) == ("waiting", "no_answer")
    await incoming.receive(report())
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.outcome, lead.reason) == ("done", "answered", "")
    assert await incoming.campaign.begin(book) == []


async def test_each_outcome_has_its_own_delay(database: Database) -> None:
    incoming = Incoming(database, teaching(retry_delays=[{"outcome": "failed", "seconds": [60, 7200]}]))
    await incoming.campaign.placed(await incoming.campaign.runner())
    assert await incoming.read(listed(**{**SILENCE, "error": "carrier down"}))
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.outcome) == ("waiting", "failed")
    assert lead.not_before == pytest.approx(lead.last_ended_at + 60)


# By its reference


async def test_what_comes_to_an_attempts_own_address_is_its_own(
    incoming: Incoming, book: AttemptBook
) -> None:
    attempt = await incoming.campaign.lost(book)
    await incoming.inbox.store(report("call-of-the-webhooks", "+31850835037"), attempt.reference)
    assert await incoming.apply() == (1, 1)  # at once, and though it names another number
    row = await incoming.campaign.attempt()
    assert (row.state, row.call_id, row.outcome) == ("ended", "call-of-the-webhooks", "answered")
    assert (await incoming.campaign.lead()).state == LeadState.DONE


async def test_a_report_may_bring_the_reference_back_as_metadata(
    incoming: Incoming, book: AttemptBook
) -> None:
    attempt = await incoming.campaign.placed(book)
    reported = {"metadata": {ATTEMPT_KEY: attempt.reference, "their": "own"}}
    assert await incoming.receive(report("another-id", "+31850835037", assistant=reported)) == (1, 1)
    row = await incoming.campaign.attempt()
    assert (row.state, row.call_id, row.report_id) == ("ended", "call-1", "another-id")


async def test_a_report_to_an_attempts_address_waits_for_the_answer(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.take_in(person(ANNA))
    (attempt,) = await incoming.campaign.begin(book)
    await incoming.inbox.store(report(), attempt.reference)
    assert await incoming.apply() == (0, 0)
    await incoming.campaign.record(book, Answer(attempt, AttemptEvent.ACCEPTED, call_id="call-1"))
    assert await incoming.apply() == (1, 1)


async def test_the_same_report_to_both_addresses_is_one(incoming: Incoming, book: AttemptBook) -> None:
    attempt = await incoming.campaign.lost(book)
    body = report("another-id", "+31850835037")
    await incoming.store(body)
    assert await incoming.settle() == (0, 0)
    assert not (await incoming.inbox.store(body, attempt.reference)).is_new
    assert await incoming.apply() == (1, 1)


async def test_a_reference_that_no_one_gave_changes_nothing(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.lost(book)
    await incoming.inbox.store(report("call-of-another", "+31850835037"), "x" * 500)
    assert await incoming.settle() == (0, 0)
    assert (await incoming.campaign.attempt()).state == AttemptState.UNKNOWN


async def test_a_report_of_a_call_that_counted_as_not_placed_stops_the_next(
    incoming: Incoming, book: AttemptBook
) -> None:
    attempt = await incoming.campaign.lost(book)
    await incoming.campaign.prove_absent(book, attempt)
    assert (await incoming.campaign.lead()).state == LeadState.WAITING
    await incoming.inbox.store(report(), attempt.reference)
    assert await incoming.apply() == (1, 0)
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.reason) == ("review", Reason.CALLED_AFTER_ALL)
    assert await incoming.states() == [("applied", "its attempt had counted as not placed")]
    assert await incoming.campaign.begin(book) == []


async def counted_as_not_placed(campaign: Campaign, book: AttemptBook) -> Attempt:
    """An attempt whose call proved absent."""
    attempt = await campaign.lost(book)
    await campaign.prove_absent(book, attempt)
    return attempt


async def test_a_lead_that_opts_out_in_a_call_that_counted_as_not_placed_is_never_called_again(
    database: Database,
) -> None:
    incoming, other = Incoming(database, teaching()), Campaign(database, name="another")
    attempt = await counted_as_not_placed(incoming.campaign, await incoming.campaign.runner())
    await incoming.inbox.store(report(analysis={"wishes": {"no_calls": "yes"}}), attempt.reference)
    assert await incoming.apply() == (1, 0)
    (known,) = await Suppressions(database).listed()
    assert (known.source, known.campaign) == ("analysis", "campaign")
    await other.take_in(person(ANNA))
    assert await other.begin(await other.runner()) == []


async def test_a_lead_that_opts_out_in_such_a_call_while_the_next_one_goes_on_is_not_called_a_third_time(
    database: Database,
) -> None:
    incoming = Incoming(database, teaching())
    book = await incoming.campaign.runner()
    first = await counted_as_not_placed(incoming.campaign, book)
    await incoming.campaign.placed(book, "call-2")
    await incoming.inbox.store(report("call-1", analysis={"wishes": {"no_calls": "yes"}}), first.reference)
    await incoming.apply()
    await incoming.read(listed("call-2", **SILENCE))
    assert await incoming.campaign.begin(book) == []


async def test_who_was_called_once_more_than_was_counted_is_up_for_review_before_a_third_call(
    database: Database,
) -> None:
    incoming = Incoming(database, teaching())
    book = await incoming.campaign.runner()
    first = await counted_as_not_placed(incoming.campaign, book)
    await incoming.campaign.placed(book, "call-2")
    await incoming.inbox.store(report("call-1", analysis=None), first.reference)
    await incoming.apply()
    await incoming.read(listed("call-2", **SILENCE))
    lead = await incoming.campaign.lead()
    assert (lead.state, lead.attempts, lead.reason) == ("review", 1, Reason.CALLED_AFTER_ALL)
    assert await incoming.campaign.begin(book) == []


async def test_the_words_of_a_call_that_counted_as_not_placed_is_written_down_and_counts_no_call(
    incoming: Incoming, book: AttemptBook
) -> None:
    attempt = await counted_as_not_placed(incoming.campaign, book)
    late = report(durationSeconds=61, ended_at="2026-01-01T10:00:00Z")
    await incoming.inbox.store(status_update("ended"), attempt.reference)
    await incoming.inbox.store(late, attempt.reference)
    assert await incoming.apply() == (2, 0)
    row = await incoming.campaign.attempt()
    assert (row.state, row.outcome, row.summary) == ("not_placed", "answered", "Anna wants an offer.")
    assert (json.loads(row.analysis), json.loads(row.messages)) == (ANALYSIS, TALK)
    assert (row.duration_seconds, row.ended_at) == (61, datetime(2026, 1, 1, 10, tzinfo=UTC).timestamp())
    assert (row.reason, row.called_after_all) == (Reason.NOT_LISTED, True)
    assert attempt_reason(row).endswith("; but a report of its call came")
    result = await incoming.result()
    assert (result.state, result.attempts, result.outcome, result.summary) == ("review", 0, "", "")
    status = await Views(incoming.database).status("campaign")
    assert (status.attempts, status.analysed) == ({"not_placed": 1}, 0)
    assert await completeness(incoming.database.campaign("campaign")) == Completeness()
    assert await Views(incoming.database).latest("campaign", 9) == []
    async with incoming.database.read() as db:
        totals = await totals_in(db, "campaign", "", ZoneInfo("UTC"), datetime.now(UTC))
    assert totals == (Totals(), Totals(), Totals())


# By its number, where no other attempt could own it


async def test_a_report_of_the_call_before_is_not_taken_for_the_next_one(
    incoming: Incoming, book: AttemptBook
) -> None:
    """The vendor lists the first call under one id and reports it under another, when the next rings already."""
    incoming.campaign.policy = CallingPolicy(calling_hours=None, max_attempts=2, retry_delay_seconds=0)
    await incoming.campaign.placed(book, "call-of-the-list")
    assert await incoming.read(listed("call-of-the-list", **SILENCE))
    await incoming.campaign.lost(book)
    await incoming.receive(report("call-of-the-webhooks"))
    assert await incoming.settle() == (0, 0)
    assert [row.state for row in await incoming.campaign.attempts()] == ["ended", "unknown"]


async def test_a_clock_that_is_ahead_does_not_make_an_old_call_ours(
    incoming: Incoming, book: AttemptBook
) -> None:
    """Flireo's clock is ten minutes fast, and another person rang the number five minutes before us."""
    attempt = await incoming.campaign.lost(book)
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    rang = (ahead - timedelta(minutes=5)).isoformat()
    await incoming.receive(report("call-of-another", timestamp=ahead.isoformat(), started_at=rang))
    assert await incoming.settle() == (0, 0)
    now = {"timestamp": ahead.isoformat(), "started_at": (ahead - timedelta(seconds=5)).isoformat()}
    await incoming.receive(report("call-of-ours", **now))
    assert await incoming.settle() == (1, 1)
    assert (await incoming.campaign.attempt()).call_id == "call-of-ours"
    assert attempt.number == 1


async def test_of_who_was_forgotten_no_word_is_kept(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report())
    await forget(incoming.database, ANNA)
    await incoming.receive(report(summary="Anna rang back.", analysis={"name": "Anna"}))
    await incoming.read(listed(summary="Anna again.", analysis_result=ANALYSIS))
    row = await incoming.campaign.attempt()
    assert (row.state, row.outcome, row.summary, row.analysis) == ("ended", "answered", "", None)
    async with incoming.database.read() as db:
        assert set((await db.execute(select(inbox.c.body))).scalars()) == {b""}
    await incoming.campaign.take_in(person(ANNA, name="Anna"))
    assert ANNA not in await incoming.campaign.leads()
