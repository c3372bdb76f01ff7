"""Limits of a policy as forms: delays, caps, what a call costs, and the breaker."""

from typing import Annotated, Final

from pydantic import Field

from flireo_flows.lifecycle.outcomes import AnalysisAnswer, Outcome
from flireo_flows.policy.calendars import PolicyForm
from flireo_flows.policy.calling_hours import WEEKDAYS, CallingHours


class RetryDelay(PolicyForm):
    """How long to wait after an outcome. An outcome that is named here is retried."""

    outcome: Outcome = Field(default=Outcome.NO_ANSWER, title="After", description="Outcome of the attempt.")
    seconds: list[Annotated[int, Field(ge=0, le=366 * 86_400)]] = Field(
        default=[3600],
        min_length=1,
        title="Delays (s)",
        description="After the lead's first attempt, its second, ...; the last one repeats.",
    )


class NumberCap(PolicyForm):
    """How often one number is called at most within rolling days, by all campaigns of the ledger."""

    calls: int = Field(default=4, ge=1, le=1000, description="At most.")
    days: float = Field(
        default=30, gt=0, le=3660, title="Within days", description="Of 24 hours each; 0.5 is 12 hours."
    )


class StateRule(PolicyForm):
    """Rules of one state or province, beside those of the policy: the narrower ones count."""

    state: str = Field(
        pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$",
        description="ISO 3166-2: US-FL. It holds for leads whose area code, state or postcode allows it.",
    )
    calling_hours: CallingHours = Field(
        default=CallingHours(start="00:00", end="24:00", weekdays=list(WEEKDAYS)),
        description="It must be calling time by these and by those of the policy.",
    )
    number_caps: list[NumberCap] = Field(
        default=[], title="Caps per number", description="Beside those of the policy; all of them count."
    )
    source: str = Field(default="", description="The law and the date on which it was read; for people only.")


class CallbackAnswer(AnalysisAnswer):
    """An answer in a call's analysis by which the person asked to be called back."""


class OtherCampaigns(PolicyForm):
    """How far a person is left alone after calls of others, over all numbers of the person.

    Others are the other campaigns of the ledger, and calls of the account that the ledger did not make: from the
    dashboard, of Flireo's own campaigns, of a ledger that was lost.
    """

    min_gap_hours: float = Field(
        default=24,
        ge=0,
        le=8784,
        title="Least gap (h)",
        description="Hours between a call by another campaign and this campaign's; 0 for none.",
    )
    max_calls: int = Field(
        default=4,
        ge=0,
        le=1000,
        title="Calls",
        description="A person that other campaigns called so often is not called; 0 for no such cap.",
    )
    per_days: float = Field(default=30, gt=0, le=3660, title="Within days", description="Of 24 hours each.")
    callback_keys: list[CallbackAnswer] = Field(
        default=[
            CallbackAnswer(key=key)
            for key in ("callback", "callback_requested", "call_back", "wants_callback", "asked_for_callback")
        ],
        title="Asked to be called back when the analysis says",
        description="Answers of the last call by another campaign after which the gap does not count, as the "
        "person asked to be called.",
    )


class Caps(PolicyForm):
    """What stops the dialling; 0 is no cap."""

    calls: int = Field(default=0, ge=0, le=10**9, description="At most; 0 for no cap.")
    minutes: float = Field(default=0, ge=0, le=10**9, description="Of talk at most; 0 for no cap.")
    money: float = Field(
        default=0, ge=0, le=10**12, description="By the tariff at most, begun minutes in full; 0 for no cap."
    )


class Tariff(PolicyForm):
    """What calls cost: an estimate of yours, as the API contains no prices."""

    per_minute: float = Field(default=0, ge=0, le=10**6, description="Of talk.")
    per_call: float = Field(default=0, ge=0, le=10**6, description="For each call made.")
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217; shown with amounts.")


class Breaker(PolicyForm):
    """Pauses the campaign when too many calls fail, until a person resumes it."""

    enabled: bool = Field(default=True, title="On", description="Whether failures pause the campaign.")
    failure_share: float = Field(
        default=0.5, gt=0, le=1, title="Share of failures", description="Pauses above it; 0.5 is one in two."
    )
    window_seconds: float = Field(
        default=120, gt=0, le=86_400, title="Window (s)", description="Of calls that ended in it."
    )
    fewest_calls: int = Field(default=5, ge=1, le=10_000, description="With fewer it never pauses.")


class AnalysisRule(AnalysisAnswer):
    """An answer in a call's analysis after which the number is never called again."""


# What an agent's analysis is usually asked for. Each is also found in another spelling (`wantsNoCalls`,
# `caller_opted_out`) and in an object one level below.
_ASKED: Final = """
    do_not_call dont_call do_not_call_again never_call_again do_not_contact dnc add_to_dnc no_more_calls
    no_further_calls wants_no_calls wants_no_more_calls stop_calling wants_no_contact opt_out opted_out
    wants_opt_out wants_to_opt_out unsubscribe unsubscribed wants_to_unsubscribe remove_from_list remove_me
    wants_removal consent_withdrawn niet_bellen niet_meer_bellen bel_niet_meer bel_me_niet
    wil_niet_gebeld_worden afmelden nicht_anrufen nicht_mehr_anrufen keine_anrufe keine_weiteren_anrufe
    ne_pas_appeler ne_plus_appeler no_llamar no_volver_a_llamar non_chiamare nao_ligar
"""
_STILL_ALLOWED: Final = (
    "may_call_again can_call_again may_be_called_again can_be_called_again mag_gebeld_worden"
)
USUAL_KEYS: Final = (
    *(AnalysisRule(key=key) for key in _ASKED.split()),
    *(AnalysisRule(key=key, equals="false") for key in _STILL_ALLOWED.split()),
)
