"""Intents: decide about the next leads, write each decision down, and commit an attempt before its request goes out.

It is one transaction: what it counted stays true until it ends, and what is not committed is not sent.

Step 1 of 5 of the protocol by which no one is called twice (docs/never-twice.md).
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.database import Database
from flireo_flows.ledger.lead_queue import Due, Place, due_in
from flireo_flows.ledger.leads import stored
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.lifecycle.states import AttemptState, LeadState, Reason
from flireo_flows.policy import Allow, CallingPolicy, Deny, Rule, Verdict, calls_left, decide
from flireo_flows.script import CallChoice, ComposeError, Composer, LeadFacts

SKIP: Final = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(state=LeadState.SKIPPED, reason=bindparam("why"))
)
REVIEW: Final = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(state=LeadState.REVIEW, reason=Reason.NO_SHARED_HOURS)
)
PUT_OFF: Final = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(not_before=bindparam("until_then"), reason=bindparam("why"))
)

# In words: a statement of the dialects' own would be compiled each time.
WRITE: Final = text("""
    INSERT INTO flireo_decisions
        (campaign, phone, lead_id, number, allowed, rule, until, inputs, policy, first_at, last_at, times)
    VALUES (:campaign, :phone, :lead_id, :number, :allowed, :rule, :until, :inputs, :policy, :now, :now, 1)
    ON CONFLICT (lead_id, rule, policy) WHERE NOT allowed DO UPDATE SET
        times = flireo_decisions.times + 1, last_at = excluded.last_at, until = excluded.until,
        inputs = excluded.inputs
""")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one lead.

    Attributes:
        row: The lead as the ledger has it.
        number: Of the attempt that was begun; None for a denial.
    """

    row: Row[Any]
    verdict: Verdict
    number: int | None = None


async def write_decisions(db: AsyncConnection, decided: Sequence[Decision], version: str, now: float) -> None:
    """Write decisions down, and put off or skip the leads that were denied. The same denial again only counts.

    Args:
        db: A transaction that writes to their campaign.
        decided: In the order of deciding.
        version: Of the policy that decided (`CallingPolicy.version`).
        now: When, Unix seconds.
    """
    if not decided:
        return
    denied = [(it.row.id, it.verdict) for it in decided if isinstance(it.verdict, Deny)]
    review = [{"lead": lead} for lead, it in denied if it.needs_review]
    never = [
        {"lead": lead, "why": str(it.reason)}
        for lead, it in denied
        if it.until is None and not it.needs_review
    ]
    later = [
        {"lead": lead, "why": str(it.reason), "until_then": it.until.timestamp()}
        for lead, it in denied
        if it.until is not None
    ]
    for statement, rows in ((REVIEW, review), (SKIP, never), (PUT_OFF, later)):
        if rows:
            await db.execute(statement, rows)
    await db.execute(WRITE, [_decision_row(it, version, now) for it in decided])


def _decision_row(decision: Decision, version: str, now: float) -> dict[str, object]:
    verdict = decision.verdict
    denial = verdict if isinstance(verdict, Deny) else None
    return {
        "campaign": decision.row.campaign,
        "phone": decision.row.phone,
        "lead_id": decision.row.id,
        "number": decision.number,
        "allowed": denial is None,
        "rule": str(denial.reason) if denial else "",
        "until": denial.until.timestamp() if denial and denial.until else None,
        "inputs": json.dumps(dict(verdict.inputs), ensure_ascii=True, default=str),
        "policy": version,
        "now": now,
    }


FRESH_SECONDS: Final = 5.0  # an attempt decided longer ago is not sent any more: it must be decided again
FRESH: Final = timedelta(seconds=FRESH_SECONDS)
# When a number is asked about again that another campaign just began to call.
SOON: Final = timedelta(seconds=5)
FRESH_CALL_SECONDS: Final = 600.0  # one that goes on longer may last, or no process collects its end
LATER: Final = timedelta(minutes=15)

# Made once: making a statement costs as much as running it.
_MADE: Final = (attempts.c.id, attempts.c.reference)
_MAKE_SQLITE: Final = insert(attempts).prefix_with("OR IGNORE").returning(*_MADE)
_MAKE_POSTGRESQL: Final = insert_postgresql(attempts).on_conflict_do_nothing().returning(*_MADE)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to call a lead, as the ledger has it.

    Attributes:
        began_at: When it was committed, Unix seconds of the ledger's clock.
        facts: The lead, for the words of its call; only its number where the attempt was read back.
        choice: Which agent calls, from which number.
        reference: Its own id outside the ledger, sent along where a request has room for it.
    """

    id: int
    lead_id: int
    campaign: str
    phone: str
    number: int
    state: AttemptState
    began_at: float
    facts: LeadFacts
    choice: CallChoice
    reference: str = ""
    call_id: str | None = None
    lost_at: float | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """What one look at the next leads came to.

    Attributes:
        attempts: Begun, to be sent at once.
        decided: Leads about which was decided.
        held: What held the whole campaign back; None if nothing did.
        has_lapsed: Whether nothing was begun because the runner's lease has run out, or nearly.
    """

    attempts: list[Attempt] = field(default_factory=list)
    decided: int = 0
    held: Deny | None = None
    has_lapsed: bool = False


async def begin_in(
    db: AsyncConnection,
    database: Database,
    place: Place,
    composer: Composer | None,
    policy: CallingPolicy,
    most: int,
    scan: int,
) -> Begun:
    """Decide about the next leads and begin attempts; see `AttemptBook.begin`.

    Args:
        db: A transaction of `Database.write(place.campaign)`.
    """
    now = database.now()
    moment = datetime.fromtimestamp(now, UTC)
    footing, asked = await due_in(db, database, place, policy, max(scan, most), now)
    room = min(most, calls_left(policy, footing.history))
    if asked and policy.calls_per_minute:
        room = min(room, await _left_of_pace(db, place.campaign, policy.calls_per_minute, now))
    wishes: list[_Wish] = []
    decisions: list[Decision] = []
    for due in asked:
        if len(wishes) >= room:
            break
        verdict = decide(due.lead, moment, policy, due.history, within=FRESH)
        if isinstance(verdict, Deny):
            decisions.append(Decision(due.row, _patient(verdict, due, moment)))
        elif wish := await _choose(db, composer, due, verdict):
            wishes.append(wish)
    begun = await _commit(db, database, place, wishes, now, keeps_choice=composer is not None)
    for wish in wishes:
        number = wish.number if wish.reference in begun else None
        # Another campaign was faster by a moment, unseen by this transaction.
        verdict = wish.verdict if number else Deny(Rule.ALREADY_RINGING, moment + SOON, wish.verdict.inputs)
        decisions.append(Decision(wish.due.row, verdict, number))
    await write_decisions(db, decisions, policy.version, now)
    return Begun(list(begun.values()), len(decisions), footing.held, footing.has_lapsed)


async def _left_of_pace(db: AsyncConnection, campaign: str, calls_per_minute: float, now: float) -> int:
    """How many calls the pace leaves now, all runners of the campaign together; each spreads its own."""
    calls = max(1, int(calls_per_minute))
    since = now - calls * 60.0 / calls_per_minute
    recent = select(func.count(attempts.c.id)).where(
        attempts.c.campaign == campaign,
        attempts.c.began_at > since,
        attempts.c.state != AttemptState.NOT_PLACED,
    )
    return max(0, calls - int((await db.execute(recent)).scalar_one()))


async def _choose(db: AsyncConnection, composer: Composer | None, due: Due, verdict: Allow) -> "_Wish | None":
    """Which agent calls a lead. None, and it is put up for review, if none can."""
    row = due.row
    facts = LeadFacts(
        row.destination or row.phone,
        row.name,
        json.loads(row.columns),
        due.wishes,
        row.number_id,
        row.variant,
    )
    try:
        choice = composer.choose(facts) if composer else CallChoice()
    except ComposeError as error:
        for_review = {"state": LeadState.REVIEW, "reason": Reason.NOT_SENT, "detail": stored(str(error))}
        await db.execute(update(leads).where(leads.c.id == row.id).values(for_review))
        return None
    return _Wish(due, verdict, facts, choice, uuid.uuid4().hex)


async def _commit(
    db: AsyncConnection,
    database: Database,
    place: Place,
    wishes: "Sequence[_Wish]",
    now: float,
    *,
    keeps_choice: bool,
) -> dict[str, Attempt]:
    """Write attempts, by their reference; not those at a number that was begun elsewhere meanwhile."""
    if not wishes:
        return {}
    # By number: two campaigns that insert in another order would wait for each other for ever.
    rows = [_row(wish, place, now) for wish in sorted(wishes, key=lambda wish: wish.facts.phone)]
    made = _MAKE_SQLITE if database.is_sqlite else _MAKE_POSTGRESQL
    ids = {reference: id_ for id_, reference in (await db.execute(made, rows)).all()}
    begun = [wish for wish in wishes if wish.reference in ids]
    kept: dict[tuple[str, str], list[int]] = {}
    for wish in begun:
        kept.setdefault((wish.choice.number_id, wish.choice.variant), []).append(wish.due.row.id)
    for (number_id, variant), lead_ids in kept.items():
        calling = {
            "state": LeadState.CALLING,
            "reason": Reason.NONE,
            "detail": "",
            "tries": leads.c.tries + 1,
        }
        chosen = {"number_id": number_id, "variant": variant} if keeps_choice else {}
        await db.execute(update(leads).where(leads.c.id.in_(lead_ids)).values({**calling, **chosen}))
    return {wish.reference: wish.attempt(ids[wish.reference], now) for wish in begun}


def _row(wish: "_Wish", place: Place, now: float) -> dict[str, object]:
    return {
        "lead_id": wish.due.row.id,
        "campaign": place.campaign,
        "phone": wish.facts.phone,
        "number": wish.number,
        "state": AttemptState.SENDING,
        "runner": place.runner,
        "run": place.run,
        "began_at": now,
        "reference": wish.reference,
        "agent_id": wish.choice.agent_id,
        "number_id": wish.choice.number_id,
        "variant": wish.choice.variant,
    }


@dataclass(frozen=True, slots=True)
class _Wish:
    """A lead that may be called, and how."""

    due: Due
    verdict: Allow
    facts: LeadFacts
    choice: CallChoice
    reference: str

    @property
    def number(self) -> int:
        return int(self.due.row.tries) + 1

    def attempt(self, id_: int, now: float) -> Attempt:
        row = self.due.row
        state, choice = AttemptState.SENDING, self.choice
        return Attempt(
            id_, row.id, row.campaign, row.phone, self.number, state, now, self.facts, choice, self.reference
        )


def _patient(denial: Deny, due: Due, now: datetime) -> Deny:
    """A number whose call goes on for long is asked about again later: perhaps no process collects its end."""
    if denial.reason is not Rule.ALREADY_RINGING or denial.until is None or due.row.ringing_since is None:
        return denial
    if now.timestamp() - due.row.ringing_since < FRESH_CALL_SECONDS:
        return denial
    return replace(denial, until=max(denial.until, now + LATER))
