"""Campaigns as a whole: open, paused until a person resumes them, or cancelled; and how their last calls ended."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import CampaignNameError, clean_given_name, name_key
from flireo_flows.api.redaction import redact
from flireo_flows.ledger.database import CampaignLedger, from_row
from flireo_flows.ledger.messages import attempt_reason
from flireo_flows.ledger.schema import attempts, campaign_changes, campaigns, leads
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.lifecycle.states import AttemptState, CampaignState, LeadState, Reason
from flireo_flows.policy import Rule

# Cancelling is final: its people can rely on not being called any more.
CHANGES: Final[Mapping[CampaignState, frozenset[CampaignState]]] = {
    CampaignState.OPEN: frozenset({CampaignState.PAUSED, CampaignState.CANCELLED}),
    CampaignState.PAUSED: frozenset({CampaignState.OPEN, CampaignState.CANCELLED}),
    CampaignState.CANCELLED: frozenset(),
}
MOST_CHANGES: Final = 50  # shown of a campaign's history
SHOWN_CAMPAIGNS: Final = 20  # named in an error
ABOUT_LEAD: Final = (400, 422)  # statuses
LONGEST_CALL_SECONDS: Final = 7200.0  # a call that ended in the window began at most so long before it
RINGING_SECONDS: Final = 60.0  # a call that goes on for longer was answered


class DeclinedError(Exception):
    """What a person asked of the ledger is not done. Contains what, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands as a whole.

    Attributes:
        reason: Why, in words without a number; empty when it is open.
        changed_by: Who changed it last: `person`, `breaker`, `brake` or `prefect`.
        changed_at: When, Unix seconds of the ledger's clock; 0 when no one ever did.
    """

    state: CampaignState = CampaignState.OPEN
    reason: str = ""
    changed_by: str = ""
    changed_at: float = 0.0

    @property
    def in_words(self) -> str:
        """`paused by person at 2026-03-02 09:12 UTC: too many wrong numbers`."""
        if not self.changed_at:
            return str(self.state)
        did = "open again, resumed" if self.state is CampaignState.OPEN else str(self.state)
        why = f": {self.reason}" if self.reason else ""
        return f"{did} by {self.changed_by} at {datetime.fromtimestamp(self.changed_at, UTC):%Y-%m-%d %H:%M} UTC{why}"


class CampaignControl:
    """Pauses, resumes and cancels one campaign. Running calls go on in any case, and are collected."""

    def __init__(self, campaign: CampaignLedger) -> None:
        self._database, self.campaign = campaign.database, campaign.name

    async def standing(self) -> Standing:
        """How the campaign stands."""
        async with self._database.read() as db:
            return await standing_in(db, self.campaign)

    async def history(self) -> list[Standing]:
        """How it stood after each of its last changes, or further reasons to keep it paused; oldest first."""
        async with self._database.read() as db:
            return await history_in(db, self.campaign)

    async def pause(self, reason: str, by: str = "person") -> Standing:
        """Call no lead until a person resumes it. A paused campaign keeps its first reason and gains this one.

        Args:
            reason: In words.
            by: `person`, `breaker`, `brake` or `prefect`.

        Raises:
            DeclinedError: There is no such campaign, or it is cancelled.
        """
        return await self._change(CampaignState.PAUSED, reason, by)

    async def resume(self, by: str = "person") -> Standing:
        """Let a paused campaign call again; the next run does.

        Raises:
            DeclinedError: There is no such campaign, or it is not paused.
        """
        return await self._change(CampaignState.OPEN, "", by)

    async def cancel(self, reason: str, by: str = "person") -> Standing:
        """Call no lead of it any more: those that wait are skipped. Final; cancelling again changes nothing.

        Raises:
            DeclinedError: There is no such campaign.
        """
        return await self._change(CampaignState.CANCELLED, reason, by)

    async def _change(self, to: CampaignState, reason: str, by: str) -> Standing:
        async with self._database.write(self.campaign) as db:
            await require_campaign(db, self.campaign, self._database.where)
            return await change_in(db, self.campaign, to, reason, by, self._database.now())


async def standing_in(db: AsyncConnection, campaign: str) -> Standing:
    """How a campaign stands; open when no one ever changed it."""
    row = (await db.execute(select(campaigns).where(campaigns.c.name == campaign))).first()
    if row is None:
        return Standing()
    return from_row(Standing, row, state=CampaignState(row.state))


async def history_in(db: AsyncConnection, campaign: str) -> list[Standing]:
    """How a campaign stood after each of its last changes, oldest first."""
    mine = select(campaign_changes).where(campaign_changes.c.campaign == campaign)
    newest = (await db.execute(mine.order_by(campaign_changes.c.id.desc()).limit(MOST_CHANGES))).all()
    return [from_row(Standing, row, state=CampaignState(row.state)) for row in reversed(newest)]


async def change_in(
    db: AsyncConnection, campaign: str, to: CampaignState, reason: str, by: str, now: float
) -> Standing:
    """Change a campaign inside a transaction that writes to it.

    Args:
        db: A transaction of `Database.write(campaign)`.
        campaign: Its name.
        to: `PAUSED`, `OPEN` (resume) or `CANCELLED`.
        reason: In words.
        by: `person`, `breaker`, `brake` or `prefect`.
        now: Unix seconds of the ledger's clock.

    Raises:
        DeclinedError: The table of changes has no such change.
    """
    was = await standing_in(db, campaign)
    reason = redact(" ".join(reason.split()))
    if to is was.state:
        changed = _again(was, reason, await history_in(db, campaign))
    elif to in CHANGES[was.state]:
        changed = Standing(to, reason, by, now)
    else:
        verb = {CampaignState.OPEN: "resumed", CampaignState.PAUSED: "paused"}.get(to, "cancelled")
        cannot = f"campaign {redact(campaign)!r} cannot be {verb}"
        raise DeclinedError(f"{cannot}: it was {was.in_words}. Cancelling is final.")
    if changed == was:
        return was
    change = {"state": to, "reason": reason, "changed_by": by, "changed_at": now}
    await db.execute(insert(campaign_changes).values(campaign=campaign, **change))
    await db.execute(update(campaigns).where(campaigns.c.name == campaign).values(asdict(changed)))
    if to is CampaignState.CANCELLED:
        await skip_waiting_in(db, campaign)
    return changed


async def skip_waiting_in(db: AsyncConnection, campaign: str) -> None:
    """Skip everybody of a cancelled campaign who waits, also those whose last call ended after it."""
    waiting = update(leads).where(leads.c.campaign == campaign, leads.c.state == LeadState.WAITING)
    await db.execute(waiting.values(state=LeadState.SKIPPED, reason=str(Rule.CAMPAIGN_CANCELLED)))


async def shown_in(db: AsyncConnection, names: Collection[str]) -> dict[str, str]:
    """How campaigns are shown, by their keys; one that is not known is shown as its key.

    Args:
        names: In any spelling.
    """
    keys = {name_key(name) for name in names}
    wanted = select(campaigns.c.name, campaigns.c.shown).where(campaigns.c.name.in_(keys))
    known = {row.name: row.shown for row in (await db.execute(wanted)).all()} if keys else {}
    return {key: known.get(key, key) for key in keys}


async def require_campaign(db: AsyncConnection, campaign: str, where: str) -> str:
    """A campaign that no one ran is a slip of the pen.

    Args:
        campaign: Its name, in any spelling.
        where: The ledger, as it is shown.

    Returns:
        The name as it is shown.

    Raises:
        DeclinedError: There is no such campaign; names those there are.
    """
    try:
        clean_given_name(campaign)
    except CampaignNameError as error:
        raise DeclinedError(f"{error}.") from None
    wanted = select(campaigns.c.shown).where(campaigns.c.name == campaign)
    if (known := (await db.execute(wanted)).scalar_one_or_none()) is not None:
        return str(known)
    names = [
        redact(name) for name in (await db.execute(known_campaigns().limit(SHOWN_CAMPAIGNS + 1))).scalars()
    ]
    listed = ", ".join(names[:SHOWN_CAMPAIGNS]) + (" and others" if len(names) > SHOWN_CAMPAIGNS else "")
    raise DeclinedError(
        f"there is no campaign {redact(campaign)!r} in ledger {where}. Its campaigns: {listed or 'none yet'}."
    )


def known_campaigns() -> Select[Any]:
    """Names of campaigns that were run, as they are shown, in order."""
    return select(campaigns.c.shown).order_by(campaigns.c.name)


def _again(was: Standing, reason: str, history: Collection[Standing]) -> Standing:
    """Paused or cancelled once more: the first cause stays, and another one is added to it."""
    causes = {change.reason for change in history if change.changed_at >= was.changed_at}
    if was.state is not CampaignState.PAUSED or not reason or reason in causes:
        return was
    return replace(was, reason=f"{was.reason}; {reason}" if was.reason else reason)


@dataclass(frozen=True, slots=True)
class CallEnding:
    """A call that ended in the window, or a request that Flireo refused.

    Attributes:
        phone: E.164.
        failed: Whether it counts as a failure: the outcome `failed`, or a refusal.
        reason: In words, without a number.
    """

    phone: str
    failed: bool
    reason: str = ""


async def call_endings_in(
    db: AsyncConnection, campaign: str, window_seconds: float, now: float, resumed_at: float
) -> list[CallEnding]:
    """What ended in the window, of what began after the campaign was last resumed; oldest first.

    Calls that were answered count too, before they end or their reports are in: failures are reported at once, and
    the first few would stand for all.

    Args:
        campaign: Its name.
        window_seconds: How far back to look.
        now: Unix seconds.
        resumed_at: When the campaign was last changed, Unix seconds; 0 for never.
    """
    since = now - window_seconds
    known = attempts.c.state.in_([str(AttemptState.ENDED), str(AttemptState.PLACED)])
    over = and_(known, attempts.c.over_at >= since)
    not_over = and_(attempts.c.state == AttemptState.PLACED, attempts.c.over_at.is_(None))
    going_on = and_(not_over, attempts.c.began_at.between(since, now - RINGING_SECONDS))
    earliest = max(resumed_at, since - LONGEST_CALL_SECONDS)
    # What Flireo refused for the lead's own sake. Other refusals stop the run.
    about_lead = and_(attempts.c.reason == Reason.REQUEST_FAILED, attempts.c.status.in_(ABOUT_LEAD))
    refused = and_(attempts.c.state == AttemptState.NOT_PLACED, attempts.c.began_at >= since, about_lead)
    wanted = (
        select(attempts)
        .where(attempts.c.campaign == campaign, or_(over, going_on, refused))
        .where(attempts.c.began_at >= earliest)
    )
    rows = sorted((await db.execute(wanted)).all(), key=lambda row: float(row.over_at or row.began_at))
    return [
        CallEnding(
            row.phone,
            row.state == AttemptState.NOT_PLACED or row.outcome == Outcome.FAILED,
            redact(row.error or row.end_reason or attempt_reason(row)),
        )
        for row in rows
    ]
