"""Hours where it is not certain which zone or state a person is in: all that are possible must allow."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from flireo_flows.calling.plan_notes import cautions, zone_notes
from flireo_flows.leads import Consent, LeadFormat, LeadPhone, parse_phone, read_leads
from flireo_flows.leads.zone_names import countries, north_america
from flireo_flows.policy import (
    Allow,
    CallingHours,
    CallingPolicy,
    Deny,
    History,
    NumberCap,
    PolicyLead,
    Rule,
    StateRule,
    decide,
    explain,
    location_of,
    number_memory,
    preset,
)
from tests.support.cases import every

NEW = History()
GIVEN = Consent(given=True)
MIAMI, BOSTON, PENSACOLA, SAO_PAULO = "+13055550100", "+16175550100", "+18504180155", "+5511912345678"
US = preset("us")
EVERY_DAY = [*CallingHours().weekdays, "saturday", "sunday"]
# The week of a change of clocks in spring and in autumn, north and south, and one of neither.
WEEKS = [
    datetime(2026, 3, 6, tzinfo=UTC),
    datetime(2026, 10, 30, tzinfo=UTC),
    datetime(2026, 7, 13, tzinfo=UTC),
]


def lead(phone: str, **more: str) -> PolicyLead:
    found = parse_phone(phone)
    assert isinstance(found, LeadPhone)
    return PolicyLead(found.e164, found.zones, "number", GIVEN, None, **more)


def allowed(who: PolicyLead, at: datetime, policy: CallingPolicy, history: History = NEW) -> bool:
    return isinstance(decide(who, at.astimezone(UTC), policy, history), Allow)


def on_every_wall(zones: tuple[str, ...], at: datetime, first: int, last: int) -> bool:
    return all(first <= at.astimezone(ZoneInfo(zone)).hour < last for zone in zones)


@every("area", sorted(north_america()))
def test_no_area_code_is_called_outside_the_hours_of_any_of_its_zones(area: str) -> None:
    who = PolicyLead(f"+1{area}5550100", north_america()[area][1], "number", GIVEN)
    for week in WEEKS:
        for hours in range(0, 96, 1):
            at = week + timedelta(hours=hours, minutes=30)
            if allowed(who, at, US):
                assert on_every_wall(who.zones, at, 8, 21), (at, who.zones)


@every("country", countries(), ids=lambda country: country.iso + country.code)
@every("week", WEEKS, ids=lambda week: f"{week:%Y-%m}")
def test_wide_zones_call_only_when_the_whole_country_is_open(country: object, week: datetime) -> None:
    phone = {"US": BOSTON, "CA": "+14165550100"}.get(country.iso, f"+{country.code}1")  # type: ignore[attr-defined]
    zones = country.zones  # type: ignore[attr-defined]
    who = PolicyLead(phone, zones[:1], "number", GIVEN)
    policy = CallingPolicy(wide_zones=True, calling_hours=CallingHours(weekdays=EVERY_DAY))
    for hours in range(72):
        at = week + timedelta(hours=hours, minutes=1)
        assert allowed(who, at, policy) is on_every_wall(zones, at, 9, 20), at


@every("source", ["column", "state", "postcode", "country"])
def test_wide_zones_leave_alone_who_the_row_places(source: str) -> None:
    who = PolicyLead(BOSTON, ("America/New_York",), source, GIVEN)
    assert location_of(who, wide=True).zones == ("America/New_York",)


def test_wide_zones_are_off_by_default_and_in_every_preset() -> None:
    assert not CallingPolicy().wide_zones
    assert not any(preset(name).wide_zones for name in ("be", "de", "fr", "gb", "nl", "us", "us-fl"))


@every(
    ("zones", "start", "end"),
    [
        (("Europe/London", "Pacific/Auckland"), "10:00", "11:00"),
        (("America/New_York", "America/Los_Angeles"), "09:00", "12:00"),
        (("Europe/Amsterdam", "America/Los_Angeles"), "09:00", "17:00"),
        (("Asia/Tokyo", "America/Sao_Paulo"), "09:00", "20:00"),
        (("Europe/Kaliningrad", "Asia/Kamchatka"), "09:00", "18:00"),
    ],
)
def test_zones_that_share_no_hour_go_to_review(zones: tuple[str, ...], start: str, end: str) -> None:
    policy = CallingPolicy(calling_hours=CallingHours(start=start, end=end))
    for hours in range(0, 24 * 7, 5):
        verdict = decide(PolicyLead(BOSTON, zones, "number"), WEEKS[2] + timedelta(hours=hours), policy, NEW)
        assert isinstance(verdict, Deny) and verdict.needs_review and verdict.until is None
        assert "no moment of the coming 400 days suits every clock" in explain(verdict)
        assert all(zone in explain(verdict) for zone in zones)


def test_whoever_waits_for_another_rule_goes_to_review_as_well_if_no_hour_is_shared() -> None:
    policy = CallingPolicy(
        calling_hours=CallingHours(start="10:00", end="11:00"), number_caps=[NumberCap(calls=1, days=1)]
    )
    history = History(number_called_at=(WEEKS[2],))
    who = PolicyLead(BOSTON, ("Europe/London", "Pacific/Auckland"), "number")
    verdict = decide(who, WEEKS[2] + timedelta(hours=1), policy, history)
    assert isinstance(verdict, Deny) and (verdict.until, verdict.needs_review) == (None, True)


@every("zones", [("Europe/London",), ("America/New_York", "America/Chicago")])
def test_who_waits_for_an_hour_does_not_go_to_review(zones: tuple[str, ...]) -> None:
    for hours in range(24 * 7):
        verdict = decide(PolicyLead(BOSTON, zones), WEEKS[0] + timedelta(hours=hours), CallingPolicy(), NEW)
        assert isinstance(verdict, Allow) or (verdict.until and not verdict.needs_review)


def test_a_policy_that_never_opens_is_no_matter_of_zones() -> None:
    day = date(2026, 7, 1)
    closed = [(day + timedelta(days=n)).isoformat() for n in range(420)]
    policy = CallingPolicy.model_validate({"holidays": {"closed_dates": closed}})
    verdict = decide(PolicyLead(BOSTON, ("Europe/London", "Europe/Paris")), WEEKS[2], policy, NEW)
    assert isinstance(verdict, Deny) and not verdict.needs_review


# Rules by state: in the order of hours on the wall of New York, where all of these people are.

EVENING = datetime(2026, 7, 15, 20, 30, tzinfo=ZoneInfo("America/New_York"))
EARLY = datetime(2026, 7, 15, 8, 30, tzinfo=ZoneInfo("America/New_York"))
SUNDAY = datetime(2026, 7, 19, 14, 0, tzinfo=ZoneInfo("America/New_York"))


@every(
    ("phone", "row", "at", "may"),
    [
        (BOSTON, {}, EVENING, False),  # Massachusetts ends at 20:00
        ("+12125550100", {}, EVENING, True),  # New York has the federal hours
        (MIAMI, {}, EVENING, False),
        ("+12125550100", {"state": "NY"}, EVENING, True),
        ("+12125550100", {"state": "FL"}, EVENING, False),
        ("+12125550100", {"postcode": "33101"}, EVENING, False),
        (MIAMI, {"state": "NY"}, EVENING, False),  # the two contradict each other: both hold
        ("+12035550100", {}, EARLY, False),  # Connecticut begins at 9:00
        ("+12125550100", {}, EARLY, True),
        ("+18645550100", {"state": "Louisiana"}, SUNDAY, False),
        ("+12125550100", {}, SUNDAY, True),
    ],
)
def test_the_state_of_a_lead_picks_its_rules(
    phone: str, row: dict[str, str], at: datetime, may: bool
) -> None:
    assert allowed(lead(phone, **row), at, preset("us")) is may


def test_where_no_state_is_known_the_rules_of_all_states_hold() -> None:
    unknown = PolicyLead("+18005550100", ("America/New_York",), "column", GIVEN)
    assert not allowed(unknown, EVENING, preset("us"))
    assert not allowed(lead("+12125550100"), EVENING, preset("us").model_copy(update={"wide_zones": True}))
    assert allowed(PolicyLead("+31201234501", ("America/New_York",), "column", GIVEN), EVENING, preset("us"))


@every(("phone", "calls", "may"), [(MIAMI, 2, True), (MIAMI, 3, False), ("+12125550100", 3, True)])
def test_a_state_caps_the_calls_to_its_numbers(phone: str, calls: int, may: bool) -> None:
    noon = EVENING.replace(hour=12)
    history = History(
        number_called_at=tuple(noon.astimezone(UTC) - timedelta(hours=n + 2) for n in range(calls))
    )
    policy = preset("us").model_copy(update={"max_attempts": 9})
    verdict = decide(lead(phone), noon.astimezone(UTC), policy, history)
    assert isinstance(verdict, Allow) is may
    if isinstance(verdict, Deny):
        assert verdict.reason is Rule.NUMBER_CAP
    assert number_memory(policy) == timedelta(days=1)


def test_why_shows_the_zones_their_sources_and_the_rules_of_a_state() -> None:
    who = PolicyLead(BOSTON, ("America/New_York", "America/Los_Angeles"), "number column", GIVEN)
    said = explain(decide(who, EVENING.astimezone(UTC), preset("us"), NEW))
    assert "20:30 Wednesday in America/New_York (of its number)" in said
    assert "17:30 Wednesday in America/Los_Angeles (of its row's time zone)" in said
    assert "in US-MA 08:00-20:00 Mon-Sun" in said


def test_any_hour_is_not_any_hour_where_a_state_forbids_it() -> None:
    policy = CallingPolicy(
        calling_hours=None, state_rules=[StateRule(state="US-MA", calling_hours=CallingHours())]
    )
    assert not allowed(lead(BOSTON), EVENING, policy)
    assert allowed(lead("+12125550100"), EVENING, policy)
    assert isinstance(decide(PolicyLead("+12125550100", ()), EVENING, policy, NEW), Allow)


def test_a_row_that_contradicts_its_number_is_called_in_neither_night(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("phone;timezone\n010 200 1234;America/Los_Angeles\n", "utf-8")
    [found] = read_leads(path, LeadFormat(default_region="NL")).leads
    who = PolicyLead(found.phone, found.zones, found.zone_source)
    for week in WEEKS:
        for hours in range(24 * 5):
            at = week + timedelta(hours=hours)
            if allowed(who, at, CallingPolicy()):
                assert on_every_wall(("Europe/Amsterdam", "America/Los_Angeles"), at, 9, 20), at


def test_a_plan_shows_what_it_does_not_know_of_places() -> None:
    start = WEEKS[2]
    torn = PolicyLead("+31201234501", ("Europe/Amsterdam", "Europe/Lisbon"), "number column")
    lost = PolicyLead(BOSTON, ("America/New_York", "Asia/Tokyo"), "number column")
    planned, moments = [lead(MIAMI), lead(SAO_PAULO), torn], [start, start, start + timedelta(days=20)]
    review = Deny(Rule.OUTSIDE_HOURS, None, needs_review=True)
    told = " ".join(zone_notes([*planned, lost], [*moments, review], CallingPolicy(), start))
    assert "1 leads are not called and go to review" in told and "America/New_York, Asia/Tokyo" in told
    assert "Of 1 leads the row contradicts the number" in told
    assert "1 leads wait for more than 14 days" in told
    assert "2 numbers name a place that may be out of date" in told and "wide_zones" in told
    assert "out of date" not in " ".join(zone_notes(planned, moments, CallingPolicy(wide_zones=True), start))
    assert not any("zone" in it for it in cautions(CallingPolicy(), ["An AI is calling."], 0))


@every(
    ("row", "words"),
    [
        (f"{MIAMI};Asia/Tokyo", "suits every clock"),
        ("+79161234567;", "Europe/Kaliningrad"),
    ],
)
def test_a_plan_of_a_file_shows_who_goes_to_review_and_why(tmp_path: Path, row: str, words: str) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(f"phone;timezone\n{row}\n", "utf-8")
    [found] = read_leads(path).leads
    policy = CallingPolicy(calling_hours=CallingHours(start="09:00", end="17:00"))
    verdict = decide(PolicyLead(found.phone, found.zones, found.zone_source), WEEKS[2], policy, NEW)
    assert isinstance(verdict, Deny) and verdict.needs_review and words in explain(verdict)
