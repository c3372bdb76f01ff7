"""Read an account's calls of the last days before a ledger calls anyone there for the first time.

A new ledger knows of no call: not those from the dashboard, not those of Flireo's own campaigns, and not those of a
ledger that was lost, whose campaign would call the same people again. So it reads the account's list first, and counts
those calls as calls by others (`CallingPolicy.other_campaigns`). Without that list no one is called.
"""

from datetime import UTC, datetime
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.calls import Call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.call_list import CallList
from flireo_flows.calling.preflight import NotReady
from flireo_flows.calling.windows import Window
from flireo_flows.ledger import Database
from flireo_flows.ledger.account_calls import (
    AccountCall,
    AccountRead,
    account_read,
    keep_account,
    tail_of,
)
from flireo_flows.ledger.known_calls import owners_of

DAYS: Final = 7
MOST_REQUESTS: Final = 100
OPEN_SECONDS: Final = (
    3600.0  # a call that was not over blocks its number for so long: no one reports its end to us
)
HOUR: Final = 3600.0


class RecentCallsUnread(NotReady):
    """The account's list of calls cannot be read, so no one is called yet. Says why and what to do."""


async def read_recent_calls(
    database: Database, client: AsyncFlireoClient, fingerprint: str
) -> AccountRead | None:
    """Read the calls of the last seven days, unless this ledger did so before for this account.

    Args:
        database: The ledger.
        client: Of the account.
        fingerprint: Of the account.

    Returns:
        What it came to; None where it was done before.

    Raises:
        RecentCallsUnread: The list cannot be read.
        LedgerError: The ledger failed.
    """
    if await account_read(database, fingerprint) is not None:
        return None
    try:
        calls, read = await _read(database, client)
    except errors.FlireoError as error:
        raise RecentCallsUnread(
            f"the account's calls of the last {DAYS} days cannot be read ({error}), so no one is called yet: people "
            "who were called a moment ago could be called again. Run it again when the list can be read. "
            "--ignore-recent-calls (ignore_recent_calls) calls without it, at that risk."
        ) from None
    await keep_account(database, fingerprint, calls, read)
    return read


def in_words(read: AccountRead) -> list[str]:
    """What a person should know of a reading, each in a sentence."""
    whole = read.read_at - DAYS * 24 * HOUR + HOUR
    told = []
    if read.read_back_to > whole:
        reached = datetime.fromtimestamp(read.read_back_to, UTC)
        told.append(
            f"The account has more calls in the last {DAYS} days than {MOST_REQUESTS} requests read: only those since "
            f"{reached:%Y-%m-%d %H:%M} UTC count as calls by others."
        )
    if read.unnamed:
        told.append(
            f"{read.unnamed} of the account's calls of the last {DAYS} days tell no number: whom they called is not "
            "known."
        )
    return told


async def _read(database: Database, client: AsyncFlireoClient) -> tuple[list[AccountCall], AccountRead]:
    now = database.now()
    since = now - DAYS * 24 * HOUR
    calls = CallList(client, database)
    found: dict[str, AccountCall] = {}
    oldest = newest_first = now + 24 * HOUR
    is_cut = is_sorted = True
    unnamed = 0
    async for page in calls.pages([Window(since, None)]):
        for call in page:
            at = _began_at(call, now)
            is_sorted, oldest = is_sorted and at <= newest_first, min(oldest, at)
            newest_first = at
        owners = await owners_of(database, [call.id for call in page])
        for call in page:
            if call.id in owners or not call.is_outbound:
                continue
            if not tail_of(_number(call)):
                unnamed += 1
                continue
            found[call.id] = _account_call(call, now)
        if calls.requests >= MOST_REQUESTS:
            break
    else:
        is_cut = False
    if calls.is_cut and not is_cut:
        text = "it gives fewer calls than there are"
        raise errors.UnreadableAnswer("list_calls", "GET /calls", text=text)
    if is_cut and not is_sorted:
        text = f"more than {MOST_REQUESTS} pages, in no order of time"
        raise errors.UnreadableAnswer("list_calls", "GET /calls", text=text)
    read = AccountRead(now, oldest if is_cut else since, len(found) + unnamed, unnamed)
    return list(found.values()), read


def _account_call(call: Call, now: float) -> AccountCall:
    began_at = _began_at(call, now)
    open_until = 0.0 if call.is_over else min(began_at, now) + OPEN_SECONDS
    return AccountCall(call.id, _number(call), began_at, open_until)


def _began_at(call: Call, now: float) -> float:
    """A call that does not say when it began may have begun just now."""
    at = call.created_at or call.started_at
    return at.timestamp() if at is not None else now


def _number(call: Call) -> str:
    """The other party's; empty where the list does not tell it, or tells our own."""
    number = call.caller_phone or ""
    if not all(character.isdigit() or character.isspace() or character in "+-()./" for character in number):
        return ""  # a name, an address, or a number of which some digits are masked
    return "" if call.phone_number and tail_of(number) == tail_of(call.phone_number) else number
