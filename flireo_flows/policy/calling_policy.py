"""The rules under which a campaign calls people, as a form that people fill in."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final, Literal

import yaml
from pydantic import Field, NonNegativeFloat, PositiveFloat, field_validator

from flireo_flows.lifecycle.outcomes import Outcome, OutcomeRule
from flireo_flows.policy.calendars import Holidays, PolicyForm
from flireo_flows.policy.calling_hours import CallingHours
from flireo_flows.policy.policy_forms import (
    USUAL_KEYS,
    AnalysisRule,
    Breaker,
    Caps,
    NumberCap,
    OtherCampaigns,
    RetryDelay,
    StateRule,
    Tariff,
)
from flireo_flows.policy.timetable import zone_named


class CallingPolicy(PolicyForm):
    """The rules under which a campaign calls people. All fields have defaults."""

    calling_hours: CallingHours | None = Field(
        default=CallingHours(), description="On the lead's own clock; None calls at any hour."
    )
    holidays: Holidays = Field(
        default=Holidays(), description="Dates on which no one is called, on the lead's own clock."
    )
    wide_zones: bool = Field(
        default=False,
        description="Call only when it is calling time in every zone of the number's country, unless the row says "
        "where the lead is: numbers are kept after a move. +1: the fifty states, or Canada.",
    )
    state_rules: list[StateRule] = Field(
        default=[],
        title="Rules by state",
        description="Of states that have stricter ones. Where a lead may be in several, all of them count.",
    )
    dial_before: str = Field(
        default="",
        description="No one is called at or after this moment, ISO 8601 with its offset "
        "(2027-03-01T18:00+01:00). A lead may have an earlier one of its own.",
    )
    consent_required: bool = Field(
        default=False,
        description="Call only leads whose row contains consent. A lead that refused is never called.",
    )
    consent_valid_days: int = Field(
        default=0,
        ge=0,
        le=36_600,
        title="Consent holds for (days)",
        description="Since it was given; 0 for no limit but the row's own.",
    )
    max_attempts: int = Field(
        default=1, ge=1, le=50, title="Attempts", description="How often a lead may be called at most."
    )
    retry_outcomes: list[Outcome] = Field(
        default=[Outcome.NO_ANSWER, Outcome.BUSY],
        title="Try again after",
        description="Outcomes after which a lead is called again.",
    )
    retry_delay_seconds: int = Field(
        default=3600,
        ge=0,
        le=366 * 86_400,
        title="Delay between attempts (s)",
        description="Seconds from one end to the next try.",
    )
    retry_delays: list[RetryDelay] = Field(
        default=[],
        title="Delays by outcome",
        description="Delays of their own for some outcomes, which are then retried as well; all "
        "share the attempts above.",
    )
    other_hour_minutes: int = Field(
        default=0,
        ge=0,
        le=600,
        title="At another hour (min)",
        description="A later attempt keeps so many minutes from the time of day of each earlier one, "
        "where the calling hours leave such a time; 0 for any time.",
    )
    number_caps: list[NumberCap] = Field(
        default=[],
        title="Caps per number",
        description="How often a number is called within rolling days, by all campaigns of the ledger.",
    )
    other_campaigns: OtherCampaigns = Field(
        default=OtherCampaigns(),
        title="Calls by other campaigns",
        description="How far a person is left alone after calls by other campaigns; a campaign's own attempts "
        "follow the fields above.",
    )
    do_not_call_outcomes: list[Outcome] = Field(
        default=[],
        title="Never again after",
        description="Outcomes after which a number is never called again.",
    )
    do_not_call_keys: list[AnalysisRule] = Field(
        default=list(USUAL_KEYS),
        title="Never again when the analysis says",
        description="Answers after which a number is never called again, by any campaign of the ledger. An answer "
        "that is neither yes nor no holds the number back until a person settles it. The names that are usual by "
        "default, in English, Dutch, German, French and others, however they are written (wantsNoCalls); an empty "
        "list for none.",
    )
    do_not_call_words: bool = Field(
        default=True,
        title="Never again after plain words",
        description="Whether a number is never called again when the end reason of a call, or a mark in its "
        "analysis (outcome, disposition, status, tags ...), plainly asks for no more calls: do_not_call, "
        "user_requested_dnc, opted out.",
    )
    max_concurrent_calls: int = Field(
        default=20,
        ge=1,
        le=100_000,
        title="Calls at once",
        description="Calls of the campaign in progress at most.",
    )
    calls_per_minute: NonNegativeFloat = Field(
        default=0, title="Calls a minute", description="At most; 0 leaves it to the API's own rate limit."
    )
    caps_per_run: Caps = Field(default=Caps(), description="What one run of the campaign may use.")
    caps_per_day: Caps = Field(default=Caps(), description="What the campaign may use in a day.")
    caps_per_campaign: Caps = Field(default=Caps(), description="What the campaign may use in all.")
    day_zone: str = Field(
        default="UTC",
        title="The day's zone",
        description="IANA zone whose midnight begins the day of the caps per day.",
    )
    tariff: Tariff = Field(
        default=Tariff(), description="What a call costs you, for caps on money and plans."
    )
    assumed_call_seconds: int = Field(
        default=180,
        ge=1,
        le=86_400,
        title="A call's assumed length (s)",
        description="What a call counts for, in caps on minutes and money, until its own length is known, "
        "unless no one answered.",
    )
    min_balance_minutes: NonNegativeFloat = Field(
        default=0,
        title="Least balance (min)",
        description="The campaign pauses when fewer minutes are left in the account; 0 leaves it to the API.",
    )
    breaker: Breaker = Field(default=Breaker(), description="Pauses the campaign when too many calls fail.")
    reconcile_grace_seconds: NonNegativeFloat = Field(
        default=180,
        title="Grace before a lost call counts as not placed (s)",
        description="Phones have started ringing 84 seconds late, so minutes are right.",
    )
    poll_seconds: PositiveFloat = Field(
        default=10, title="Poll every (s)", description="Shortest time between two reads of the call list."
    )
    collect_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        title="Share of requests for results",
        description="Part of the key's request limit that reading results may use; the rest is for dialling.",
    )
    report_grace_seconds: NonNegativeFloat = Field(
        default=300,
        title="Wait for a summary (s)",
        description="After a call's end; then it counts without one.",
    )
    analysis_grace_seconds: NonNegativeFloat = Field(
        default=60,
        title="Wait for an analysis (s)",
        description="After the summary came, if one is expected.",
    )
    outcomes: list[OutcomeRule] = Field(
        default=[],
        description="Rules of your own for what a finished call means, asked in this order before the default "
        "table (`flireo-flows outcomes` prints it).",
    )
    min_completeness: float = Field(
        default=0.9,
        ge=0,
        le=1,
        title="Least completeness",
        description="Emits an event (flireo.campaign.incomplete) when a smaller share of the ended calls has its "
        "report, or its analysis, after both graces above; 0 never does.",
    )
    unknown: Literal["try_again", "review"] = Field(
        default="try_again",
        title="A call that proved not placed",
        description="Call the lead again, or put it to review.",
    )

    @field_validator("dial_before", mode="before")
    @classmethod
    def _is_a_moment(cls, value: Any) -> Any:
        """YAML reads an unquoted moment as one."""
        if isinstance(value, str) and value:
            value = _parsed(value)
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError("a moment needs its offset from UTC, as in 2027-03-01T18:00+01:00")
            return value.isoformat()
        return value

    @field_validator("day_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        if zone_named(value) is None:
            raise ValueError("there is no such time zone; write an IANA name such as Europe/Amsterdam")
        return value

    @property
    def version(self) -> str:
        """A short digest of all fields: equal for equal policies, in every process."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def caps(self) -> Mapping[str, Caps]:
        """The caps by their scope: `run`, `day` and `campaign`."""
        return {"run": self.caps_per_run, "day": self.caps_per_day, "campaign": self.caps_per_campaign}

    @property
    def last_moment(self) -> datetime | None:
        """`dial_before` as a moment in UTC; None for none."""
        if not self.dial_before:
            return None
        moment = datetime.fromisoformat(self.dial_before)
        try:
            return moment.astimezone(UTC)
        except OverflowError:  # in the first or last hours of what Python can date
            return moment


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a moment is written as in 2027-03-01T18:00+01:00") from None


# Policies to begin with, one dated file a country. Examples to edit; none of them is legal advice.
_PRESETS: Final = files(__package__) / "presets"


def preset_names() -> tuple[str, ...]:
    """The names that `preset` takes."""
    names = (file.name for file in _PRESETS.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def preset_text(name: str) -> str:
    """A preset's file, with the comments that say of when it is and on what it rests.

    Raises:
        ValueError: There is no such preset.
    """
    if name not in preset_names():
        raise ValueError(f"there is no preset {name}; there are {', '.join(preset_names())}")
    return _PRESETS.joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def preset(name: str) -> CallingPolicy:
    """A country's preset as a policy.

    Raises:
        ValueError: There is no such preset.
    """
    return CallingPolicy.model_validate(yaml.safe_load(preset_text(name)))
