"""How many of a file's people were called before, when, and by which campaign."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.person_key import person_key
from flireo_flows.api.redaction import redact
from flireo_flows.ledger.account_calls import is_attempt, tail_of
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.people import numbers_in
from flireo_flows.ledger.schema import account_calls, attempts, campaigns, leads
from flireo_flows.lifecycle.states import AttemptState

CHUNK: Final = 500  # values a statement
MOST_NAMED: Final = 5  # campaigns
ACCOUNT: Final = ""  # in the place of a campaign: calls of the account that this ledger did not make


@dataclass(frozen=True, slots=True)
class CalledBy:
    """Who called people of a file.

    Attributes:
        campaign: As it is shown; empty for calls of the account that this ledger did not make.
        people: How many of them.
        last_at: When it called one of them last; aware, UTC.
    """

    campaign: str
    people: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class EarlierCalls:
    """The people of a file who were called before, over all their numbers.

    Attributes:
        people: In the file.
        called: Those who were called, or may have been, by whatever campaign of the ledger or call of the account.
        by: Who called them, most people first.
    """

    people: int = 0
    called: int = 0
    by: tuple[CalledBy, ...] = ()

    @property
    def in_words(self) -> str:
        """One sentence, without a number; empty where no one was called before."""
        if not self.called:
            return ""
        named = [_told(each) for each in self.by[:MOST_NAMED]]
        if len(self.by) > MOST_NAMED:
            named.append(f"others by {len(self.by) - MOST_NAMED} more campaigns")
        were = "was" if self.called == 1 else "were"
        return f"{self.called} of these {self.people} people {were} called before: {', '.join(named)}."


async def earlier_calls_of(campaign: CampaignLedger, batch: str) -> EarlierCalls:
    """As `earlier_calls_in`, for the people of a file that a campaign took in."""
    wanted = select(leads.c.phone).where(leads.c.campaign == campaign.name, leads.c.batch == batch)
    async with campaign.read() as db:
        return await earlier_calls_in(db, list((await db.execute(wanted)).scalars()))


async def earlier_calls_in(db: AsyncConnection, phones: Collection[str]) -> EarlierCalls:
    """Look up who of these was called before.

    Args:
        db: Any transaction.
        phones: E.164.
    """
    asked = sorted(set(map(person_key, phones)))
    numbers = await numbers_in(db, asked)
    every = sorted({number for phone in asked for number in numbers.get(phone, (phone,))})
    last: dict[str, dict[str, float]] = defaultdict(dict)  # by number, by campaign
    for start in range(0, len(every), CHUNK):
        await _look_up(db, every[start : start + CHUNK], last)
    if not last:
        return EarlierCalls(len(asked))
    counts: dict[str, tuple[int, float]] = {}
    called = 0
    for phone in asked:
        mine: dict[str, float] = {}
        for number in numbers.get(phone, (phone,)):
            for campaign, at in last.get(number, {}).items():
                mine[campaign] = max(at, mine.get(campaign, at))
        called += bool(mine)
        for campaign, at in mine.items():
            count, newest = counts.get(campaign, (0, at))
            counts[campaign] = count + 1, max(at, newest)
    by = [
        CalledBy(campaign, count, datetime.fromtimestamp(at, UTC)) for campaign, (count, at) in counts.items()
    ]
    by.sort(key=lambda each: (each.campaign == ACCOUNT, -each.people, each.campaign))
    return EarlierCalls(len(asked), called, tuple(by))


async def _look_up(db: AsyncConnection, phones: list[str], last: dict[str, dict[str, float]]) -> None:
    mine = (
        select(attempts.c.phone, campaigns.c.shown, func.max(attempts.c.began_at))
        .join(campaigns, campaigns.c.name == attempts.c.campaign)
        .where(attempts.c.phone.in_(phones), attempts.c.state != AttemptState.NOT_PLACED)
        .group_by(attempts.c.phone, campaigns.c.shown)
    )
    for phone, shown, at in (await db.execute(mine)).all():
        last[phone][shown] = at
    tails: dict[str, list[str]] = defaultdict(list)
    for phone in phones:
        tails[tail_of(phone)].append(phone)
    tails.pop("", None)
    theirs = (
        select(account_calls.c.tail, func.max(account_calls.c.began_at))
        .where(account_calls.c.tail.in_(list(tails)), ~is_attempt())
        .group_by(account_calls.c.tail)
    )
    for tail, at in (await db.execute(theirs)).all():
        for phone in tails[tail]:
            last[phone][ACCOUNT] = at


def _told(each: CalledBy) -> str:
    by = f"by {redact(each.campaign)!r}" if each.campaign else "by other calls of the account"
    return f"{each.people} {by} (last on {each.last_at:%Y-%m-%d})"
