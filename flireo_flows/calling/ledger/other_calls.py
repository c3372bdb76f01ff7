"""Calls that others made to the people of a campaign: what the policy's `other_campaigns` looks at."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.calling.answers import says
from flireo_flows.calling.ledger.account_calls import is_attempt, tail_of
from flireo_flows.calling.ledger.schema import account_calls, attempts, campaigns
from flireo_flows.calling.policy import CallingPolicy, OtherCall, others_memory
from flireo_flows.calling.states import AttemptState

CHUNK: Final = 500  # values a statement


async def other_calls_in(
    db: AsyncConnection,
    campaign: str,
    phones: Sequence[str],
    numbers: Mapping[str, tuple[str, ...]],
    policy: CallingPolicy,
    now: float,
) -> dict[str, tuple[OtherCall, ...]]:
    """Calls to each person that the campaign did not make, oldest first; who was not called is left out.

    Args:
        db: Any transaction.
        campaign: Whose own calls do not count.
        phones: E.164.
        numbers: What `numbers_in` gave for them.
        policy: Says how far back.
        now: Unix seconds.
    """
    memory = others_memory(policy).total_seconds()
    if not memory:
        return {}
    every = sorted({number for phone in phones for number in numbers.get(phone, (phone,))})
    asks_back = _asks_back(policy)
    by_number: dict[str, list[OtherCall]] = defaultdict(list)
    for chunk in _chunks(every):
        for row in (await db.execute(_attempts(campaign, chunk, now - memory))).all():
            by_number[row.phone].append(OtherCall(_moment(row.began_at), row.shown or "", asks_back(row)))
    tails = _by_tail(every)
    for chunk in _chunks(list(tails)):
        for tail, began_at in (await db.execute(_account(chunk, now - memory))).all():
            for number in tails[tail]:
                by_number[number].append(OtherCall(_moment(began_at)))
    found: dict[str, tuple[OtherCall, ...]] = {}
    for phone in phones if by_number else ():
        calls = [call for number in numbers.get(phone, (phone,)) for call in by_number.get(number, ())]
        if calls:
            found[phone] = tuple(sorted(calls, key=lambda call: call.at))
    return found


async def open_calls_in(
    db: AsyncConnection, phones: Sequence[str], numbers: Mapping[str, tuple[str, ...]], now: float
) -> dict[str, datetime]:
    """Until when a call of the account counts as open, by number; see `AccountCall.open_until`."""
    tails = _by_tail(sorted({number for phone in phones for number in numbers.get(phone, (phone,))}))
    open_: dict[str, float] = {}
    for chunk in _chunks(list(tails)):
        wanted = select(account_calls.c.tail, account_calls.c.open_until).where(
            account_calls.c.tail.in_(chunk), account_calls.c.open_until > now, ~is_attempt()
        )
        for tail, until in (await db.execute(wanted)).all():
            for number in tails[tail]:
                open_[number] = max(until, open_.get(number, until))
    if not open_:
        return {}
    found = {
        phone: max((open_[it] for it in numbers.get(phone, (phone,)) if it in open_), default=0.0)
        for phone in phones
    }
    return {phone: datetime.fromtimestamp(until, UTC) for phone, until in found.items() if until}


def _attempts(campaign: str, phones: Sequence[str], since: float) -> Select[Any]:
    return (
        select(attempts.c.phone, attempts.c.began_at, campaigns.c.shown, attempts.c.analysis)
        .outerjoin(campaigns, campaigns.c.name == attempts.c.campaign)
        .where(
            attempts.c.phone.in_(phones),
            attempts.c.campaign != campaign,
            attempts.c.state != AttemptState.NOT_PLACED,
            attempts.c.began_at >= since,
        )
    )


def _account(tails: Sequence[str], since: float) -> Select[Any]:
    return select(account_calls.c.tail, account_calls.c.began_at).where(
        account_calls.c.tail.in_(tails), account_calls.c.began_at >= since, ~is_attempt()
    )


def _by_tail(numbers: Sequence[str]) -> dict[str, list[str]]:
    tails: dict[str, list[str]] = defaultdict(list)
    for number in numbers:
        if tail := tail_of(number):
            tails[tail].append(number)
    return tails


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]


def _asks_back(policy: CallingPolicy) -> Callable[[Row[Any]], bool]:
    keys = policy.other_campaigns.callback_keys

    def asks_back(row: Row[Any]) -> bool:
        if not row.analysis:
            return False
        analysis = json.loads(row.analysis)
        return any(says(analysis, rule.key, rule.equals) for rule in keys)

    return asks_back


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
