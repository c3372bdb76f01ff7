"""Attempts: committed before the request goes out, moved only by the table in `states`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.database import CampaignLedger, from_row
from flireo_flows.ledger.intents import Attempt, Begun, begin_in
from flireo_flows.ledger.lead_queue import Place
from flireo_flows.ledger.leads import stored
from flireo_flows.ledger.leases import is_alive
from flireo_flows.ledger.schema import attempts, leads, runners
from flireo_flows.lifecycle.absence import NO_EVIDENCE
from flireo_flows.lifecycle.states import (
    MOST_UNPLACED,
    OPEN,
    AttemptEvent,
    AttemptState,
    IdSource,
    LeadState,
    Reason,
    sources,
    target,
)
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import CallChoice, Composer, LeadFacts


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt's one request.

    Attributes:
        event: `ACCEPTED`, `REFUSED` or `LOST`.
        call_id: With `ACCEPTED`.
        reason: With the others.
        detail: Words of others that belong to the reason, without a number.
        status: HTTP status, where there was an answer.
        lead: What becomes of the lead when no call was placed.
        not_before: When a waiting lead may be asked about again, Unix seconds.
    """

    attempt: Attempt
    event: AttemptEvent
    call_id: str = ""
    reason: Reason = Reason.NONE
    detail: str = ""
    status: int | None = None
    lead: LeadState = LeadState.WAITING
    not_before: float = 0.0


class AttemptBook:
    """The attempts of one campaign, as one runner writes them.

    Attributes:
        runner: Id of the runner, whose lease is looked at before anything is begun.
        composer: Chooses agent and number of each attempt; None leaves them empty.
        run: Whose calls are counted for the policy's caps per run; empty for the runner's own.
    """

    def __init__(
        self, campaign: CampaignLedger, runner: str, composer: Composer | None = None, run: str = ""
    ) -> None:
        self._database, self.campaign, self.runner = campaign.database, campaign.name, runner
        self.composer, self.run = composer, run

    async def begin(
        self, batch: str, policy: CallingPolicy, most: int, scan: int = 0, answers: Sequence[Answer] = ()
    ) -> Begun:
        """Commit the intent to call the next leads, before their requests go out; and what came of earlier ones.

        Every lead is decided about in the same transaction that begins its attempt, and so is whether this
        runner may still begin any: one whose lease ran out begins nothing until it has renewed it.

        Args:
            batch: Only leads of this file.
            policy: The rules to decide by.
            most: Attempts to begin at most.
            scan: Leads to look at, if more than `most`: for when many may not be called now.
            answers: What came of earlier requests, in the same transaction: it costs the same for both.
        """
        place = Place(self.campaign, batch, self.runner, self.run or self.runner)
        async with self._database.write(self.campaign) as db:
            await self._record_in(db, answers)
            return await begin_in(db, self._database, place, self.composer, policy, most, scan)

    async def record(self, answers: Sequence[Answer]) -> None:
        """Write what came of requests."""
        async with self._database.write(self.campaign) as db:
            await self._record_in(db, answers)

    async def _record_in(self, db: AsyncConnection, answers: Sequence[Answer]) -> None:
        await self._record_accepted(db, [it for it in answers if it.event is AttemptEvent.ACCEPTED])
        for answer in answers:
            if answer.event is not AttemptEvent.ACCEPTED:
                await self._record(db, answer)

    async def orphaned(self) -> int:
        """Attempts that a dead runner was sending are unknown from now on. Returns how many there were."""
        alive = select(runners.c.id).where(is_alive(self._database.now()))
        lost = (
            update(attempts)
            .where(
                attempts.c.campaign == self.campaign,
                attempts.c.state.in_(sources(AttemptEvent.LOST)),
                attempts.c.runner.not_in(alive),
            )
            .values(state=target(AttemptEvent.LOST), reason=Reason.RUNNER_LOST, lost_at=self._database.now())
        )
        async with self._database.write(self.campaign) as db:
            return int((await db.execute(lost)).rowcount)

    async def _record_accepted(self, db: AsyncConnection, answers: Sequence[Answer]) -> None:
        """The common case, in one statement: a faster hand that was there first makes it do nothing."""
        if not answers:
            return
        called = [{"attempt": answer.attempt.id, "answered": stored(answer.call_id)} for answer in answers]
        accept = _ACCEPT_SQLITE if self._database.is_sqlite else _ACCEPT_POSTGRESQL
        if (await db.execute(accept, called)).rowcount == len(answers):
            return  # SQLite counts; PostgreSQL's driver does not, of many rows at once
        left = attempts.c.id.in_([answer.attempt.id for answer in answers]) & attempts.c.call_id.is_(None)
        odd = select(attempts.c.id, attempts.c.lead_id, attempts.c.state).where(left)
        for row in (await db.execute(odd)).all():
            await self._record_odd(db, row)

    async def _record_odd(self, db: AsyncConnection, row: Row[Any]) -> None:
        """A call id that its attempt could not take: a call was placed, perhaps, so a person decides what follows."""
        if row.state == AttemptState.NOT_PLACED:
            waiting = and_(leads.c.id == row.lead_id, leads.c.state == LeadState.WAITING)
            review = {"state": LeadState.REVIEW, "reason": Reason.ANSWERED_LATE}
            await db.execute(update(leads).where(waiting).values(review))
        else:  # no sound server gives an id twice
            lost_at = self._database.now()
            await move(db, row.id, AttemptEvent.LOST, reason=Reason.CALL_ID_TAKEN, lost_at=lost_at)

    async def _record(self, db: AsyncConnection, answer: Answer) -> None:
        attempt = answer.attempt
        call_id, detail = stored(answer.call_id) or None, stored(answer.detail)
        why = {"reason": answer.reason, "detail": detail, "status": answer.status}
        given_up = {"lost_at": self._database.now()} if answer.event is AttemptEvent.LOST else {}
        if not await move(db, attempt.id, answer.event, call_id=call_id, **why, **given_up):
            return  # a faster hand was there: the reconciler adopted the call, or its report came in
        if answer.event is AttemptEvent.REFUSED:
            await not_placed_in(db, attempt, answer.lead, answer.reason, detail, answer.not_before)


_ACCEPT: Final = (
    update(attempts)
    .where(
        attempts.c.id == bindparam("attempt"),
        or_(*(attempts.c.state == str(state) for state in sources(AttemptEvent.ACCEPTED))),
    )
    .values(state=target(AttemptEvent.ACCEPTED), call_id=bindparam("answered"), id_source=IdSource.ANSWER)
)
# A call id that another attempt has is left out by both; a refused statement would take the others with it.
_OTHER: Final = attempts.alias()
_ACCEPT_SQLITE: Final = _ACCEPT.prefix_with("OR IGNORE")
_ACCEPT_POSTGRESQL: Final = _ACCEPT.where(
    ~select(_OTHER.c.id).where(_OTHER.c.call_id == bindparam("answered")).exists()
)


async def move(db: AsyncConnection, attempt_id: int, event: AttemptEvent, **values: Any) -> bool:
    """Let an event happen to an attempt. False, and nothing written, where the table has no such move."""
    legal = and_(attempts.c.id == attempt_id, attempts.c.state.in_(sources(event)))
    done = await db.execute(update(attempts).where(legal).values(state=target(event), **values))
    return bool(done.rowcount)


async def has_owner(db: AsyncConnection, call_id: str) -> bool:
    """Whether an attempt has the call of this id."""
    owner = or_(attempts.c.call_id == call_id, attempts.c.report_id == call_id)
    return (await db.execute(select(attempts.c.id).where(owner).limit(1))).first() is not None


# What a report writes to an attempt, and what stands there before any came.
UNREPORTED: Final[dict[str, Any]] = {
    **dict.fromkeys(
        ("channel", "call_status", "end_reason", "error", "outcome", "summary", "report_channel"), ""
    ),
    **dict.fromkeys(("started_at", "ended_at", "duration_seconds", "analysis", "messages", "recording_url")),
    **dict.fromkeys(("reported_at", "analysed_at", "asked_at", "fetched_at", "listed_at")),
    "complete": False,
}


async def release_call_in(db: AsyncConnection, row: Row[Any], now: float) -> bool:
    """The call whose id a placed attempt has is another one: all that came of it is taken back.

    It is not known then whether the attempt's own call was placed; the list of calls will show it.

    Args:
        row: The attempt, as this transaction reads it.
        now: Unix seconds.

    Returns:
        Whether it is unknown from now on. One that ended by such a call stays ended, and its lead needs review.
    """
    if row.report_id is not None:
        return await _keep_reported(db, row, now)
    if row.state == AttemptState.ENDED:
        if row.id_source == IdSource.MISMATCH:
            return False
        ended = {"complete": True, "outcome": "unknown", "id_source": IdSource.MISMATCH}
        taken_back = {**UNREPORTED, **ended, "reason": Reason.MISMATCHED}
        await db.execute(update(attempts).where(attempts.c.id == row.id).values(taken_back))
        review = {"state": LeadState.REVIEW, "reason": Reason.MISMATCHED, "outcome": "unknown"}
        may_move = leads.c.state.in_([LeadState.WAITING, LeadState.DONE])
        await db.execute(update(leads).where(leads.c.id == row.lead_id, may_move).values(review))
        return False
    other = attempts.alias()
    # Where another campaign has begun to call the number meanwhile, there is one call that may be going on already.
    may_be_in_progress = select(other.c.id).where(
        other.c.phone == row.phone,
        other.c.id != row.id,
        other.c.state.in_(OPEN),
        other.c.over_at.is_(None),
    )
    over_at = case((may_be_in_progress.exists(), attempts.c.over_at), else_=None)
    taken_back = {
        **UNREPORTED,
        **asdict(NO_EVIDENCE),
        "call_id": None,
        "id_source": IdSource.NONE,
        "over_at": over_at,
        "reason": Reason.MISMATCHED,
    }
    return await move(db, row.id, AttemptEvent.MISMATCHED, **taken_back, lost_at=now)


async def _keep_reported(db: AsyncConnection, row: Row[Any], now: float) -> bool:
    """An attempt that webhooks know under another id keeps that one, and what came under it."""
    values = {"call_id": None, "id_source": IdSource.WEBHOOK, "lost_at": now}
    if await move(db, row.id, AttemptEvent.MISMATCHED, **values):
        await move(db, row.id, AttemptEvent.FOUND)
        return True
    known = update(attempts).where(attempts.c.id == row.id)
    await db.execute(known.values(id_source=IdSource.MISMATCH))
    return False


def attempt_of(row: Row[Any]) -> Attempt:
    """A row of the attempts table as a value."""
    return from_row(
        Attempt,
        row,
        state=AttemptState(row.state),
        facts=LeadFacts(row.phone),
        choice=CallChoice(row.agent_id, row.number_id, row.variant),
        reference=row.reference or "",
    )


async def not_placed_in(
    db: AsyncConnection,
    attempt: Attempt,
    state: LeadState,
    reason: Reason,
    detail: str = "",
    not_before: float = 0.0,
    counts: int = 0,
) -> None:
    """No call was placed: the attempt is not used, and the lead waits again or is put up for review.

    `counts` is 1 where it may be the lead's own fault, as a request that vanished; never for a rate limit,
    a missing connection or a refused key, which are no one's.
    """
    lead = (leads.c.id == attempt.lead_id) & (leads.c.state == LeadState.CALLING)
    # Who was taken out of the file meanwhile waits for nothing.
    gone = leads.c.reason == Reason.NOT_IN_NEWEST_FILE
    values = {
        "state": state,
        "reason": case((gone, leads.c.reason), else_=reason) if state == LeadState.WAITING else reason,
        "detail": detail,
        "not_before": not_before,
        "unplaced": leads.c.unplaced + counts,
    }
    await db.execute(update(leads).where(lead).values(values))
    worn_out = (
        update(leads)
        .where(leads.c.id == attempt.lead_id, leads.c.unplaced >= MOST_UNPLACED)
        .where(leads.c.state == LeadState.WAITING)
    )
    await db.execute(worn_out.values(state=LeadState.REVIEW))


def to_json(value: object) -> str:
    """JSON as the ledger keeps it: plain ASCII, so that PostgreSQL takes every character."""
    return json.dumps(value, ensure_ascii=True, default=str)
