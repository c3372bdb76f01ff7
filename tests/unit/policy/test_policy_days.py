"""Holidays and dates of one's own, on the clock of whoever is called; and what follows when they are unknown."""

from datetime import UTC, datetime, timedelta

import pytest

from flireo_flows.policy import (
    WEEKDAYS,
    CallingHours,
    CallingPolicy,
    Deny,
    Holidays,
    PolicyLead,
    Rule,
    decide,
    explain,
    policy_problem,
)
from flireo_flows.policy.calendars import calendars_for, holiday_on
from tests.support.calling.policies import AMSTERDAM, ANY_HOUR, LONDON, NEW, reason, until

# 27 April 2027 is a Tuesday, and King's Day in the Netherlands only.
KINGS_DAY = datetime(2027, 4, 27, 10, 0, tzinfo=UTC)


def closed_on(*countries: str, **dates: list[str]) -> CallingPolicy:
    return CallingPolicy(holidays=Holidays(countries=list(countries), **dates))


def test_on_a_public_holiday_no_one_is_called_and_the_next_day_is() -> None:
    verdict = decide(AMSTERDAM, KINGS_DAY, closed_on("NL"), NEW)
    assert reason(verdict) == Rule.HOLIDAY
    assert until(verdict) == datetime(2027, 4, 28, 7, 0, tzinfo=UTC)
    assert explain(verdict) == (
        "King's Day in Europe/Amsterdam (it was 12:00 Tuesday in Europe/Amsterdam, "
        "the zone of the file; open 09:00-20:00 Mon-Fri); next Wednesday 09:00"
    )
    assert not reason(decide(AMSTERDAM, KINGS_DAY, CallingPolicy(), NEW))


def test_a_country_counts_for_every_lead_and_auto_for_those_with_its_numbers() -> None:
    berlin = PolicyLead("+4915112345678", ("Europe/Berlin",))
    assert reason(decide(berlin, KINGS_DAY, closed_on("NL"), NEW)) == Rule.HOLIDAY
    assert not reason(decide(berlin, KINGS_DAY, closed_on("auto"), NEW))
    assert reason(decide(AMSTERDAM, KINGS_DAY, closed_on("auto"), NEW)) == Rule.HOLIDAY


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    epiphany = datetime(2027, 1, 6, 10, 0, tzinfo=UTC)
    assert reason(decide(AMSTERDAM, epiphany, closed_on("DE-BY"), NEW)) == Rule.HOLIDAY
    assert not reason(decide(AMSTERDAM, epiphany, closed_on("DE"), NEW))


def test_the_date_is_that_of_the_lead_on_every_clock_it_may_have() -> None:
    policy = CallingPolicy(calling_hours=None, holidays=Holidays(closed_dates=["2027-04-27"]))
    both = PolicyLead("+31612345678", ("Pacific/Auckland", "America/Los_Angeles"))
    begins = datetime(2027, 4, 26, 12, 0, tzinfo=UTC)  # midnight in Auckland
    ends = datetime(2027, 4, 28, 7, 0, tzinfo=UTC)  # midnight in Los Angeles, a day later
    assert not reason(decide(both, begins - timedelta(seconds=1), policy, NEW))
    for hours in range(43):
        verdict = decide(both, begins + timedelta(hours=hours), policy, NEW)
        assert (reason(verdict), until(verdict)) == (Rule.HOLIDAY, ends)
    assert not reason(decide(both, ends, policy, NEW))


def test_dates_of_ones_own_close_and_open_days() -> None:
    own = closed_on("NL", closed_dates=["2027-04-28"], open_dates=["2027-04-27"])
    assert not reason(decide(AMSTERDAM, KINGS_DAY, own, NEW))
    closed = decide(AMSTERDAM, KINGS_DAY + timedelta(days=1), own, NEW)
    assert (reason(closed), until(closed)) == (Rule.HOLIDAY, datetime(2027, 4, 29, 7, 0, tzinfo=UTC))
    assert explain(closed).startswith("a closed date of the policy in Europe/Amsterdam")


def test_an_open_date_keeps_its_hours() -> None:
    sunday = closed_on(open_dates=["2027-04-25"])
    verdict = decide(AMSTERDAM, KINGS_DAY - timedelta(days=2), sunday, NEW)
    assert reason(verdict) == Rule.OUTSIDE_HOURS


def test_holidays_in_a_row_are_all_waited_for() -> None:
    christmas_eve = datetime(2026, 12, 24, 22, 0, tzinfo=UTC)  # a Thursday; Friday and Saturday are holidays
    policy = CallingPolicy(
        calling_hours=CallingHours(weekdays=list(WEEKDAYS)), holidays=Holidays(countries=["NL"])
    )
    assert until(decide(AMSTERDAM, christmas_eve, policy, NEW)) == datetime(2026, 12, 27, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lead", "policy"),
    [
        (AMSTERDAM, closed_on("ZZ")),  # no such country
        (PolicyLead("+80012345678", ("Europe/Amsterdam",)), closed_on("auto")),  # of no country
        (LONDON, closed_on("auto")),  # +44 is also Jersey's, and the number is no one's
        (PolicyLead("", ("Europe/Amsterdam",)), closed_on("NL", "auto")),
    ],
)
def test_whoever_may_have_a_holiday_that_no_one_knows_is_not_called(
    lead: PolicyLead, policy: CallingPolicy
) -> None:
    verdict = decide(lead, KINGS_DAY, policy, NEW)
    assert isinstance(verdict, Deny)
    assert (verdict.reason, verdict.until) == (Rule.HOLIDAYS_UNKNOWN, None)


def test_years_that_the_calendar_does_not_know_call_no_one() -> None:
    far = KINGS_DAY.replace(year=2101)
    assert reason(decide(AMSTERDAM, far, closed_on("NL"), NEW)) == Rule.HOLIDAYS_UNKNOWN


def test_holidays_need_to_know_the_zone_even_without_hours() -> None:
    nowhere = PolicyLead("+31612345678", ())
    policy = CallingPolicy(calling_hours=None, holidays=Holidays(countries=["NL"]))
    assert reason(decide(nowhere, KINGS_DAY, policy, NEW)) == Rule.ZONE_UNKNOWN
    assert not reason(decide(nowhere, KINGS_DAY, ANY_HOUR, NEW))


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("+31612345678", "NL"),
        ("+12125550123", "US"),
        ("+14165550123", "CA"),
        ("+447400123456", "GB"),
        ("+77012345678", "KZ"),
        ("+80012345678", None),
        ("+999", None),
        ("31612345678", None),
        ("+", None),
        ("", None),
    ],
)
def test_the_country_of_a_number(phone: str, country: str | None) -> None:
    assert calendars_for(Holidays(countries=["auto"]), phone) == (country,)


def test_a_policy_whose_holidays_cannot_be_read_is_refused_before_anyone_is_called() -> None:
    assert policy_problem(closed_on("auto", "NL", "DE-BY", "US-FL")) == ""
    words = "holidays.countries: there are no holidays for {}; write an ISO 3166 code such as NL or DE-BY"
    assert policy_problem(closed_on("NL", "ZZ")) == words.format("ZZ")
    assert policy_problem(closed_on("DE-ZZ")) == words.format("DE-ZZ")
    assert holiday_on("DE-ZZ", KINGS_DAY.date()) is None
