"""Public holidays of countries and their parts, from the optional package `holidays`; and the country of a number.

What is not known here is None, and `decide` calls no one on it: the package is missing, it has no such
country, or it does not know the year.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from flireo_flows.leads import field_title
from flireo_flows.leads.zones import home_of

MISSING: Final = "holidays of countries need the package `holidays`: pip install 'flireo-flows[holidays]'"
AUTO: Final = "auto"
Calendar = str
"""`NL`, or with a part of the country `DE-BY`: ISO 3166."""

_CODE: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class PolicyForm(BaseModel):
    """A part of the policy: no field it does not know, and never changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, field_title_generator=field_title
    )


class Holidays(PolicyForm):
    """Dates on which no one is called, on the clock of whoever would be."""

    countries: list[str] = Field(
        default=[],
        description="Whose public holidays count, for every lead: NL, DE-BY, US-FL. `auto` adds those "
        "of the country of each lead's number. Needs the extra `holidays`.",
    )
    closed_dates: list[str] = Field(default=[], description="No one is called on these, YYYY-MM-DD.")
    open_dates: list[str] = Field(
        default=[], description="Holidays of the countries that are days like any other, YYYY-MM-DD."
    )

    @field_validator("countries")
    @classmethod
    def _are_codes(cls, value: list[str]) -> list[str]:
        for code in value:
            if code != AUTO and not _CODE.fullmatch(code):
                raise ValueError("a country is written NL, with a part of it DE-BY; or auto")
        return value

    @field_validator("closed_dates", "open_dates", mode="before")
    @classmethod
    def _are_dates(cls, value: object) -> object:
        """ISO 8601; YAML reads an unquoted date as one."""
        if not isinstance(value, list):
            return value
        return [_iso(day) for day in value]

    @model_validator(mode="after")
    def _no_date_is_both(self) -> Self:
        if both := sorted(set(self.closed_dates) & set(self.open_dates)):
            raise ValueError(f"{both[0]} is both a closed and an open date; keep one")
        return self


def calendars_for(holidays: Holidays, phone: str) -> tuple[Calendar | None, ...]:
    """Whose holidays count for a number; None stands for one whose country is unknown."""
    return tuple(
        (home_of(phone).country or None) if country == AUTO else country
        for country in dict.fromkeys(holidays.countries)
    )


def has_calendars() -> bool:
    """Whether the optional package is installed."""
    return _package() is not None


def holiday_on(calendar: Calendar | None, day: date) -> str | None:
    """The name of a public holiday; empty when it is none; None when that is unknown."""
    names = _year(calendar, day.year) if calendar else None
    return names.get(day, "") if names is not None else None


def calendar_problem(calendar: Calendar) -> str:
    """Why a calendar cannot be read, in words; empty when it can."""
    package = _package()
    if package is None:
        return MISSING
    country, _, part = calendar.partition("-")
    try:
        package.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        return f"there are no holidays for {calendar}; write an ISO 3166 code such as NL or DE-BY"
    return ""


@lru_cache(maxsize=1024)
def _year(calendar: Calendar, year: int) -> Mapping[date, str] | None:
    package = _package()
    if package is None:
        return None
    country, _, part = calendar.partition("-")
    try:
        known = package.country_holidays(country, subdiv=part or None, years=year, language="en_US")
    except Exception:  # not our code: whatever fails in it, the holidays are unknown, and no one is called
        return None
    if not known.start_year <= year <= known.end_year:
        return None
    return {day: str(name) for day, name in known.items()}


@lru_cache(maxsize=1)
def _package() -> ModuleType | None:
    try:
        import holidays  # noqa: PLC0415 - an extra, and 14 MB that few policies need
    except ImportError:
        return None
    return holidays


def _iso(day: Any) -> str:
    try:
        return (day if isinstance(day, date) else date.fromisoformat(day)).isoformat()
    except (TypeError, ValueError):
        raise ValueError("a date is written YYYY-MM-DD, as 2027-12-24") from None
