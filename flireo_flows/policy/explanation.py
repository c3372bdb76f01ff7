"""A decision in one English sentence, from what the ledger kept of it: its rule, its inputs, its `until`."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final

from flireo_flows.api.redaction import redact
from flireo_flows.policy.decision import Allow, Deny, Rule, Verdict
from flireo_flows.policy.timetable import zone_named

Facts = Mapping[str, object]

_ACCOUNT: Final = "another call of the account"
# Where a zone comes from, as `LeadLocation.sources` has it.
ROW_SOURCES: Final = {
    "postcode": "its row's postcode",
    "state": "its row's state",
    "country": "its row's country",
}
SOURCES: Final = {
    **ROW_SOURCES,
    "column": "its row's time zone",
    "number": "its number",
    "wide_zones": "its number's country",
}
_SOURCES: Final = {
    "file": "the do-not-call list of the campaign",
    "person": "a person put it on the do-not-call list",
    "outcome": "the outcome of an earlier call",
    "analysis": "the analysis of an earlier call",
    "unclear": "an answer of an earlier call is neither yes nor no; a person has to settle it",
    "forgotten": "the person is to be forgotten",
}


def explain(
    decision: Verdict | Rule | str, inputs: Facts | None = None, until: datetime | float | None = None
) -> str:
    """Explain a decision in one sentence, without the number: why it allowed, or why it denied and until when.

    Args:
        decision: The verdict itself; or the rule as the ledger keeps it, empty when all allowed.
        inputs: What the rules looked at, as stored; left out with a verdict.
        until: When it was worth asking again, a moment or Unix seconds; left out with a verdict.
    """
    if isinstance(decision, Allow):
        return _called(decision.inputs)
    if isinstance(decision, Deny):
        return _reason(str(decision.reason), decision.inputs, decision.until)
    facts = inputs or {}
    moment = datetime.fromtimestamp(until, UTC) if isinstance(until, int | float) else until
    return _reason(str(decision), facts, moment) if decision else _called(facts)


def _called(facts: Facts) -> str:
    parts = [_clock(facts), f"attempt {_whole(facts, 'attempts') + 1} of {_whole(facts, 'max_attempts')}"]
    if facts.get("other_hour"):
        parts.append("no other hour of the day was left")
    return "; ".join(part for part in parts if part)


def _reason(rule: str, facts: Facts, until: datetime | None) -> str:
    # A rule that is not known here was added by a newer version of this package.
    reason = REASONS[Rule(rule)] if rule in REASONS else rule.replace("_", " ")
    reason = reason if isinstance(reason, str) else reason(facts)
    return f"{reason}; {_when(rule, facts, until)}"


def _when(rule: str, facts: Facts, until: datetime | None) -> str:
    if rule in _WAITS:
        return _WAITS[Rule(rule)]
    if until is not None:
        return f"next {_moment(until, facts, facts.get('at'))}"
    if rule in _CAPS and facts.get("scope"):
        return f"next when the cap per {facts['scope']} is raised"
    never = _text(facts, "never") or rule
    if never == Rule.TOO_LATE and never != rule:
        return f"never under these rules, as its last moment is {_moment(_read(_text(facts, 'dial_before')), facts)}"
    if never == Rule.CONSENT_EXPIRED and never != rule:
        return "never under these rules, as consent ends before that"
    return f"never under these rules{_NEVER.get(never, '')}"


def _clock(facts: Facts) -> str:
    """What the person's clock showed, and how sure that is."""
    clocks = facts.get("clocks")
    if not isinstance(clocks, Mapping) or not clocks:
        return f"open {facts['open']}" if facts.get("open") else "at any hour"
    sources = _mixed_sources(facts)
    shown = " and ".join(
        f"{_wall(str(wall))} in {zone}{sources.get(zone, '')}" for zone, wall in clocks.items()
    )
    opened = f"; open {facts['open']}" if facts.get("open") else ""
    if isinstance(states := facts.get("states"), Mapping):
        opened += "".join(f", in {state} {hours}" for state, hours in states.items() if hours)
    second = f", and on the clock of {facts['second_clock']}" if facts.get("second_clock") else ""
    return f"it was {shown}, {_confidence(facts)}{opened}{second}"


def _confidence(facts: Facts) -> str:
    zones, named = _whole(facts, "zones"), facts.get("zone_sources")
    sources = set(named.values()) if isinstance(named, Mapping) and named else {facts.get("zone_source")}
    if len(sources) > 1:
        return f"of the {zones} zones it may be in, which must all be open"
    [source] = sources
    if source == "column":
        return "the zone of the file" if zones < 2 else "the zones of the file, which must all be open"
    if source in ROW_SOURCES:
        what = f"of the {zones} zones of" if zones > 1 else "the one zone of"
        return f"{what} {ROW_SOURCES[str(source)]}" + (", which must all be open" if zones > 1 else "")
    if zones == 1:
        return "the one zone of its number"
    return f"of the {zones} zones its number may be in, which must all be open"


def _mixed_sources(facts: Facts) -> dict[str, str]:
    """Where each zone comes from, in brackets; nothing where all come from one source."""
    named = facts.get("zone_sources")
    if not isinstance(named, Mapping) or len(set(named.values())) < 2:
        return {}
    return {str(zone): f" (of {SOURCES.get(str(source), source)})" for zone, source in named.items()}


def _do_not_call(facts: Facts) -> str:
    source = _text(facts, "source")
    return f"not to be called ({_SOURCES.get(source, source or 'it is on a do-not-call list')})"


def _no_consent(facts: Facts) -> str:
    if facts.get("given") is False:
        return "consent was refused"
    if given_at := _text(facts, "given_at"):
        return f"consent holds only from {_moment(_read(given_at), facts)} on"
    return "no consent is on file, and it is required"


def _consent_expired(facts: Facts) -> str:
    if expires := _text(facts, "expires_at"):
        return f"consent ended {_moment(_read(expires), facts)}"
    days = facts.get("valid_days", "so many")
    if given_at := _text(facts, "given_at"):
        return f"consent of {_moment(_read(given_at), facts)} is older than {days} days"
    return f"it is not known when consent was given, and it holds for {days} days"


def _too_late(facts: Facts) -> str:
    last = _text(facts, "dial_before")
    return f"too late: it was to be called before {_moment(_read(last), facts) if last else 'now'}"


def _zone_unknown(facts: Facts) -> str:
    zones = _whole(facts, "zones")
    unread = facts.get("unknown_zones")
    names = ", ".join(map(str, unread)) if isinstance(unread, list) else ""
    named = f" ({names}: this computer has no such time zone)" if names else ""
    if zones > 1:
        return f"one of its {zones} time zones is not one that is known{named}"
    if zones:
        return f"its time zone is not one that is known{named}"
    return "its time zone is unknown"


def _holidays_unknown(facts: Facts) -> str:
    countries = facts.get("countries")
    named = ", ".join(map(str, countries)) if isinstance(countries, list) else "its country"
    return f"whether {facts.get('date', 'the day')} is a holiday is unknown (asked about {named})"


def _too_soon(facts: Facts) -> str:
    ended, delay = _text(facts, "last_ended_at"), _whole(facts, "delay_seconds")
    when = f", {_moment(_read(ended), facts)}" if ended else ""
    return f"too soon after its last attempt ({_outcome(facts)}{when}; the delay is {_duration(delay)})"


def _number_cap(facts: Facts) -> str:
    calls, days = _whole(facts, "calls"), facts.get("days", 0)
    within = f"{days:g} days" if isinstance(days, int | float) and days != 1 else "24 hours"
    return (
        f"the number was called {_whole(facts, 'counted')} times within {within}, at most {calls} are allowed"
    )


def _other_campaigns(facts: Facts) -> str:
    if called_at := _text(facts, "called_at"):
        by = f"the campaign {redact(name)!r}" if (name := _text(facts, "called_by")) else _ACCOUNT
        gap = _duration(int(_figure_of(facts, "min_gap_hours") * 3600))
        return f"the person was called by {by} {_moment(_read(called_at), facts)}; {gap} must lie between"
    days = _figure(facts, "days")
    return (
        f"others called the person {_whole(facts, 'counted')} times within {days} days, at most "
        f"{_whole(facts, 'max_calls')} are allowed"
    )


def _cap(unit: str) -> Callable[[Facts], str]:
    def used_up(facts: Facts) -> str:
        what = _text(facts, "currency") if unit == "money" else unit
        assumed = _whole(facts, "open_calls")
        open_calls = f", {assumed} calls in progress or of unknown length, as assumed" if assumed else ""
        cap, used = _figure(facts, "cap"), _figure(facts, "used")
        return f"the cap of {cap} {what} per {facts.get('scope', 'scope')} is used up ({used}{open_calls})"

    return used_up


REASONS: Final[Mapping[Rule, str | Callable[[Facts], str]]] = {
    Rule.CLOCK_WRONG: lambda facts: f"the ledger's clock shows the year {facts.get('year', 'unknown')}",
    Rule.CAMPAIGN_CANCELLED: "the campaign was cancelled",
    Rule.CAMPAIGN_PAUSED: "the campaign is paused",
    Rule.DO_NOT_CALL: _do_not_call,
    Rule.NO_CONSENT: _no_consent,
    Rule.CONSENT_EXPIRED: _consent_expired,
    Rule.NO_ATTEMPTS_LEFT: lambda facts: (
        f"{_whole(facts, 'attempts')} of {_whole(facts, 'max_attempts')} attempts are used"
    ),
    Rule.NOT_RETRIED: lambda facts: (
        f"its last attempt ended as {_outcome(facts)}, after which no one is called again"
    ),
    Rule.TOO_LATE: _too_late,
    Rule.ZONE_UNKNOWN: _zone_unknown,
    Rule.HOLIDAYS_UNKNOWN: _holidays_unknown,
    Rule.OUTSIDE_HOURS: lambda facts: f"outside calling hours ({_clock(facts)})",
    Rule.HOLIDAY: lambda facts: (
        f"{facts.get('holiday', 'a holiday')} in {facts.get('holiday_zone', 'its zone')} ({_clock(facts)})"
    ),
    Rule.TOO_SOON: _too_soon,
    Rule.SAME_HOUR: lambda facts: (
        f"within {_whole(facts, 'other_hour_minutes')} minutes of the time of day of an earlier attempt "
        f"({_clock(facts)})"
    ),
    Rule.NUMBER_CAP: _number_cap,
    Rule.OTHER_CAMPAIGNS: _other_campaigns,
    Rule.ALREADY_RINGING: "a call to the number is in progress",
    Rule.RESULT_AWAITED: "the analysis of its last call has not come yet, and may say no",
    Rule.CONCURRENCY: lambda facts: (
        f"{_whole(facts, 'live')} calls are in progress, of {_whole(facts, 'max_concurrent_calls')} at most"
    ),
    Rule.CALL_CAP: _cap("calls"),
    Rule.MINUTE_CAP: _cap("minutes"),
    Rule.MONEY_CAP: _cap("money"),
}
_WAITS: Final[Mapping[Rule, str]] = {
    Rule.CAMPAIGN_CANCELLED: "never in this campaign",
    Rule.CAMPAIGN_PAUSED: "next when a person resumes it",
    Rule.ALREADY_RINGING: "next when it has ended",
    Rule.CONCURRENCY: "next when a call has ended",
}
_CAPS: Final = frozenset({Rule.CALL_CAP, Rule.MINUTE_CAP, Rule.MONEY_CAP})
_NEVER: Final[Mapping[str, str]] = {
    Rule.OUTSIDE_HOURS: ", as no moment of the coming 400 days suits every clock",
    Rule.HOLIDAY: ", as no moment of the coming 400 days suits every clock",
}


def _moment(moment: datetime | None, facts: Facts, since: object = None) -> str:
    """On the person's own clock: the weekday and time, with the date unless it is within six days of `since`."""
    if moment is None:
        return "an unknown moment"
    zone, name = _zone(facts)
    try:
        local = moment.astimezone(zone)
    except OverflowError:  # a date at the end of Python's calendar
        local = moment
    begun = _read(since) if isinstance(since, str) else None
    near = begun is not None and 0 <= (moment - begun).total_seconds() < 6 * 86_400
    date = "" if near else f" {local.day} {local:%B} {local.year}"
    return f"{local:%A}{date} {local:%H:%M}{name}"


def _zone(facts: Facts) -> tuple[tzinfo, str]:
    """The clock for times, and its name where it is needed."""
    clocks = facts.get("clocks")
    names = [str(name) for name in clocks] if isinstance(clocks, Mapping) else []
    zone = zone_named(names[0]) if names else None
    if zone is None:
        return UTC, " UTC"
    return zone, f" in {zone.key}" if len(names) > 1 else ""


def _wall(text: str) -> str:
    wall = _read(text)
    return f"{wall:%H:%M %A}" if wall else text


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _duration(seconds: int) -> str:
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:g} {unit}" if seconds % size == 0 else f"{seconds / size:.1f} {unit}"
    return f"{seconds} seconds"


def _outcome(facts: Facts) -> str:
    return (_text(facts, "last_outcome") or "outcome unknown").replace("_", " ")


def _figure_of(facts: Facts, key: str) -> float:
    value = facts.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


def _text(facts: Facts, key: str) -> str:
    value = facts.get(key)
    return value if isinstance(value, str) else ""


def _whole(facts: Facts, key: str) -> int:
    value = facts.get(key)
    return int(value) if isinstance(value, int | float) else 0


def _figure(facts: Facts, key: str) -> str:
    value = facts.get(key)
    return f"{value:g}" if isinstance(value, int | float) else "so many"
