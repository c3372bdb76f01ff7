"""What the ledger knows of a campaign and the people of a file. Only reads."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import name_key, person_key
from flireo_flows.ledger.call_history import (
    NOTHING,
    EarlierCalls,
    awaited_in,
    calls_by_others_in,
    earlier_calls_in,
    moment_of,
    numbers_in,
)
from flireo_flows.ledger.campaigns import Standing, standing_in
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.errors import NoLedgerError
from flireo_flows.ledger.lead_queue import totals_in
from flireo_flows.ledger.messages import lead_reason
from flireo_flows.ledger.notices import refuse_shown_name
from flireo_flows.ledger.schema import IS_OPEN, MAY_BE_CALLING, accounts, attempts, do_not_call, leads
from flireo_flows.ledger.suppressions import CampaignList, list_in, suppressed_in
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.lifecycle.states import AttemptState, LeadState
from flireo_flows.policy import CallingPolicy, History, number_memory

NEW: Final = History()


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """What is known of one person.

    Attributes:
        history: What `decide` looks at.
        state: Of the lead in this campaign.
        reason: Why it is in that state: a `Reason`, or the rule that denied it.
        why: The same in words; empty for no reason.
        number_id: Caller id of an earlier attempt, which is kept.
        variant: Of an earlier attempt, which is kept.
    """

    history: History = NEW
    state: LeadState = LeadState.WAITING
    reason: str = ""
    why: str = ""
    number_id: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What happened before.

    Attributes:
        campaign: Calls in progress, and what the day and the campaign have used up.
        standing: Whether the campaign is open.
        people: By number, as it was asked for; one that the ledger does not know is not in it.
        earlier: How many of them were called before, and by which campaigns.
        kept_list: The campaign's do-not-call list, as files of earlier runs brought it.
        knows_account: Whether the ledger has read an account's calls of the last days.
    """

    campaign: History = NEW
    standing: Standing = field(default_factory=Standing)
    people: Mapping[str, KnownPerson] = field(default_factory=dict)
    earlier: EarlierCalls = field(default_factory=EarlierCalls)
    knows_account: bool = False
    kept_list: CampaignList = field(default_factory=CampaignList)


async def read_past(url: str, campaign: str, phones: Collection[str], policy: CallingPolicy) -> Past:
    """Read what happened before. A ledger that does not exist is not made: nothing has happened yet.

    Args:
        url: Of the ledger.
        campaign: Its name.
        phones: E.164 of the file's leads.
        policy: Decides how far back a number's calls matter, and whose days are counted.

    Raises:
        DeclinedError: An event shows another campaign under this name. Contains what to do.
        LedgerError: The ledger cannot be read.
    """
    try:
        opened = await Database.open(url, existing=True)
    except NoLedgerError:
        return Past()
    async with opened as database:
        await refuse_shown_name(database, campaign)
        campaign = name_key(campaign)
        moment = moment_of(database.now())
        async with database.read() as db:
            _, day, whole = await totals_in(db, campaign, "", ZoneInfo(policy.day_zone), moment)
            live = select(func.count()).where(attempts.c.campaign == campaign, MAY_BE_CALLING)
            return Past(
                History(live=(await db.execute(live)).scalar_one(), day=day, campaign=whole),
                await standing_in(db, campaign),
                await _people(db, database, campaign, phones, policy, moment),
                await earlier_calls_in(db, phones),
                (await db.execute(select(accounts.c.read_at).limit(1))).first() is not None,
                await list_in(db, campaign),
            )


async def _people(
    db: AsyncConnection,
    database: Database,
    campaign: str,
    phones: Collection[str],
    policy: CallingPolicy,
    now: datetime,
) -> dict[str, KnownPerson]:
    keys = frozenset(map(person_key, phones))
    asked = sorted(keys)
    mine = select(leads).where(leads.c.campaign == campaign)
    rows = {row.phone: row for row in (await db.execute(mine)).all() if row.phone in keys}
    calls = await _calls(db, campaign, keys, now - number_memory(policy))
    on_list = select(do_not_call.c.phone).where(do_not_call.c.campaign == campaign)
    forbidden: dict[str, str] = dict.fromkeys((await db.execute(on_list)).scalars(), "file")
    forbidden |= await suppressed_in(db, database, asked)
    numbers = await numbers_in(db, asked)
    others = await calls_by_others_in(db, campaign, asked, numbers, policy, now.timestamp())
    awaited = await awaited_in(db, asked, policy, now.timestamp())

    def known(phone: str) -> KnownPerson:
        history = replace(
            calls.get(phone, NEW),
            do_not_call=forbidden.get(phone, ""),
            other_calls=others.get(phone, NOTHING).calls,
            open_call_until=others.get(phone, NOTHING).open_until,
            awaited_until=awaited.get(phone),
        )
        return _known(history, rows[phone]) if phone in rows else KnownPerson(history)

    is_known = rows.keys() | calls.keys() | forbidden.keys() | others.keys() | awaited.keys()
    return {phone: known(key) for phone in phones if (key := person_key(phone)) in is_known}


async def _calls(
    db: AsyncConnection, campaign: str, phones: Collection[str], since: datetime
) -> dict[str, History]:
    """When each number was called, here and by other campaigns, and whether it is on the phone now."""
    wanted = (
        select(attempts.c.phone, attempts.c.campaign, attempts.c.began_at, MAY_BE_CALLING.label("is_open"))
        .where(attempts.c.state != AttemptState.NOT_PLACED)
        .where(or_(attempts.c.campaign == campaign, attempts.c.began_at >= since.timestamp(), IS_OPEN))
        .order_by(attempts.c.began_at)
    )
    by_phone: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in (await db.execute(wanted)).all():
        if row.phone in phones:
            by_phone[row.phone].append(row)
    return {
        phone: History(
            called_at=tuple(moment_of(row.began_at) for row in rows if row.campaign == campaign),
            number_called_at=tuple(moment_of(row.began_at) for row in rows),
            has_open_call=any(row.is_open for row in rows),
        )
        for phone, rows in by_phone.items()
    }


def _known(history: History, row: Row[Any]) -> KnownPerson:
    return KnownPerson(
        history=replace(
            history,
            attempts=row.attempts,
            last_outcome=Outcome(row.outcome) if row.outcome else None,
            last_ended_at=moment_of(row.last_ended_at) if row.last_ended_at is not None else None,
        ),
        state=LeadState(row.state),
        reason=row.reason,
        why=lead_reason(row),
        number_id=row.number_id,
        variant=row.variant,
    )
