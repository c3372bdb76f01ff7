"""Calling hours as a form: days, spans and breaks, on the clock of whoever is called."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from flireo_flows.policy.calendars import PolicyForm
from flireo_flows.policy.timetable import WHOLE_DAY, Spans, zone_named

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
CLOCK: Final = r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"


def read_clock(value: Any) -> Any:
    """`9:00` is meant as it reads. A figure is none: YAML 1.1 makes 540 of an unquoted `9:00`, and `9` is no minute.

    Raises:
        ValueError: It is a figure, of which no one knows whether hours or minutes are meant.
    """
    if isinstance(value, int | float):
        raise ValueError('a time of day is written "09:00", in quotation marks, not as a figure')
    return f"0{value}" if isinstance(value, str) and re.fullmatch(r"\d:\d\d", value) else value


From = Annotated[
    str, Field(pattern=CLOCK, title="From", description="First minute, HH:MM."), BeforeValidator(read_clock)
]
Until = Annotated[
    str, Field(pattern=CLOCK, title="Until", description="HH:MM, not included."), BeforeValidator(read_clock)
]


class Break(PolicyForm):
    """A part of a day in which no one is called."""

    start: From = "12:00"
    end: Until = "13:00"

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.start >= self.end:
            raise ValueError(
                f"a break from {self.start} to {self.end} never is; start must be before end, on one day"
            )
        return self


class DayHours(PolicyForm):
    """Hours of some weekdays."""

    start: From = "09:00"
    end: Until = "20:00"
    weekdays: list[Weekday] = Field(
        default=["monday", "tuesday", "wednesday", "thursday", "friday"],
        min_length=1,
        description="Days on which people may be called.",
    )
    breaks: list[Break] = Field(default=[], description="Parts of these days in which no one is called.")

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
        if not self.spans():
            raise ValueError(f"calling hours from {self.start} to {self.end} never open; breaks fill them")
        return self

    def spans(self) -> Spans:
        """The day's open parts in seconds after midnight on the wall, breaks taken out."""
        return without(
            ((seconds(self.start), seconds(self.end)),),
            [(seconds(pause.start), seconds(pause.end)) for pause in self.breaks],
        )


class CallingHours(DayHours):
    """When people may be called, on their own clock."""

    other_days: list[DayHours] = Field(
        default=[], description="Weekdays with hours of their own, instead of or beside the days above."
    )
    clock: str = Field(
        default="",
        title="A second clock",
        description="IANA zone (Europe/Amsterdam) on whose clock it must be calling time as well; "
        "the lead's own clock always counts.",
    )

    @field_validator("clock")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        if value and zone_named(value) is None:
            raise ValueError("there is no such time zone; write an IANA name such as Europe/Amsterdam")
        return value

    @model_validator(mode="after")
    def _each_day_has_its_hours_once(self) -> Self:
        days = [day for hours in self.other_days for day in dict.fromkeys(hours.weekdays)]
        twice = next((day for day in days if days.count(day) > 1), None)
        if twice:
            raise ValueError(f"other_days names {twice} twice; give each weekday its hours once")
        return self

    def week(self) -> tuple[Spans, ...]:
        """The open parts of each weekday, Monday first."""
        own = dict.fromkeys(self.weekdays, self.spans())
        own |= {day: hours.spans() for hours in self.other_days for day in hours.weekdays}
        return tuple(own.get(day, ()) for day in WEEKDAYS)


def week_of(hours: CallingHours | None) -> tuple[Spans, ...]:
    """The open parts of each weekday; without calling hours every one is open all day."""
    return hours.week() if hours else (WHOLE_DAY,) * 7


def spelled(week: Sequence[Spans]) -> str:
    """A week in words: `09:00-20:00 Mon-Fri, 10:00-16:00 Sat`."""
    days = groupby(enumerate(week), key=lambda day: day[1])
    runs = [(spans, [WEEKDAYS[number] for number, _ in run]) for spans, run in days if spans]
    return ", ".join(f"{_spans_text(spans)} {_days_text(run)}" for spans, run in runs)


def without(spans: Spans, gaps: Iterable[tuple[int, int]]) -> Spans:
    """Spans with gaps taken out of them."""
    for start, end in gaps:
        pieces = [piece for a, b in spans for piece in ((a, min(b, start)), (max(a, end), b))]
        spans = tuple(piece for piece in pieces if piece[0] < piece[1])
    return spans


def seconds(text: str) -> int:
    """`09:30` as seconds after midnight on the wall; `24:00` is the day's end."""
    return int(text[:2]) * 3600 + int(text[3:]) * 60


def _weekday(day: Any) -> Any:
    if isinstance(day, int) and 1 <= day <= 7:
        return WEEKDAYS[day - 1]
    if isinstance(day, str) and len(day) >= 2:
        return next((name for name in WEEKDAYS if name.startswith(day.lower())), day)
    return day


def _spans_text(spans: Spans) -> str:
    return " and ".join(f"{_clock_text(start)}-{_clock_text(end)}" for start, end in spans)


def _clock_text(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}"


def _days_text(days: list[Weekday]) -> str:
    first, last = days[0][:3].capitalize(), days[-1][:3].capitalize()
    return first if len(days) == 1 else f"{first}-{last}"
