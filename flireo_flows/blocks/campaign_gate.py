"""Numbers that a ledger denies: asked right before a lead is added to a campaign of Flireo's, or it is started."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flireo_flows.api.campaign_lookup import CampaignRefusedError
from flireo_flows.api.campaigns import CampaignLead, NewCampaignLead
from flireo_flows.api.procedure import Procedure, note
from flireo_flows.api.redaction import mask_phone
from flireo_flows.blocks.ledger import CallLedger
from flireo_flows.ledger import Database
from flireo_flows.ledger.eligibility import denied_numbers, e164_of
from flireo_flows.prefect_support.async_bridge import run_async

MOST_SHOWN: Final = 5  # numbers that a message names, masked
UNREADABLE: Final = "its number cannot be read, so nothing is known of it"

# Of numbers as they were given, those that must not be called now, and why.
Bars = Callable[[Sequence[str]], Mapping[str, str]]


class OnBlocked(StrEnum):
    """What to do with a number that the ledger denies."""

    REFUSE = "refuse"  # add no one, and say which
    SKIP = "skip"  # add the others, and say so


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets no lead through that a ledger denies.

    Attributes:
        bars: Asks the ledger; it is read again each time.
        on_blocked: What to do with the numbers it denies.
    """

    bars: Bars
    on_blocked: OnBlocked = OnBlocked.REFUSE

    def passing(self, leads: Sequence[NewCampaignLead]) -> Procedure[list[NewCampaignLead]]:
        """Who may be given to a campaign now.

        Raises:
            CampaignRefusedError: A lead is denied, and `on_blocked` does not skip it.
            LedgerError: The ledger cannot be read.
        """
        found = self.bars([lead.phone_number for lead in leads])
        if not found:
            return list(leads)
        if self.on_blocked is OnBlocked.REFUSE:
            raise CampaignRefusedError(f"{_in_words(found, len(leads))}: not added")
        yield from note(f"left out: {_in_words(found, len(leads))}")
        return [lead for lead in leads if lead.phone_number not in found]

    def refuse_waiting(self, there: Sequence[CampaignLead]) -> None:
        """Refuse to have a campaign call its leads while one of those who wait in it may not be called.

        Raises:
            CampaignRefusedError: So it is.
            LedgerError: The ledger cannot be read.
        """
        waiting = [lead.phone_number for lead in there if not lead.is_over]
        if found := self.bars(waiting):
            raise CampaignRefusedError(
                f"{_in_words(found, len(waiting))}: remove them from the campaign; nothing was started"
            )


OPEN: Final = Gate(lambda phones: {})  # no ledger was given


def gate_of(ledger: CallLedger | None, on_blocked: OnBlocked) -> Gate:
    """The gate of a block.

    Args:
        ledger: The one whose suppressions, opt-outs and open calls count; None for no ledger.
        on_blocked: What to do with the numbers it denies.
    """
    if ledger is None:
        return OPEN
    url = ledger.database_url()

    def bars(phones: Sequence[str]) -> Mapping[str, str]:
        numbers = {phone: e164_of(phone) for phone in phones}
        known = [number for number in numbers.values() if number]
        found = run_async(lambda: _barred(url, known)) if known else {}
        why = {phone: found.get(number, "") if number else UNREADABLE for phone, number in numbers.items()}
        return {phone: reason for phone, reason in why.items() if reason}

    return Gate(bars, on_blocked)


async def _barred(url: str, phones: Sequence[str]) -> dict[str, str]:
    # A missing ledger protects no one: a slip in its URL must not open the gate.
    async with await Database.open(url, existing=True) as database:
        return await denied_numbers(database, phones)


def _in_words(found: Mapping[str, str], given: int) -> str:
    named = [f"{mask_phone(phone) or 'one'} ({why})" for phone, why in list(found.items())[:MOST_SHOWN]]
    more = ", ..." if len(found) > MOST_SHOWN else ""
    return f"{len(found)} of {given} numbers must not be called: {', '.join(named)}{more}"
