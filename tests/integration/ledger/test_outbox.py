"""What happens is reported outside: written by the database itself, once, and without what is private."""

import json

import pytest
from sqlalchemy import insert, select, update

from flireo_flows.ledger import AttemptBook, Database
from flireo_flows.ledger.campaigns import CampaignControl, DeclinedError
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.notices import Notice, find_campaign, label_names, read_notices, refuse_shown_name
from flireo_flows.ledger.outbox import (
    CLAIM_SECONDS,
    DISTANCE_SECONDS,
    KEPT_SECONDS,
    WAITED_SECONDS,
    Outbox,
    post,
    post_reports_waiting,
)
from flireo_flows.ledger.schema import attempts, campaigns, inbox, leads, outbox
from flireo_flows.lifecycle.states import LeadState, LedgerEvent, Reason
from tests.support.calling.campaign import ANNA, BEN, person
from tests.support.calling.incoming import Incoming, book, incoming, listed, report, status_update

__all__ = ["book", "incoming"]  # fixtures


async def reported(database: Database) -> list[Notice]:
    """Everything that is to be reported, taken by whoever sends it."""
    box = Outbox(database)
    posted = await box.claim(1000)
    notices = await read_notices(database, posted)
    await box.keep({it.id: label_names(notice) for it, notice in zip(posted, notices, strict=True)})
    return notices


async def events(database: Database) -> list[str]:
    return [notice.event for notice in await reported(database)]


async def test_a_call_that_ends_is_reported_once_however_often_it_is_reported(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report())
    await incoming.receive(report(), report(timestamp="2026-01-01T00:00:00Z"))
    (notice,) = await reported(incoming.database)
    assert (notice.event, notice.resource) == ("flireo.call.ended", "flireo.call.call-1")
    said = notice.payload
    assert (said["campaign"], said["outcome"], said["number"]) == ("campaign", "answered", "+44********01")
    assert said["analysis"] == {"interest": "high", "sentiment": 8}
    assert said["lead_id"] == (await incoming.campaign.lead()).id
    assert notice.labels["flireo.analysis.interest"] == "high"
    assert notice.labels["flireo.outcome"] == "answered"


async def test_an_analysis_that_comes_later_is_reported_as_an_amendment(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report(analysis=None))
    (ended,) = await reported(incoming.database)
    await incoming.read(listed(analysis_result={"appointment_booked": False}))
    (amended,) = await reported(incoming.database)
    assert (ended.event, amended.event) == ("flireo.call.ended", "flireo.call.amended")
    assert amended.payload["analysis"] == {"appointment_booked": False}
    assert ended.id != amended.id
    # By labels an automation chooses: what the first event had chosen by is not chosen again.
    assert dict(ended.labels) == {"flireo.outcome": "answered", "flireo.lead": "1"}
    assert dict(amended.labels) == {"flireo.lead": "1", "flireo.analysis.appointment_booked": "false"}


async def test_an_answer_is_a_label_of_one_event_only_however_many_are_reported_of_a_call(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report(analysis={"appointment_booked": False}))
    await incoming.receive(report(analysis={"appointment_booked": False, "budget": 10}))
    ended, amended = await reported(
        incoming.database
    )  # together: the first says already what the second came for
    assert ended.labels["flireo.analysis.appointment_booked"] == "false"
    assert ended.labels["flireo.analysis.budget"] == "10"
    assert dict(amended.labels) == {"flireo.lead": "1"}
    await incoming.receive(report(analysis={"mood": "good"}))
    (again,) = await reported(incoming.database)
    assert dict(again.labels) == {"flireo.lead": "1", "flireo.analysis.mood": "good"}
    assert again.payload["analysis"] == {"appointment_booked": False, "budget": 10, "mood": "good"}


async def test_a_notice_that_is_sent_again_has_the_labels_that_it_had(
    incoming: Incoming, book: AttemptBook
) -> None:
    """Prefect has the first, its confirmation was lost, and it drops the repetition with whatever is new in it."""
    attempt = await incoming.campaign.placed(book)
    await incoming.receive(report(analysis=None))
    (first,) = await reported(incoming.database)
    await incoming.read(listed(analysis_result={"appointment_booked": False}))
    async with incoming.database.write() as db:
        await db.execute(update(attempts).where(attempts.c.id == attempt.id).values(outcome="voicemail"))
    for _ in range(2):
        async with incoming.database.write() as db:
            await db.execute(update(outbox).values(claimed_until=0.0))
        again, *amended = await reported(incoming.database)
        assert (again.id, dict(again.labels)) == (first.id, dict(first.labels))
        labels = {name: text for notice in amended for name, text in notice.labels.items()}
        assert labels == {
            "flireo.lead": "1",
            "flireo.outcome": "voicemail",
            "flireo.analysis.appointment_booked": "false",
        }


async def test_an_outcome_that_changed_is_a_label_of_the_amendment(
    incoming: Incoming, book: AttemptBook
) -> None:
    attempt = await incoming.campaign.placed(book)
    await incoming.receive(report())
    assert (await reported(incoming.database))[0].labels["flireo.outcome"] == "answered"
    async with incoming.database.write() as db:
        await db.execute(update(attempts).where(attempts.c.id == attempt.id).values(outcome="voicemail"))
    (amended,) = await reported(incoming.database)
    assert dict(amended.labels) == {"flireo.lead": "1", "flireo.outcome": "voicemail"}


async def test_a_later_report_adds_answers_to_an_analysis_and_changes_none(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report(analysis={"interest": "high"}))
    await incoming.receive(report(analysis={"interest": "low", "budget": 10}))
    assert (await incoming.result()).analysis == {"interest": "high", "budget": 10}
    await incoming.read(listed(analysis_result={"interest": "none"}))
    assert (await incoming.result()).analysis == {"interest": "high", "budget": 10}


async def test_nothing_that_is_reported_holds_a_number_or_a_secret(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book, call_id=f"call-_{ANNA}_abc")
    analysis = {"call_back": f"at {BEN}", "api_key": "fl_live_abcdef", BEN: 1, "number": int(ANNA[1:])}
    await incoming.receive(report(f"call-_{ANNA}_abc", analysis=analysis, summary=f"Ring {ANNA}"))
    (notice,) = await reported(incoming.database)
    text = json.dumps([dict(notice.payload), dict(notice.labels), notice.resource, notice.campaign])
    assert not [private for private in (ANNA, ANNA[1:], BEN, BEN[1:], "abcdef") if private in text]


async def test_a_campaign_that_is_named_by_a_number_is_reported_masked_and_is_found_by_what_is_reported(
    incoming: Incoming,
) -> None:
    database = incoming.database
    for name in (f"{ANNA} again", f"{ANNA} at noon", "spring 2026-03-01"):
        async with database.write() as db:
            await db.execute(insert(campaigns).values(name=name, state="open"))
        await CampaignControl(database.campaign(name)).pause("")
    shown = {notice.campaign: notice for notice in await reported(database)}
    masked = [name for name in shown if "*" in name]
    assert len(shown) == 3 and len(masked) == 2 and "spring 2026-03-01" in shown
    for name, notice in shown.items():
        assert notice.resource == f"flireo.campaign.{name}" and notice.payload["campaign"] == name
        assert ANNA[1:] not in json.dumps([notice.resource, dict(notice.payload)])
    assert {await find_campaign(database, name) for name in masked} == {f"{ANNA} again", f"{ANNA} at noon"}
    for name in (f"{ANNA} again", "+44********01 again"):  # its own name may be a number, and so may others
        await refuse_shown_name(database, name)
    with pytest.raises(DeclinedError, match="by its own name"):
        await refuse_shown_name(database, masked[0])
    with pytest.raises(DeclinedError) as unknown:
        await find_campaign(database, f"{ANNA} tomorrow")
    assert ANNA[1:] not in str(unknown.value)


async def test_a_lead_that_a_person_has_to_look_at_is_reported(incoming: Incoming, book: AttemptBook) -> None:
    attempt = await incoming.campaign.lost(book)
    await incoming.campaign.unknown.review(attempt, Reason.SEVERAL_CALLS, "2")
    (notice,) = await reported(incoming.database)
    lead = await incoming.campaign.lead()
    assert (notice.event, notice.resource) == ("flireo.call.needs-review", f"flireo.lead.{lead.id}")
    assert notice.payload["reason"] == "2 calls in the list could be this one"
    assert notice.payload["number"] == "+44********01"


async def test_what_a_person_does_with_a_campaign_is_reported_each_time(database: Database) -> None:
    campaign = Incoming(database).campaign
    await campaign.take_in(person())
    steering = CampaignControl(database.campaign(campaign.name))
    await steering.pause("too many wrong numbers")
    await steering.pause("too many wrong numbers")
    await steering.resume()
    await steering.pause("again")
    await steering.cancel("over")
    notices = await reported(database)
    assert [notice.event.rpartition(".")[2] for notice in notices] == [
        "paused",
        "resumed",
        "paused",
        "cancelled",
    ]
    assert notices[0].payload["reason"] == "too many wrong numbers"
    assert notices[0].payload["leads"] == {"skipped": 1}  # as it is when it is reported
    assert len({notice.id for notice in notices}) == 4


async def test_what_no_one_can_read_is_reported(incoming: Incoming) -> None:
    await incoming.store(b"no json")
    (notice,) = await reported(incoming.database)
    assert notice.event == "flireo.inbox.dead-letter"
    assert notice.payload["reason"] == "the body is not JSON (JSONDecodeError)"


async def test_what_is_rolled_back_is_not_reported(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    with pytest.raises(ZeroDivisionError):
        async with incoming.database.write() as db:
            await db.execute(update(leads).values(state=LeadState.REVIEW))
            raise ZeroDivisionError
    assert await events(incoming.database) == []


async def test_a_notice_is_sent_by_one_of_two_senders_and_again_only_if_it_did_not_arrive(
    incoming: Incoming,
) -> None:
    await incoming.store(b"1", b"2", b"3")
    box = Outbox(incoming.database)
    first = await box.claim(2)
    second = await box.claim(2)
    assert [len(first), len(second), len(await box.claim(2))] == [2, 1, 0]
    await box.sent([it.id for it in first])
    await box.give_back([it.id for it in second])
    (again,) = await box.claim(9)
    assert again.id == second[0].id and await box.unsent() == 1
    # A sender that was killed: after a while another person sends it, under the same id.
    async with incoming.database.write() as db:
        await db.execute(update(outbox).values(claimed_until=outbox.c.claimed_until - CLAIM_SECONDS))
    (repeated,) = await box.claim(9)
    before, after = await read_notices(incoming.database, [again, repeated])
    assert before.id == after.id


async def test_what_could_not_be_reported_for_a_week_is_not_reported_any_more(incoming: Incoming) -> None:
    await incoming.store(b"1")
    async with incoming.database.write() as db:
        await post(db, incoming.database, LedgerEvent.CAMPAIGN_FINISHED, "spring:7", campaign="spring")
        await db.execute(update(outbox).values(occurred_at=outbox.c.occurred_at - KEPT_SECONDS - 1))
    box = Outbox(incoming.database)
    assert (await box.claim(9), await box.unsent()) == ([], 0)
    assert await box.prune() == 1
    async with incoming.database.write() as db:  # what was said once is known for ever
        assert not await post(
            db, incoming.database, LedgerEvent.CAMPAIGN_FINISHED, "spring:7", campaign="spring"
        )
        assert [row.event for row in await db.execute(select(outbox.c.event))] == ["flireo.campaign.finished"]


async def test_an_answer_is_reported_once_also_where_its_call_is_amended_years_later(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report(analysis={"appointment_booked": False}))
    await reported(incoming.database)
    box = Outbox(incoming.database)
    for year in ("first", "second"):
        await wait(incoming, 365 * 86_400)
        assert await box.prune() == 0
        await incoming.receive(report(analysis={"appointment_booked": False, f"{year}_year": "good"}))
        (amended,) = await reported(incoming.database)
        assert dict(amended.labels) == {"flireo.lead": "1", f"flireo.analysis.{year}_year": "good"}


async def test_of_a_person_who_was_forgotten_no_label_is_kept(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report())
    await reported(incoming.database)
    await forget(incoming.database, ANNA)
    await wait(incoming, KEPT_SECONDS)
    assert await Outbox(incoming.database).prune() == 1
    async with incoming.database.read() as db:
        assert (await db.execute(select(outbox))).all() == []


async def wait(incoming: Incoming, seconds: float) -> None:
    """Let all that came in and was reported have come so much earlier."""
    async with incoming.database.write() as db:
        await db.execute(update(inbox).values(received_at=inbox.c.received_at - seconds))
        await db.execute(update(outbox).values(occurred_at=outbox.c.occurred_at - seconds))


async def test_reports_that_no_one_reads_are_reported_once_and_again_when_more_came(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.store(report())
    assert not await post_reports_waiting(incoming.database)  # a run may be about to read it
    await wait(incoming, WAITED_SECONDS)
    assert [await post_reports_waiting(incoming.database) for _ in range(2)] == [True, False]
    await wait(incoming, DISTANCE_SECONDS)
    assert not await post_reports_waiting(incoming.database)  # nothing new
    await incoming.store(status_update("ended"))
    await wait(incoming, WAITED_SECONDS)
    assert await post_reports_waiting(incoming.database)
    assert await events(incoming.database) == ["flireo.reports.waiting"] * 2
    await incoming.apply()
    await incoming.store(status_update("ended", endReason="user_hangup"))
    await incoming.apply()
    await wait(incoming, DISTANCE_SECONDS)
    assert not await post_reports_waiting(incoming.database)  # all are read


async def test_a_report_of_a_person_who_called_in_calls_no_collector(incoming: Incoming) -> None:
    await incoming.store(report("call-9", BEN, call_type="inboundPhoneCall"))
    await wait(incoming, WAITED_SECONDS)
    assert not await post_reports_waiting(incoming.database)


async def test_of_a_person_who_was_forgotten_nothing_is_reported(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report())
    await forget(incoming.database, ANNA)
    (notice,) = await reported(incoming.database)
    assert (notice.payload["number"], notice.payload["analysis"]) == ("", {})


async def test_a_large_analysis_is_left_out_and_that_is_reported(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report(analysis={f"key{n}": "x" * 200 for n in range(500)}))
    (notice,) = await reported(incoming.database)
    assert (notice.payload["analysis"], notice.payload["analysis_omitted"]) == ({}, True)
    assert len(json.dumps([dict(notice.payload), dict(notice.labels)])) < 20_000


@pytest.mark.parametrize("levels", [60, 480, 900])
async def test_an_analysis_that_is_too_deep_is_left_out_and_stops_no_other_notice(
    incoming: Incoming, book: AttemptBook, levels: int
) -> None:
    await incoming.campaign.placed(book)
    told_in_it = b'{"interest": "high", "deep": ' + b'{"a":' * levels + b"1" + b"}" * (levels + 1)
    await incoming.receive(report(analysis=0).replace(b'"analysis": 0', b'"analysis": ' + told_in_it))
    await incoming.store(b"not to be read")
    ended, letter = await reported(incoming.database)
    assert (ended.payload["analysis"], ended.payload["analysis_omitted"]) == ({}, True)
    assert (ended.payload["outcome"], ended.labels["flireo.analysis.interest"]) == ("answered", "high")
    assert letter.event == "flireo.inbox.dead-letter"


async def test_a_notice_that_cannot_be_read_is_reported_without_details_and_stops_no_other(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report())
    await incoming.store(b"not to be read")
    async with incoming.database.write() as db:
        await db.execute(update(attempts).values(analysis="{"))
    told_now = await reported(incoming.database)
    assert [notice.event for notice in told_now] == [
        "flireo.call.ended", "flireo.inbox.dead-letter", "flireo.call.amended",
    ]  # fmt: skip
    ended = told_now[0]
    assert (ended.resource, dict(ended.labels)) == (
        "flireo.call.call-1", {"flireo.outcome": "answered", "flireo.lead": "1"},
    )  # fmt: skip
    assert ended.payload == {"campaign": "campaign", "lead_id": 1, "details_omitted": True}
