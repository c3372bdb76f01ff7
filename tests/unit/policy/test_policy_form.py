"""The policy as a form, as files, and in words."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from flireo_flows import policy as package
from flireo_flows.cli.settings import read_document
from flireo_flows.leads import Consent
from flireo_flows.policy import (
    Allow,
    CallingHours,
    CallingPolicy,
    Deny,
    History,
    Holidays,
    NumberCap,
    OtherCall,
    PolicyLead,
    RetryDelay,
    Rule,
    Totals,
    campaign_denial,
    decide,
    explain,
    policy_problem,
    policy_warnings,
    preset,
    preset_names,
)
from flireo_flows.policy.calling_policy import preset_text
from tests.support.calling.policies import AMSTERDAM, ANY_HOUR, LONDON, NEW, NOON, PHONE, reason

# The form.


def fields_of(schema: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    models = [schema, *schema["$defs"].values()]  # type: ignore[attr-defined]  # a JSON schema
    for model in models:
        yield from model.get("properties", {}).items()


def test_every_field_of_the_form_has_a_title_and_a_description() -> None:
    for name, field in fields_of(CallingPolicy.model_json_schema()):
        # Where a form within the form has the same title, pydantic leaves it to that one.
        assert field.get("title") or str(field["$ref"]).endswith(f"/{name.capitalize()}"), name
        assert field.get("description"), name


def test_the_only_choice_between_two_kinds_is_to_leave_something_out() -> None:
    unions = {
        name: field for name, field in fields_of(CallingPolicy.model_json_schema()) if "anyOf" in str(field)
    }
    durations = {"min_duration_seconds", "max_duration_seconds"}
    assert set(unions) == {"calling_hours", "talked", "most_messages", *durations}
    for field in unions.values():
        kinds = field["anyOf"]
        assert isinstance(kinds, list) and len(kinds) == 2 and {"type": "null"} in kinds
    text = json.dumps(CallingPolicy.model_json_schema())
    assert "oneOf" not in text
    assert 'additionalProperties": {' not in text  # no free mapping
    assert "duration" not in {
        field.get("format") for _, field in fields_of(CallingPolicy.model_json_schema())
    }


def test_what_the_form_was_given_comes_back_from_json_and_from_yaml() -> None:
    for policy in (CallingPolicy(), *(preset(name) for name in preset_names())):
        assert CallingPolicy.model_validate_json(policy.model_dump_json()) == policy
        assert (
            CallingPolicy.model_validate(yaml.safe_load(yaml.safe_dump(policy.model_dump(mode="json"))))
            == policy
        )


def test_a_policy_file_may_leave_its_quotes_out(tmp_path: Path) -> None:
    text = """
        calling_hours: {start: 9:00, end: 20:30, weekdays: [mon, 2], breaks: [{start: 12:30, end: 13:00}]}
        dial_before: 2027-03-01T18:00:00+01:00
        holidays: {closed_dates: [2027-12-24]}
    """
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    policy = CallingPolicy.model_validate(read_document(file, "policy", "fields"))
    assert policy.calling_hours is not None
    assert (policy.calling_hours.start, policy.calling_hours.end) == ("09:00", "20:30")
    assert policy.calling_hours.weekdays == ["monday", "tuesday"]
    assert policy.calling_hours.breaks[0].start == "12:30"
    assert policy.last_moment == datetime(2027, 3, 1, 17, 0, tzinfo=UTC)
    assert policy.holidays.closed_dates == ["2027-12-24"]


@pytest.mark.parametrize("figure", [0, 9, 20, 540, 1230, 9.0, True])
@pytest.mark.parametrize("part", ["start", "end"])
def test_a_figure_is_no_time_of_day_in_yaml_json_or_the_form(part: str, figure: float) -> None:
    for hours in (
        {part: figure},
        {"breaks": [{part: figure}]},
        {"other_days": [{"weekdays": ["sat"], part: figure}]},
    ):
        with pytest.raises(ValidationError, match='written "09:00", in quotation marks'):
            CallingPolicy.model_validate({"calling_hours": hours})
        with pytest.raises(ValidationError, match='written "09:00", in quotation marks'):
            CallingPolicy.model_validate_json(json.dumps({"calling_hours": hours}))


def test_what_the_package_offers_is_listed_in_order() -> None:
    assert package.__all__ == sorted(package.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(package, name) for name in package.__all__)


# Presets.


def test_there_is_a_preset_for_each_of_these() -> None:
    assert preset_names() == ("be", "de", "fr", "gb", "nl", "us", "us-fl")
    with pytest.raises(ValueError, match="there is no preset xx; there are be, de, fr, gb, nl, us, us-fl"):
        preset("xx")


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_dated_sourced_no_advice_and_can_be_used(name: str) -> None:
    text = preset_text(name)
    dated = re.search(r"^# As of: (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert dated
    assert datetime.fromisoformat(dated[1])
    assert "An example to edit, not legal advice." in text.splitlines()[0]
    assert re.search(r"^# Source: .", text, re.MULTILINE)
    assert policy_problem(preset(name)) == ""
    assert policy_warnings(preset(name)) == []
    assert preset(name).consent_required


def allows(name: str, zone: str, local: str, history: History = NEW) -> bool:
    """Whether a preset lets someone be called who agreed, at a time on their wall."""
    from zoneinfo import ZoneInfo

    lead = PolicyLead(PHONE, (zone,), consent=Consent(True))
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
    return isinstance(decide(lead, now, preset(name), history), Allow)


@pytest.mark.parametrize(
    ("name", "zone", "opened", "closed"),
    [
        (
            "fr",
            "Europe/Paris",
            ["2026-11-24T10:00", "2026-11-24T19:59"],
            ["2026-11-24T13:30", "2026-11-28T11:00"],
        ),
        ("fr", "Europe/Paris", ["2026-07-15T14:00"], ["2026-07-14T14:00", "2026-07-15T20:00"]),  # 14 July
        (
            "us",
            "America/Denver",
            ["2026-11-29T08:00", "2026-11-24T20:59"],
            ["2026-11-24T07:59", "2026-11-24T21:00"],
        ),
        ("us-fl", "America/New_York", ["2026-11-24T19:59"], ["2026-11-24T20:00"]),
        ("nl", "Europe/Amsterdam", ["2026-11-28T15:59"], ["2026-11-28T16:00", "2026-04-27T12:00"]),
        ("de", "Europe/Berlin", ["2026-10-02T12:00"], ["2026-10-05T08:59", "2025-10-03T12:00"]),
        ("be", "Europe/Brussels", ["2026-07-20T12:00"], ["2026-07-21T12:00"]),
        ("gb", "Europe/London", ["2026-11-28T12:00"], ["2026-12-25T12:00", "2026-11-29T12:00"]),
    ],
)
def test_the_hours_of_a_preset_are_as_it_declares(
    name: str, zone: str, opened: list[str], closed: list[str]
) -> None:
    assert [it for it in opened if not allows(name, zone, it)] == []
    assert [it for it in closed if allows(name, zone, it)] == []


def test_the_caps_of_a_preset_are_as_it_declares() -> None:
    now = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    called = tuple(now - timedelta(days=days) for days in (29, 20, 10, 3))
    assert not allows("fr", "Europe/Paris", "2026-11-24T16:00", History(number_called_at=called))
    assert allows("fr", "Europe/Paris", "2026-11-24T16:00", History(number_called_at=called[1:]))
    today = tuple(now - timedelta(hours=hours) for hours in (23, 5, 1))
    assert not allows("us-fl", "America/New_York", "2026-11-24T10:00", History(number_called_at=today))
    assert allows("us-fl", "America/New_York", "2026-11-24T10:00", History(number_called_at=today[1:]))


# Warnings.


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, []),
        ({"calling_hours": None}, ["calling_hours is null: people are called at any hour of the night"]),
        (
            {"reconcile_grace_seconds": 89},
            ["reconcile_grace_seconds is 89: phones have started ringing 84 s late"],
        ),
        ({"reconcile_grace_seconds": 90}, []),
        ({"consent_valid_days": 9}, ["consent_valid_days is set and consent_required is not"]),
        ({"do_not_call_outcomes": ["busy"]}, ["busy is both retried and in do_not_call_outcomes"]),
        ({"max_attempts": 2, "retry_delay_seconds": 59}, ["a lead may be called again within a minute"]),
        ({"retry_delays": [RetryDelay(), RetryDelay()]}, ["retry_delays names no_answer twice"]),
        ({"outcomes": [{"outcome": "busy", "ended_with": ["486"]}]}, []),
        (
            {"outcomes": [{"outcome": "busy", "talked": False}, {"outcome": "failed"}, {"outcome": "busy"}]},
            ["rule 2 of outcomes has no condition, so it fits every call: no rule after it is asked"],
        ),
    ],
)
def test_settings_that_weaken_a_promise_are_reported(fields: dict[str, object], says: list[str]) -> None:
    reported = policy_warnings(CallingPolicy.model_validate(fields))
    assert len(reported) == len(says)
    assert all(sentence.startswith(begins) for sentence, begins in zip(reported, says, strict=True))


# Words.

TWO_ZONES = PolicyLead("+34612345678", ("Europe/Madrid", "Atlantic/Canary"))
THURSDAY = datetime(2026, 7, 16, 18, 41, tzinfo=UTC)
RETRIES = CallingPolicy(calling_hours=None, max_attempts=3, other_hour_minutes=60)
BUSY = History(attempts=1, last_outcome="busy", last_ended_at=NOON, called_at=(NOON,))  # type: ignore[arg-type]


def caps(scope: str, **cap: float) -> Deny:
    policy = CallingPolicy.model_validate(
        {f"caps_per_{scope}": cap, "tariff": {"per_call": 1}, "assumed_call_seconds": 60}
    )
    used = Totals(4, 120, open_calls=2)
    denial = campaign_denial(THURSDAY, policy, History(run=used, day=used, campaign=used))
    assert denial is not None
    return denial


SAID = [
    (
        decide(AMSTERDAM, THURSDAY, CallingPolicy(), NEW),
        "outside calling hours (it was 20:41 Thursday in Europe/Amsterdam, the zone of the file; "
        "open 09:00-20:00 Mon-Fri); next Friday 09:00",
    ),
    (
        decide(TWO_ZONES, THURSDAY, CallingPolicy(), NEW),
        "outside calling hours (it was 20:41 Thursday in Europe/Madrid and 19:41 Thursday in Atlantic/Canary, "
        "of the 2 zones its number may be in, which must all be open; open 09:00-20:00 Mon-Fri); "
        "next Friday 10:00 in Europe/Madrid",
    ),
    (
        decide(LONDON, NOON.replace(hour=3), CallingPolicy(calling_hours=CallingHours(clock="UTC")), NEW),
        "outside calling hours (it was 04:00 Wednesday in Europe/London, the one zone of its number; "
        "open 09:00-20:00 Mon-Fri, and on the clock of UTC); next Wednesday 10:00",
    ),
    (
        decide(LONDON, NOON, CallingPolicy(holidays=Holidays(closed_dates=["2026-07-15"])), NEW),
        "a closed date of the policy in Europe/London (it was 13:00 Wednesday in Europe/London, the one zone of "
        "its number; open 09:00-20:00 Mon-Fri); next Thursday 09:00",
    ),
    (
        decide(LONDON, NOON, CallingPolicy(holidays=Holidays(countries=["auto"])), NEW),
        "whether 2026-07-15 is a holiday is unknown (asked about the number's country); never",
    ),
    (
        decide(PolicyLead(PHONE, ()), NOON, CallingPolicy(), NEW),
        "its time zone is unknown; never under these rules",
    ),
    (
        decide(PolicyLead(PHONE, ("Mars/X",)), NOON, CallingPolicy(), NEW),
        "its time zone is not one that is known",
    ),
    (
        decide(LONDON, NOON, ANY_HOUR, History(awaited_until=NOON + timedelta(minutes=5))),
        "the analysis of its last call has not come yet, and may say no",
    ),
    (decide(LONDON, NOON, ANY_HOUR, History(do_not_call="person")), "not to be called (a person put it on"),
    (
        decide(PolicyLead(PHONE, (), consent=Consent(False)), NOON, ANY_HOUR, NEW),
        "consent was refused; never",
    ),
    (
        decide(LONDON, NOON, CallingPolicy(consent_required=True), NEW),
        "no consent is on file, and it is required",
    ),
    (
        decide(PolicyLead(PHONE, (), consent=Consent(True, None, NOON)), THURSDAY, ANY_HOUR, NEW),
        "consent ended Wednesday 15 July 2026 12:00 UTC; never under these rules",
    ),
    (
        decide(LONDON, NOON, ANY_HOUR, History(attempts=1)),
        "1 of 1 attempts are used; never under these rules",
    ),
    (
        decide(LONDON, NOON, RETRIES, History(attempts=1, last_outcome="answered")),  # type: ignore[arg-type]
        "its last attempt ended as answered, after which no one is called again; never under these rules",
    ),
    (
        decide(PolicyLead(PHONE, (), dial_before=NOON), NOON, ANY_HOUR, NEW),
        "too late: it was to be called before Wednesday 15 July 2026 12:00 UTC; never under these rules",
    ),
    (
        decide(LONDON, NOON, RETRIES, BUSY),
        "too soon after its last attempt (busy, Wednesday 15 July 2026 13:00; the delay is 60 minutes); "
        "next Wednesday 14:01",
    ),
    (
        decide(LONDON, NOON + timedelta(days=1), RETRIES, BUSY),
        "within 60 minutes of the time of day of an earlier attempt (it was 13:00 Thursday in Europe/London, "
        "the one zone of its number); next Thursday 14:01",
    ),
    (
        decide(
            LONDON, NOON, CallingPolicy(number_caps=[NumberCap(calls=1)]), History(number_called_at=(NOON,))
        ),
        "the number was called 1 times within 30 days, at most 1 are allowed; next Friday 14 August 2026 13:00",
    ),
    (
        decide(
            LONDON, NOON, ANY_HOUR, History(other_calls=(OtherCall(NOON - timedelta(hours=2), "spring"),))
        ),
        "the person was called by the campaign 'spring' Wednesday 15 July 2026 11:00; 24 hours must lie between; "
        "next Thursday 11:00",
    ),
    (
        decide(LONDON, NOON, ANY_HOUR, History(has_open_call=True)),
        "a call to the number is in progress; next when it",
    ),
    (decide(LONDON, NOON.replace(year=9999), ANY_HOUR, NEW), "the ledger's clock shows the year 9999; never"),
    (
        campaign_denial(NOON, CallingPolicy(max_concurrent_calls=2), History(live=2)),
        "2 calls are in progress, of 2 at most; next when a call has ended",
    ),
    (
        caps("run", calls=4),
        "the cap of 4 calls per run is used up (4, 2 calls in progress or of unknown length, as assumed); "
        "next when the cap per run is raised",
    ),
    (caps("campaign", minutes=4), "the cap of 4 minutes per campaign is used up (4, 2 calls in progress"),
    (caps("day", money=4), "the cap of 4 EUR per day is used up (4, 2 calls in progress"),
    (Deny(Rule.CAMPAIGN_PAUSED), "the campaign is paused; next when a person resumes it"),
    (Deny(Rule.CAMPAIGN_CANCELLED), "the campaign was cancelled; never in this campaign"),
    (
        Deny(Rule.CONSENT_EXPIRED, None, {"given_at": "2026-01-01T00:00:00+00:00", "valid_days": 30}),
        "consent of Thursday 1 January 2026 00:00 UTC is older than 30 days",
    ),
]


@pytest.mark.parametrize(("verdict", "says"), SAID, ids=[reason(verdict) for verdict, _ in SAID])  # type: ignore[arg-type]
def test_a_denial_is_explained_in_one_sentence_from_what_the_ledger_keeps(verdict: Deny, says: str) -> None:
    assert explain(verdict).startswith(says)
    kept = json.loads(json.dumps(dict(verdict.inputs)))  # also: only JSON values, and no number
    seconds = verdict.until.timestamp() if verdict.until else None
    assert explain(str(verdict.reason), kept, seconds) == explain(verdict)
    assert explain(verdict.reason, kept, verdict.until) == explain(verdict)
    assert PHONE not in json.dumps(kept)


def test_every_rule_can_be_explained_even_of_an_older_ledger_that_kept_less() -> None:
    assert {verdict.reason for verdict, _ in SAID if isinstance(verdict, Deny)} == set(Rule)
    for rule in Rule:
        for inputs in (
            {},
            {"clocks": "?", "at": 3, "cap": "many", "countries": None, "last_ended_at": "once"},
        ):
            for until in (None, 0.0, THURSDAY):
                assert re.fullmatch(r".+; (next|never) .+", explain(rule, inputs, until))
    assert explain("rule_of_tomorrow", {}, None) == "rule of tomorrow; never under these rules"


def test_an_allowed_call_shows_on_which_clock_and_which_attempt_it_was() -> None:
    allowed = decide(AMSTERDAM, NOON, CallingPolicy(max_attempts=3), History(attempts=1))
    says = (
        "it was 14:00 Wednesday in Europe/Amsterdam, the zone of the file; open 09:00-20:00 Mon-Fri; "
        "attempt 2 of 3"
    )
    assert explain(allowed) == explain("", json.loads(json.dumps(dict(allowed.inputs)))) == says


def test_presets_lie_beside_the_code_so_that_a_wheel_holds_them() -> None:
    folder = Path(package.__file__).with_name("presets")
    assert {file.stem for file in folder.glob("*.yaml")} == set(preset_names())
