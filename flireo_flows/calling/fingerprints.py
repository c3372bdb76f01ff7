"""By which a plan and what is run are told apart: digests of people, their rows, and what would be sent."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from pydantic import ValidationError

from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.campaign_names import name_key
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.person_key import person_key
from flireo_flows.leads.lead import Lead
from flireo_flows.script import CallChoice, ComposeError, Composer, LeadFacts

REFERENCE: Final = "plan"  # in the place of an attempt's own


def salt_of(campaign: str, leads: Sequence[Lead]) -> str:
    """A salt for the digests of these people. The same file gives the same, so equal plans have equal digests.

    It keeps digests of one plan from being looked up in a table. Who has the plan's file could still try all
    numbers against it: the file is personal data, and is kept as such.
    """
    phones = "\n".join(sorted(lead.phone for lead in leads))
    return hashlib.sha256(f"{name_key(campaign)}\n{phones}".encode()).hexdigest()[:32]


def key_of(salt: str, phone: str) -> str:
    """Digest of a number; every spelling of it has the same."""
    return _digest(salt, person_key(phone))


def row_of(salt: str, lead: Lead) -> str:
    """Digest of everything a row says."""
    return _digest(salt, canonical([lead.name, dict(lead.columns), lead.wishes.as_json()]))


def compose(composer: Composer, facts: LeadFacts) -> tuple[CallChoice, OutboundCall]:
    """What would be sent for a lead.

    Raises:
        ComposeError: Nothing can be said to this lead; says why.
    """
    choice = composer.choose(facts)
    try:
        return choice, composer.compose(facts, choice, REFERENCE)
    except (ValidationError, InvalidInput) as error:
        raise ComposeError(f"the request would not be valid ({type(error).__name__})") from None


def request_of(salt: str, call: OutboundCall) -> str:
    """Digest of everything that is sent but the number."""
    return _digest(salt, canonical(call.model_dump(mode="json", exclude={"destination"})))


class Comparable(Protocol):
    """What of a planned call is compared when it is run."""

    @property
    def key(self) -> str:
        """Digest of the number."""

    @property
    def row(self) -> str:
        """Digest of the row."""

    @property
    def request(self) -> str:
        """Digest of what would be sent."""

    @property
    def kept(self) -> tuple[str, str]:
        """Caller id and variant of an earlier attempt."""


def digest_of(
    campaign: str,
    policy_version: str,
    salt: str,
    calls: Iterable[Comparable],
    skipped: Iterable[str],
) -> str:
    """Digest of a plan, whatever the order of its rows."""
    rows = sorted([call.key, call.row, call.request, *call.kept] for call in calls)
    told = canonical([name_key(campaign), policy_version, salt, rows, sorted(skipped)])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def canonical(value: object) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _digest(salt: str, text: str) -> str:
    return hmac.new(bytes.fromhex(salt), text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:32]
