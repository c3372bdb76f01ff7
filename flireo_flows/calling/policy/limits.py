"""Limits of a policy as forms: delays, caps, what a call costs, and the breaker."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from flireo_flows.calling.outcomes import AnalysisAnswer, Outcome
from flireo_flows.calling.policy.hours import WEEKDAYS, CallingHours


class Form(BaseModel):
    """A part of the policy: no field it does not know, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RetryDelay(Form):
    """How long to wait after an outcome. The outcome is rung again by being named here."""

    outcome: Annotated[Outcome, Field(title="After", description="Outcome of the attempt.")] = (
        Outcome.NO_ANSWER
    )
    seconds: Annotated[
        list[Annotated[int, Field(ge=0, le=366 * 86_400)]],
        Field(
            min_length=1,
            title="Delays (s)",
            description="After the lead's first attempt, its second, ...; the last one repeats.",
        ),
    ] = [3600]


class NumberCap(Form):
    """How often one number is rung at most within rolling days, by all campaigns of the ledger."""

    calls: Annotated[int, Field(ge=1, le=1000, title="Calls", description="At most.")] = 4
    days: Annotated[
        float, Field(gt=0, le=3660, title="Within days", description="Of 24 hours each; 0.5 is 12 hours.")
    ] = 30


class StateRule(Form):
    """Rules of one state or province, beside those of the policy: the narrower ones count."""

    state: Annotated[
        str,
        Field(
            pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$",
            title="State",
            description="ISO 3166-2: US-FL. It holds for leads whose area code, state or postcode allows it.",
        ),
    ]
    calling_hours: Annotated[
        CallingHours,
        Field(
            title="Calling hours", description="It must be calling time by these and by those of the policy."
        ),
    ] = CallingHours(start="00:00", end="24:00", weekdays=list(WEEKDAYS))
    number_caps: Annotated[
        list[NumberCap],
        Field(title="Caps per number", description="Beside those of the policy; all of them count."),
    ] = []
    source: Annotated[
        str, Field(title="Source", description="The law and the date on which it was read; for people only.")
    ] = ""


class Caps(Form):
    """What stops the dialling; 0 is no cap."""

    calls: Annotated[int, Field(ge=0, le=10**9, title="Calls", description="At most; 0 for no cap.")] = 0
    minutes: Annotated[
        float, Field(ge=0, le=10**9, title="Minutes", description="Of talk at most; 0 for no cap.")
    ] = 0
    money: Annotated[
        float,
        Field(
            ge=0,
            le=10**12,
            title="Money",
            description="By the tariff at most, begun minutes in full; 0 for no cap.",
        ),
    ] = 0


class Tariff(Form):
    """What calls cost: an estimate of yours, as the API tells no prices."""

    per_minute: Annotated[float, Field(ge=0, le=10**6, title="Per minute", description="Of talk.")] = 0
    per_call: Annotated[float, Field(ge=0, le=10**6, title="Per call", description="For each call made.")] = 0
    currency: Annotated[
        str, Field(pattern=r"^[A-Z]{3}$", title="Currency", description="ISO 4217; shown with amounts.")
    ] = "EUR"


class Breaker(Form):
    """Pauses the campaign when too many calls fail, until a person resumes it."""

    enabled: Annotated[bool, Field(title="On", description="Whether failures pause the campaign.")] = True
    failure_share: Annotated[
        float,
        Field(gt=0, le=1, title="Share of failures", description="Pauses above it; 0.5 is one in two."),
    ] = 0.5
    window_seconds: Annotated[
        float, Field(gt=0, le=86_400, title="Window (s)", description="Of calls that ended in it.")
    ] = 120
    fewest_calls: Annotated[
        int, Field(ge=1, le=10_000, title="Fewest calls", description="With fewer it never pauses.")
    ] = 5


class AnalysisRule(AnalysisAnswer):
    """An answer in a call's analysis after which the number is never rung again."""
