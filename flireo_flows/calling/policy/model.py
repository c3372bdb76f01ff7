"""The rules under which a campaign rings people, as a form that people fill in."""

import re
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from flireo_flows.calling.outcomes import Outcome

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
CLOCK: Final = r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"


class CallingHours(BaseModel):
    """When people may be rung, on their own clock."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Annotated[str, Field(pattern=CLOCK, title="From", description="First minute, HH:MM.")] = "09:00"
    end: Annotated[str, Field(pattern=CLOCK, title="Until", description="HH:MM, not included.")] = "20:00"
    weekdays: Annotated[
        list[Weekday], Field(min_length=1, title="Weekdays", description="Days on which people may be rung.")
    ] = ["monday", "tuesday", "wednesday", "thursday", "friday"]

    @field_validator("start", "end", mode="before")
    @classmethod
    def _read_clock(cls, value: Any) -> Any:
        """`9:00` is meant as it reads; and YAML 1.1 reads an unquoted `20:30` as 20 * 60 + 30."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 24 * 60:
            return f"{value // 60:02d}:{value % 60:02d}"
        return f"0{value}" if isinstance(value, str) and re.fullmatch(r"\d:\d\d", value) else value

    @field_validator("weekdays", mode="before")
    @classmethod
    def _read_weekdays(cls, value: Any) -> Any:
        """Full names, their first two or three letters, or ISO 8601 numbers (1 is Monday)."""
        return [_weekday(day) for day in value] if isinstance(value, list) else value

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.start >= self.end:
            raise ValueError(
                f"calling hours from {self.start} to {self.end} never open; start must be before end, on one day"
            )
        return self

    def next_open(self, local: datetime) -> datetime:
        """The first moment from `local` (aware, in the lead's zone) on at which a call may begin."""
        for days in range(8):
            day = (local + timedelta(days=days)).date()
            if WEEKDAYS[day.weekday()] not in self.weekdays:
                continue
            opens = datetime.combine(day, _clock(self.start), local.tzinfo)
            if days > 0 or local < opens:
                return opens
            if self.end == "24:00" or local.time().replace(tzinfo=None) < _clock(self.end):
                return local
        raise AssertionError("at least one weekday opens within a week")


class CallingPolicy(BaseModel):
    """The rules under which a campaign rings people. All fields have defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calling_hours: Annotated[
        CallingHours | None,
        Field(title="Calling hours", description="On the lead's own clock; None rings at any hour."),
    ] = CallingHours()
    max_attempts: Annotated[
        int, Field(ge=1, le=50, title="Attempts", description="How often a lead may be rung at most.")
    ] = 1
    retry_outcomes: Annotated[
        list[Outcome],
        Field(title="Try again after", description="Outcomes after which a lead is rung again."),
    ] = [Outcome.NO_ANSWER, Outcome.BUSY]
    retry_delay_seconds: Annotated[
        int,
        Field(ge=0, title="Delay between attempts (s)", description="Seconds from one end to the next try."),
    ] = 3600
    max_concurrent_calls: Annotated[
        int,
        Field(
            ge=1, le=100_000, title="Calls at once", description="Calls of the campaign in progress at most."
        ),
    ] = 20
    calls_per_minute: Annotated[
        float,
        Field(ge=0, title="Calls a minute", description="At most; 0 leaves it to the API's own rate limit."),
    ] = 0
    reconcile_grace_seconds: Annotated[
        float,
        Field(
            ge=0,
            title="Grace before a lost call counts as not placed (s)",
            description="Calls have been seen to ring 84 seconds late, so minutes are right.",
        ),
    ] = 180
    poll_seconds: Annotated[
        float,
        Field(gt=0, title="Poll every (s)", description="Shortest time between two reads of the call list."),
    ] = 10
    report_grace_seconds: Annotated[
        float,
        Field(
            ge=0,
            title="Wait for a summary (s)",
            description="After a call's end; then it counts without one.",
        ),
    ] = 300
    analysis_grace_seconds: Annotated[
        float,
        Field(
            ge=0, title="Wait for an analysis (s)", description="After the summary came, if one is expected."
        ),
    ] = 60
    unknown: Annotated[
        Literal["try_again", "review"],
        Field(
            title="A call that proved not placed", description="Ring the lead again, or let a person look."
        ),
    ] = "try_again"


def _weekday(day: Any) -> Any:
    if isinstance(day, int) and 1 <= day <= 7:
        return WEEKDAYS[day - 1]
    if isinstance(day, str) and len(day) >= 2:
        return next((name for name in WEEKDAYS if name.startswith(day.lower())), day)
    return day


def _clock(text: str) -> time:
    return time.max if text == "24:00" else time.fromisoformat(text)
