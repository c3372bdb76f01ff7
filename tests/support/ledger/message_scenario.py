"""A campaign with a call, a refusal, a retry, an opt-out, a review, dead letters, a breaker and a plan, as data."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from flireo_flows.api.client import AsyncFlireoClient, Timeouts
from flireo_flows.calling.circuit_breaker import CircuitBreaker
from flireo_flows.calling.dialer import Dialer
from flireo_flows.cli.why import explain_lead
from flireo_flows.leads.lead import Consent, Wishes
from flireo_flows.ledger import Answer, Database, Inbox, Views
from flireo_flows.ledger.audit import audit_lead
from flireo_flows.ledger.call_reports import CallReports
from flireo_flows.ledger.campaigns import CampaignControl
from flireo_flows.ledger.dead_letters import listed as letters_of
from flireo_flows.ledger.eligibility import denied_numbers, late_denial
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.notices import read_notices
from flireo_flows.ledger.outbox import Outbox
from flireo_flows.ledger.outcome_backfill import apply_current_rules
from flireo_flows.ledger.past import read_past
from flireo_flows.ledger.schema import attempts, decisions, inbox, leads, outbox, suppressions
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.lifecycle.states import AttemptEvent, Reason
from flireo_flows.policy import CallingPolicy
from tests.support.calling.bad_line import bad_line
from tests.support.calling.campaign import CALLER, Campaign, people
from tests.support.calling.incoming import ANALYSED, report, status_update
from tests.support.calling.plans import lead_of, plan, wanted
from tests.support.faulty.server import Act, answer, silent

RULES: dict[str, Any] = {
    "calling_hours": None,
    "max_concurrent_calls": 200,
    "max_attempts": 3,
    "retry_delay_seconds": 0,
    "retry_outcomes": ["no_answer", "busy", "answered"],
    "do_not_call_keys": [{"key": "no_calls", "equals": "yes"}],
    "breaker": {"fewest_calls": 2, "failure_share": 0.4},
}
POLICY = CallingPolicy.model_validate(RULES)
CROWD = people(20)
PHONES = [lead.phone for lead in CROWD]
# What the calls report that were placed, in turn.
REPORTED: list[dict[str, Any]] = [
    {"analysis": {"no_calls": "yes"}},
    {"analysis": {"no_calls": "perhaps later"}},
    {"status": "no-answer", "summary": "", "messages": [], "analysis": None, "durationSeconds": None},
    {"analysis": {"no_calls": "no"}},
]
DECIDED = (
    (leads, "campaign line state reason outcome attempts tries unplaced"),
    (attempts, "campaign number state reason status called_after_all outcome id_source complete"),
    (inbox, "state reason"),
    (decisions, "campaign allowed rule times"),
    (suppressions, "source campaign"),
    (outbox, "event campaign"),
)


@dataclass
class Played:
    """What a campaign came to: what was decided, and the words that were made of it."""

    database: Database
    data: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def campaign(self, name: str, base_url: str = "http://127.0.0.1:1/api/v1") -> Campaign:
        """One of the campaigns; by itself it reaches no one."""
        return Campaign(self.database, base_url, name, POLICY, timeouts=Timeouts(call=0.4))


def play(url: str) -> str:
    """All of it, as JSON."""

    async def run() -> str:
        async with await Database.open(url) as database:
            it = Played(database)
            for step in (dial, pause, receive, reconcile, wear_out, deny, learn):
                await step(it)
            await foresee(it, url)
            for read in (explain, read_figures, read_rows):
                await read(it)
        return json.dumps({"data": it.data, "words": it.words}, default=str)

    return asyncio.run(run())


def refused(status: int) -> Act:
    """A documented refusal."""
    return answer(status, {"error": {"code": "odd", "message": "Not this one."}})


async def dial(it: Played) -> None:
    """Every kind of answer; a request that came too late, one that was held back; and the breaker trips."""
    acts = [refused(400), refused(422), silent(), answer(500), refused(409), answer(429), None]
    with bad_line(*acts) as line:
        campaign = it.campaign("campaign", line.url)
        await campaign.take_in(*CROWD)
        book = await campaign.runner()
        async with AsyncFlireoClient(campaign.account) as client:
            dialer = Dialer(client, it.database, CALLER)
            begun = (await book.begin(campaign.batch, POLICY, 12, 12)).attempts
            late = replace(begun[10], began_at=begun[10].began_at - 60)
            for attempt in (*begun[:10], late):
                await campaign.record(book, await dialer.dial(attempt))
            dialer.held_by = "someone paused it"
            await campaign.record(book, await dialer.dial(begun[11]))
            brakes = CircuitBreaker(client, it.database.campaign("campaign"), POLICY)
            await brakes.look()
    standing = brakes.standing
    it.data["breaker"] = (standing.state, standing.changed_by, len(brakes.last_failures), dialer.stopped_by)
    it.words += [brakes.held_by, *brakes.last_failures]
    unreached = it.campaign("unreached")
    await unreached.take_in(*people(2, 500))
    book = await unreached.runner()
    async with AsyncFlireoClient(unreached.account) as client:
        dialer = Dialer(client, it.database, CALLER)
        for attempt in await unreached.begin(book):
            await unreached.record(book, await dialer.dial(attempt))


async def pause(it: Played) -> None:
    """One more reason to pause it is added once."""
    control = CampaignControl(it.database.campaign("campaign"))
    again = await control.pause("lunch", "person")
    assert await control.pause("lunch", "person") == again
    it.data["paused"] = (again.state, again.changed_by, len(await control.history()))
    it.words.append(again.in_words)
    await control.resume("person")


async def receive(it: Played) -> None:
    """Reports of every kind, and what is none."""
    box, rows = Inbox(it.database), await it.campaign("campaign").attempts()
    placed = [row for row in rows if row.state == "placed"]
    for row, reported in zip(placed, REPORTED, strict=True):
        await box.store(report(row.call_id, row.phone, **reported))
    await box.store(report("no-one's", PHONES[19], call_type="inboundPhoneCall"))
    await box.store(report(placed[0].call_id, PHONES[18], summary="Another one."))
    await box.store(b"no JSON")
    await box.store(b'{"message": {"type": "odd-event", "call": {"id": "x"}}}')
    await box.store(status_update("ended", call_id="of-no-one"))
    it.data["applied"] = await box.apply("campaign", POLICY, ANALYSED)


async def reconcile(it: Played) -> None:
    """Unknown attempts: one proves not placed and was, two need review; and a call that never ends."""
    campaign, box = it.campaign("campaign"), Inbox(it.database)
    book = await campaign.runner()
    absent, several, silent_ = await campaign.unknown.all()
    await campaign.prove_absent(book, absent)
    await box.store(report("after-all", absent.phone), absent.reference)
    it.data["applied again"] = await box.apply("campaign", POLICY, ANALYSED)
    await campaign.unknown.review(several, Reason.SEVERAL_CALLS, "2")
    await campaign.unknown.review(silent_, Reason.LIST_CANNOT_TELL)
    endless = it.campaign("endless")
    attempt = await endless.placed(await endless.runner(), "call-endless", "+447700900650")
    for _ in range(2):
        await CallReports(it.database.campaign("endless"), POLICY).close(
            attempt.id, Reason.CALL_WITHOUT_END, "ringing"
        )


async def wear_out(it: Played) -> None:
    """A lead whose request vanishes each time."""
    campaign = it.campaign("worn out")
    await campaign.take_in(*people(1, 600))
    book = await campaign.runner()
    for _ in range(5):
        (attempt,) = await campaign.begin(book)
        await campaign.record(book, Answer(attempt, AttemptEvent.LOST))
        await campaign.prove_absent(book, attempt)


async def deny(it: Played) -> None:
    """A lead that left the file, one that said no in time, and who may not be called at all."""
    campaign = it.campaign("gone")
    await campaign.take_in(*people(3, 700))
    await campaign.take_in(*people(2, 700))
    (attempt, *_) = await campaign.begin(await campaign.runner())
    may = await late_denial(it.database, attempt)
    await Suppressions(it.database).suppress([attempt.phone], "asked for it")
    may_not = await late_denial(it.database, attempt)
    denied = await denied_numbers(it.database, [*PHONES, attempt.phone])
    it.data["denied"] = (bool(may), bool(may_not), sorted(denied))
    it.words += [may_not, *denied.values()]


async def learn(it: Played) -> None:
    """A person settles an unclear answer, another one is erased, and the rules are others."""
    unclear = [each for each in await Suppressions(it.database).listed() if each.source == "unclear"]
    it.data["unclear"] = [each.campaign for each in unclear]
    (lead,) = [
        row for row in (await it.campaign("campaign").leads()).values() if row.reason == "unclear_answer"
    ]
    await Suppressions(it.database).lift(lead.phone)
    await forget(it.database, PHONES[15])
    it.data["rederived"] = [
        await apply_current_rules(it.database.campaign("campaign"), POLICY) for _ in range(2)
    ]


async def foresee(it: Played, url: str) -> None:
    """What a next run would do."""
    rows = [lead_of(phone, "A", line + 2) for line, phone in enumerate(PHONES)]
    rows.append(lead_of("+447700900801", "B", 90, wishes=Wishes(consent=Consent(given=False))))
    rows.append(lead_of("+447700900802", "C", 91, zones=()))
    past = await read_past(url, "campaign", PHONES, POLICY)
    made = plan(*rows, asked=wanted(policy=POLICY), past=past)
    it.data["plan"] = ([each.line for each in made.calls], [(each.line, each.rule) for each in made.skipped])
    it.words += [each.words for each in made.skipped]


async def explain(it: Played) -> None:
    """`why`, of every lead."""
    reported = [
        list(explain_lead(await audit_lead(it.database, phone, "campaign"), "it")) for phone in PHONES
    ]
    it.data["why"] = [len(lines) for lines in reported]
    it.words += [line for lines in reported for line in lines]


async def read_figures(it: Played) -> None:
    """`status`, the inbox and the events."""
    for name in ("campaign", "unreached", "endless", "worn out", "gone"):
        found = await Views(it.database).status(name)
        counts = (found.leads, found.states, found.outcomes, found.attempts, sorted(found.reasons.values()))
        it.data[name] = counts
        it.words += found.reasons
    it.words += [each.reason for each in await letters_of(it.database, None, 100)]
    notices = await read_notices(it.database, await Outbox(it.database).claim(500))
    it.data["notices"] = sorted(f"{each.event} {each.lead_id}" for each in notices)
    it.words += [str(each.payload.get("reason", "")) for each in notices]


async def read_rows(it: Played) -> None:
    """What stands in the tables that decide."""
    async with it.database.read() as db:
        for table, names in DECIDED:
            found = await db.execute(select(*(table.c[name] for name in names.split())))
            it.data[table.name] = sorted(map(str, found.all()))
