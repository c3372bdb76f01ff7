"""What is reported of a call is written once, whatever tells it, in whatever order and however often."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from flireo_flows.ledger import Answer, AttemptBook, Database, Expectations, Inbox
from flireo_flows.ledger.messages import inbox_reason, lead_reason
from flireo_flows.ledger.schema import inbox
from flireo_flows.lifecycle.states import AttemptEvent, AttemptState, LeadState, Reason
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import ANNA, BEN, FREE, POLICY, person
from tests.support.calling.incoming import (
    ANALYSED,
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


def reported(row: Any) -> dict[str, Any]:
    """What is known of a call, however it became known."""
    names = ("state", "outcome", "summary", "analysis", "messages", "duration_seconds", "complete")
    return {name: getattr(row, name) for name in names}


async def test_a_report_ends_its_call(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    assert await incoming.receive(report()) == (1, 1)
    row = await incoming.campaign.attempt()
    assert (row.state, row.outcome, row.channel, row.complete) == ("ended", "answered", "webhook", True)
    result = await incoming.result()
    assert (result.state, result.outcome, result.attempts) == ("done", "answered", 1)
    assert (result.summary, result.analysis) == ("Anna wants an offer.", ANALYSIS)
    assert await incoming.states() == [("applied", "")]
    assert await incoming.apply() == (0, 0)


async def test_the_list_and_the_report_report_the_same_in_either_order(
    incoming: Incoming, book: AttemptBook
) -> None:
    call = listed(analysis_result=ANALYSIS)
    await incoming.campaign.placed(book)
    assert await incoming.receive(report()) == (1, 1)
    assert not await incoming.read(call)
    report_first = reported(await incoming.campaign.attempt())
    await incoming.campaign.placed(book, "call-2", BEN)
    assert await incoming.read(listed("call-2", BEN, analysis_result=ANALYSIS))
    assert await incoming.receive(report("call-2", BEN)) == (1, 0)
    list_first = reported((await incoming.campaign.attempts())[1])
    assert report_first == list_first


TELLINGS: dict[str, Callable[[], bytes]] = {
    "answered": lambda: status_update("in-progress"),
    "hung up": lambda: status_update("ended"),
    "report": report,
    "another report": lambda: report(recordingUrl=None),
}


async def test_webhooks_report_the_same_in_every_order_and_number(
    incoming: Incoming, book: AttemptBook
) -> None:
    outcomes = []
    for number, order in enumerate(permutations(TELLINGS)):
        incoming.campaign.name, incoming.campaign.policy = f"campaign {number}", FREE
        await incoming.campaign.placed(await incoming.campaign.runner(), f"call-{number}")
        bodies = [TELLINGS[name]().replace(b"call-1", f"call-{number}".encode()) for name in order]
        for body in bodies:
            await incoming.receive(body, body)
        outcomes.append(reported(await incoming.campaign.attempt()))
        assert (await incoming.campaign.lead()).attempts == 1
    assert outcomes == [outcomes[0]] * len(outcomes)
    assert outcomes[0]["state"] == "ended"


async def test_a_doubled_delivery_is_one_report(incoming: Incoming) -> None:
    body = report()
    first, second = await incoming.inbox.store(body), await incoming.inbox.store(body)
    assert (first.is_new, second.is_new) == (True, False)
    assert len(await incoming.states()) == 1


async def test_a_call_that_hung_up_is_not_finished_before_its_report(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    assert await incoming.receive(status_update("ended")) == (1, 0)
    row = await incoming.campaign.attempt()
    assert row.state == AttemptState.PLACED
    assert row.over_at is not None  # so it counts no more among the calls at once
    assert (await incoming.campaign.lead()).state == LeadState.CALLING
    assert await incoming.receive(report()) == (1, 1)
    assert (await incoming.result()).summary == "Anna wants an offer."


async def test_a_call_that_is_answered_is_not_over(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    assert await incoming.receive(status_update("in-progress")) == (1, 0)
    assert (await incoming.campaign.attempt()).over_at is None


async def test_a_broken_call_shows_what_broke(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    broken = status_update("ended-with-error", error="STT connection failed")
    await incoming.receive(broken)
    await incoming.receive(report(summary="", messages=[], analysis=None))
    assert (await incoming.result()).outcome == "failed"


async def test_a_finished_call_never_goes_back(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report())
    before = await incoming.campaign.attempt()
    await incoming.receive(status_update("in-progress"), status_update("ended"))
    running: dict[str, Any] = {
        "status": "in-progress",
        "ended_at": None,
        "end_reason": None,
        "started_at": None,
    }
    await incoming.read(listed(**running, summary=None, messages=None))
    await incoming.receive(
        report(summary="Another summary.", analysis={"interest": "none"}, durationSeconds=1)
    )
    assert await incoming.campaign.attempt() == before


async def test_a_late_analysis_only_adds(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report(analysis=None, summary=""))
    assert (await incoming.result()).analysis is None
    assert not await incoming.read(listed(analysis_result=ANALYSIS, summary="Later."))
    result = await incoming.result()
    assert (result.analysis, result.summary, result.state) == (ANALYSIS, "Later.", "done")


@pytest.mark.parametrize(
    ("first", "then", "both"),
    [
        ({"no_calls": None, "x": 1}, {"no_calls": "yes", "x": 2}, {"no_calls": "yes", "x": 1}),
        (
            {"who": {"reached": True}},
            {"who": {"no_calls": "yes"}},
            {"who": {"reached": True, "no_calls": "yes"}},
        ),
        ({"who": {"reached": True}}, {"who": {"reached": None}, "x": 1}, {"who": {"reached": True}, "x": 1}),
    ],
)
async def test_an_answer_within_an_answer_is_added_too_and_null_is_no_answer(
    incoming: Incoming, book: AttemptBook, first: Any, then: Any, both: Any
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report(analysis=first))
    await incoming.receive(report(analysis=then))
    assert (await incoming.result()).analysis == both


async def test_the_beginning_of_a_transcript_does_not_hide_the_whole(
    incoming: Incoming, book: AttemptBook
) -> None:
    whole = [*TALK, {"role": "user", "content": "Never call me again."}]
    await incoming.campaign.placed(book)
    await incoming.read(listed(messages=whole[:1], summary=None))
    await incoming.receive(report(messages=whole))
    await incoming.read(listed(messages=whole[:2]))
    assert [turn["content"] for turn in json.loads((await incoming.campaign.attempt()).messages)] == [
        turn["content"] for turn in whole
    ]


@pytest.mark.parametrize("ended", ["2001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2100-01-01T00:00:00Z"])
async def test_a_moment_that_cannot_be_keeps_the_distance_to_the_next_attempt_all_the_same(
    local: Database, ended: str
) -> None:
    retried = {**POLICY.model_dump(), "max_attempts": 2, "retry_outcomes": ["voicemail"]}
    incoming = Incoming(local, CallingPolicy.model_validate({**retried, "retry_delay_seconds": 3600}))
    await incoming.campaign.placed(await incoming.campaign.runner())
    began = local.now()
    over: dict[str, Any] = {
        "end_reason": "voicemail",
        "started_at": None,
        "ended_at": ended,
        "duration_seconds": None,
    }
    await incoming.read(listed(**over, summary=None, messages=None))
    assert 3600 <= (await incoming.campaign.lead()).not_before - began < 3900


async def test_a_late_report_may_correct_what_a_call_means(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    await incoming.read(listed(summary="Somebody spoke."), Expectations())
    assert (await incoming.result()).outcome == "answered"
    await incoming.receive(report(end_reason="voicemail", summary="Voicemail detected."))
    assert (await incoming.result()).outcome == "answered"  # what is known is kept ...
    row = await incoming.campaign.attempt()
    assert row.end_reason == "user_hangup"
    assert row.analysis is not None  # ... and what was missing is added


@pytest.mark.parametrize(
    ("fields", "expects", "ends_after"),
    [
        # A call that no one answered has no more to tell.
        ({"status": "failed", "error": "no answer", "started_at": None, "duration_seconds": 0}, ANALYSED, 0),
        # An analysis comes last; where none is expected, the summary does.
        ({"analysis_result": ANALYSIS}, ANALYSED, 0),
        ({}, Expectations(), 0),
        ({}, Expectations(analysis=True, fewest_messages=3), 0),
        # Otherwise it is waited for, for so long.
        ({}, ANALYSED, POLICY.analysis_grace_seconds),
        ({"summary": None}, ANALYSED, POLICY.report_grace_seconds),
        ({"summary": None}, Expectations(), POLICY.report_grace_seconds),
    ],
)
async def test_a_call_of_the_list_is_finished_when_nothing_more_will_come(
    incoming: Incoming, book: AttemptBook, fields: dict[str, Any], expects: Expectations, ends_after: float
) -> None:
    await incoming.campaign.placed(book)
    if "error" in fields:
        fields = {**fields, "summary": None, "messages": None}
    call = listed(**fields)
    assert await incoming.read(call, expects) == (ends_after == 0)
    if ends_after:
        assert not await incoming.read(call, expects, later=ends_after - 1)
        assert await incoming.read(call, expects, later=ends_after + 1)
    assert (await incoming.campaign.lead()).state == LeadState.DONE


async def test_a_report_that_overtakes_the_answer_waits_for_it(incoming: Incoming, book: AttemptBook) -> None:
    campaign = incoming.campaign
    await campaign.take_in(person(ANNA))
    (attempt,) = await campaign.begin(book)
    assert await incoming.receive(report()) == (0, 0)
    assert await incoming.settle() == (0, 0)
    await campaign.record(book, Answer(attempt, AttemptEvent.ACCEPTED, call_id="call-1"))
    assert await incoming.apply() == (1, 1)


async def test_a_report_for_a_lost_answer_shows_that_it_was_placed(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.lost(book)
    assert await incoming.receive(report()) == (0, 0)  # its answer may be on the way
    assert await incoming.settle() == (1, 1)
    row = await incoming.campaign.attempt()
    assert (row.state, row.call_id) == ("ended", "call-1")


async def test_all_reports_of_a_lost_answer_find_it(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.lost(book)
    await incoming.receive(status_update("in-progress"), status_update("ended"), report())
    await incoming.settle()
    await incoming.apply()
    assert (await incoming.campaign.attempt()).state == AttemptState.ENDED
    assert {state for state, _ in await incoming.states()} == {"applied"}


async def test_a_report_that_two_attempts_could_own_is_no_ones(incoming: Incoming, book: AttemptBook) -> None:
    other = Incoming(incoming.database)
    other.campaign.name, incoming.campaign.policy = "another campaign", FREE
    await other.campaign.placed(await other.campaign.runner(), "call-of-the-list")
    await other.read(listed("call-of-the-list", analysis_result=ANALYSIS))  # its own report is still to come
    await incoming.campaign.lost(book)
    await incoming.receive(report())
    assert await incoming.settle() == (0, 0)
    assert await incoming.states() == [("waiting", "")]
    assert (await incoming.campaign.attempt()).state == AttemptState.UNKNOWN


@pytest.mark.parametrize("kind", ["inboundPhoneCall", "inbound_phone_call"])
async def test_when_the_person_calls_us_that_is_no_attempt_of_ours(
    incoming: Incoming, book: AttemptBook, kind: str
) -> None:
    await incoming.campaign.lost(book)
    await incoming.receive(report("call-of-theirs", call_type=kind))
    assert await incoming.settle() == (0, 0)
    assert (await incoming.campaign.attempt()).state == AttemptState.UNKNOWN
    # It does not wait: no one will ever own it, and whoever looks for reports would look at it each time.
    assert await incoming.states() == [("applied", "of an inbound call, which is of no attempt")]
    async with incoming.database.read() as db:
        assert (await db.execute(select(inbox.c.body))).scalar_one() != b""


@pytest.mark.parametrize("overtakes", [True, False])
async def test_the_id_of_our_call_proves_more_than_the_direction_that_it_is_given(
    incoming: Incoming, book: AttemptBook, overtakes: bool
) -> None:
    body = report(call_type="inboundPhoneCall")
    if overtakes:
        await incoming.receive(body)
    await incoming.campaign.placed(book)
    assert await (incoming.apply() if overtakes else incoming.receive(body)) == (1, 1)
    assert (await incoming.campaign.attempt()).summary == "Anna wants an offer."
    assert await incoming.states() == [("applied", "")]
    assert await incoming.apply() == (0, 0)


async def test_a_call_from_before_the_attempt_is_not_its_call(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.lost(book)
    earlier = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    await incoming.receive(report("call-of-this-morning", timestamp=earlier))
    assert await incoming.settle() == (0, 0)


async def test_a_report_of_another_person_changes_nothing(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    before = await incoming.campaign.attempt()
    await incoming.receive(report("call-of-another-system", BEN))
    assert await incoming.settle() == (0, 0)
    assert await incoming.campaign.attempt() == before


async def test_a_report_of_one_campaign_is_not_taken_by_another(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.store(report())
    other = Inbox(incoming.database)
    assert await other.apply("another campaign", POLICY, ANALYSED) == (0, 0)
    assert await incoming.apply() == (1, 1)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is not JSON (JSONDecodeError)"),
        (b"\x00\xff", "the body is not JSON"),
        (b"[]", "the body is not a JSON object"),
        (b"{}", "the body has no object `message`"),
        (b'{"message": {"type": "end-of-call-report"}}', "`message.call.id` is missing or not text"),
        (b'{"message": {"call": {"id": "call-1"}}}', "`message.type` is missing or not text"),
        (b"[" * 100_000, "the body is not JSON (RecursionError)"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_cannot_be_read_is_kept_with_the_reason(
    incoming: Incoming, body: bytes, says: str
) -> None:
    delivered = await incoming.inbox.store(body)
    assert delivered.state == "unreadable"
    assert inbox_reason(delivered.reason, delivered.detail).startswith(says)
    async with incoming.database.read() as db:
        assert (await db.execute(select(inbox.c.body))).scalar_one() == body
    assert await incoming.apply() == (0, 0)


@pytest.mark.parametrize(
    "odd",
    [
        {"summary": "nul \x00 and half a \ud83d character"},
        {"analysis": {"quote": "\x00 \ud83d", "\x00": None}},
        {"messages": [{"role": "user", "content": "\x00 \ud83d"}]},
        {"durationSeconds": 10**12},
        {"durationSeconds": 1e300},
        {"durationSeconds": -5},
        {"durationSeconds": "a minute"},
        {"end_reason": "\x00", "error": "\ud83d"},
        {"started_at": "yesterday", "ended_at": "9999-12-31T23:59:59Z"},
        {"timestamp": "0001-01-01T00:00:00Z"},
        {"timestamp": "0001-01-01T00:00:00+01:00"},
        {"startedAt": "9999-12-31T23:59:59-05:00", "endedAt": "9999-12-31T23:59:59-14:00"},
        {"analysis": "high"},
        {"a_field_of_tomorrow": {"deep": [1, 2, 3]}},
        {"recordingUrl": "\x00"},
    ],
    ids=str,
)
async def test_no_report_is_too_odd_to_be_written_down(
    incoming: Incoming, book: AttemptBook, odd: dict[str, Any]
) -> None:
    await incoming.campaign.placed(book)
    assert await incoming.receive(report(**odd)) == (1, 1)
    assert (await incoming.result()).state == "done"


@pytest.mark.parametrize(
    "odd",
    [
        {"summary": "nul \x00 and half a \ud83d character"},
        {"status": "ended\x00"},
        {"analysis_result": {"quote": "\x00 \ud83d"}},
        {"analysis_result": [1, 2]},
        {"duration_seconds": 10**12},
        {"end_reason": "\x00", "error": "\x00", "recording_url": "\x00"},
    ],
    ids=str,
)
async def test_no_call_of_the_list_is_too_odd_to_be_written_down(
    incoming: Incoming, book: AttemptBook, odd: dict[str, Any]
) -> None:
    await incoming.campaign.placed(book)
    call = listed(**{"analysis_result": ANALYSIS, **odd})
    await incoming.read(call, later=POLICY.report_grace_seconds)
    await incoming.read(call, later=2 * POLICY.report_grace_seconds + 1)
    assert (await incoming.result()).state == "done"


async def test_a_lead_is_called_again_after_the_outcomes_that_the_policy_names(database: Database) -> None:
    policy = CallingPolicy(calling_hours=None, max_attempts=2, retry_delay_seconds=600)
    incoming = Incoming(database, policy)
    book = await incoming.campaign.runner()
    await incoming.campaign.placed(book)
    nobody = {"status": "failed", "error": "no answer", "started_at": None, "duration_seconds": 0}
    silence: dict[str, Any] = {**nobody, "summary": None, "messages": None}
    assert await incoming.read(listed(**silence))
    lead = await incoming.campaign.lead()
    assert (lead.state, lead_reason(lead), lead.attempts) == (
        "waiting",
        "to be called again after no_answer",
        1,
    )
    assert lead.not_before == pytest.approx(lead.last_ended_at + 600)
    assert await incoming.campaign.begin(book) == []
    # Taking the file in again does not make it sooner.
    await incoming.campaign.take_in(person(ANNA))
    assert await incoming.campaign.begin(book) == []
    assert (await incoming.campaign.lead()).reason == "too_soon"


async def test_a_lead_in_review_is_done_when_its_call_turns_up_after_all(
    incoming: Incoming, book: AttemptBook
) -> None:
    attempt = await incoming.campaign.lost(book)
    await incoming.campaign.unknown.review(attempt, Reason.SEVERAL_CALLS, "2")
    assert (await incoming.campaign.lead()).state == LeadState.REVIEW
    await incoming.receive(report())
    await incoming.settle()
    assert (await incoming.campaign.lead()).state == LeadState.DONE
