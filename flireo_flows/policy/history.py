"""What `decide` has to know of a lead and of what happened before."""

from dataclasses import dataclass, field
from datetime import datetime

from flireo_flows.leads import Consent
from flireo_flows.lifecycle.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class PolicyLead:
    """The person, as far as the rules look at them.

    Attributes:
        phone: E.164; for its country and the state of its area code.
        zones: IANA names of every time zone the person may be in; empty when nothing is known.
        zone_source: Where the zones come from, as `Lead.zone_source` writes it.
        consent: What the row says of consent.
        dial_before: Never call at or after it; aware; None for no such moment.
        state: State or province as the row writes it; empty when it has none.
        postcode: As the row writes it; empty when it has none.
    """

    phone: str
    zones: tuple[str, ...]
    zone_source: str = "number"
    consent: Consent = field(default_factory=Consent)
    dial_before: datetime | None = None
    state: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Calls made, in a run, a day or a campaign.

    Attributes:
        calls: Attempts that placed a call or may have placed one.
        seconds: Talk of those that ended.
        open_calls: Those of `calls` whose duration is not known (yet), unless no one answered.
        minutes: Begun minutes of talk of each that ended, which is how they are billed.
    """

    calls: int = 0
    seconds: float = 0.0
    open_calls: int = 0
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class OtherCall:
    """A call to the person, at whatever number of theirs, that this campaign did not make.

    Attributes:
        at: When it began; aware.
        by: The campaign, as it is shown; empty for a call of the account that this ledger did not make.
        asked_back: Whether the person asked in it to be called back.
    """

    at: datetime
    by: str = ""
    asked_back: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What happened before. All times are aware and of the ledger's clock.

    Attributes:
        do_not_call: Why the number is never to be called (`file`, `person`, `outcome`, `analysis`, `unclear`,
            `forgotten`); empty when it may be.
        attempts: Attempts of this campaign that are used up.
        last_outcome: Of the last of them; None if there was none.
        last_ended_at: When the last of them ended.
        called_at: When this campaign's attempts at the lead began, oldest first.
        number_called_at: When the number was called, in any campaign of the ledger, oldest first; at least as
            far back as the longest of the policy's `number_caps`.
        other_calls: Calls to the person by others, oldest first; at least as far back as the policy's
            `other_campaigns` look.
        has_open_call: Whether a call to the number is open, in any campaign.
        awaited_until: Until when the analysis of the number's last call, in any campaign, may still come; None where
            none is awaited.
        open_call_until: Until when a call of the account, whose end this ledger does not receive, counts as open;
            None when there is none.
        live: Calls of the campaign in progress.
        run: This run's totals.
        day: Today's, of this campaign; the day of `CallingPolicy.day_zone`.
        campaign: All of this campaign's.
    """

    do_not_call: str = ""
    attempts: int = 0
    last_outcome: Outcome | None = None
    last_ended_at: datetime | None = None
    called_at: tuple[datetime, ...] = ()
    number_called_at: tuple[datetime, ...] = ()
    other_calls: tuple[OtherCall, ...] = ()
    has_open_call: bool = False
    awaited_until: datetime | None = None
    open_call_until: datetime | None = None
    live: int = 0
    run: Totals = field(default_factory=Totals)
    day: Totals = field(default_factory=Totals)
    campaign: Totals = field(default_factory=Totals)
