"""What a vendor campaign cannot honour is refused before anything is handed over."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flireo_flows.calling.account import Caller
from flireo_flows.calling.choice import CannotCompose, LeadFacts
from flireo_flows.calling.handover import CannotHandOver, Window, Words, notices, refusals
from flireo_flows.calling.handover.refusing import HONOURED, REFUSED
from flireo_flows.calling.handover.window import common_window
from flireo_flows.calling.policy import WEEKDAYS, CallingHours, CallingPolicy
from flireo_flows.calling.script import Script

from .campaign import ANNA

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
EVERY_DAY = CallingHours(start="09:00", end="20:00", weekdays=list(WEEKDAYS))
FITTING = CallingPolicy(calling_hours=EVERY_DAY)
WORDS = Words("agent-1")


def policy(**changes: Any) -> CallingPolicy:
    return CallingPolicy.model_validate({**FITTING.model_dump(), **changes})


def test_every_setting_of_a_policy_is_either_refused_or_honoured() -> None:
    assert set(REFUSED) | HONOURED == set(CallingPolicy.model_fields)
    assert not set(REFUSED) & HONOURED


def test_the_same_hours_on_all_days_and_one_attempt_can_be_handed_over() -> None:
    assert refusals(FITTING, WORDS) == []
    assert refusals(policy(calling_hours=None), WORDS) == []
    assert any("breaker" in notice for notice in notices(FITTING))
    assert any("do-not-call" in notice for notice in notices(FITTING))


def test_the_default_weekdays_cannot_be_honoured_and_the_refusal_names_them() -> None:
    (refused,) = refusals(CallingPolicy(), WORDS)
    assert refused.startswith("policy.calling_hours (09:00-20:00 Mon-Fri): ")
    assert "all seven days" in refused and "mode 'direct'" in refused


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("calling_hours", {**EVERY_DAY.model_dump(), "breaks": [{"start": "12:00", "end": "13:00"}]}),
        ("calling_hours", {**EVERY_DAY.model_dump(), "clock": "Europe/Amsterdam"}),
        (
            "calling_hours",
            {**EVERY_DAY.model_dump(), "other_days": [{"weekdays": ["sunday"], "start": "12:00"}]},
        ),
        ("holidays", {"countries": ["NL"]}),
        ("dial_before", "2027-03-01T18:00+01:00"),
        ("consent_valid_days", 30),
        ("max_attempts", 2),
        ("number_caps", [{"calls": 4, "days": 30}]),
        ("max_concurrent_calls", 5),
        ("calls_per_minute", 10),
        ("caps_per_run", {"calls": 5}),
        ("caps_per_day", {"minutes": 5}),
        ("caps_per_campaign", {"money": 5}),
        ("min_balance_minutes", 10),
    ],
)
def test_a_rule_that_flireo_does_not_keep_is_refused_by_name(field: str, value: object) -> None:
    (refused,) = refusals(policy(**{field: value}), WORDS)
    assert refused.startswith(f"policy.{field}") and refused.endswith("or use mode 'direct'.")


@pytest.mark.parametrize(
    ("caller", "script", "named"),
    [
        (Caller(""), {}, "agent_id"),
        (Caller("a", "n"), {}, "number"),
        (Caller("a"), {"first_message": "Hi {{ name }}"}, "script.first_message"),
        (Caller("a"), {"variants": [{"name": "b", "first_message": "Hi"}]}, "script.variants"),
        (Caller("a"), {"numbers": [{"number_id": "n"}]}, "script.numbers"),
        (Caller("a"), {"system_message": "Hi {{ name | title }}"}, "script.system_message"),
        (
            Caller("a"),
            {"system_message": "{% if name is defined %}Hi{% endif %}"},
            "script.system_message",
        ),
    ],
)
def test_words_that_flireo_cannot_say_are_refused_by_name(
    caller: Caller, script: dict[str, Any], named: str
) -> None:
    (refused,) = refusals(FITTING, Words.of(caller, Script.model_validate(script)))
    assert refused.startswith(f"{named}: ")


def test_only_what_the_template_asks_for_leaves_with_a_lead() -> None:
    words = Words("a", "Call {{ name }} about {{product}}.")
    facts = LeadFacts(ANNA, "Anna", {"Product": "a bike", "diagnosis": "private"})
    assert words.variables(facts) == {"name": "Anna", "product": "a bike"}
    with pytest.raises(CannotCompose, match="nothing for product"):
        words.variables(LeadFacts(ANNA, "Anna", {"Product": "  "}))


@pytest.mark.parametrize(
    ("zones", "window"),
    [
        ([("Europe/Amsterdam",)], Window("09:00:00", "20:00:00", "Europe/Amsterdam")),
        ([], Window("09:00:00", "20:00:00", "UTC")),
        # The same clock under another name costs nothing.
        (
            [("Europe/Amsterdam",)] * 2 + [("Europe/Berlin",)],
            Window("09:00:00", "20:00:00", "Europe/Amsterdam"),
        ),
        (
            [("Europe/Amsterdam",)] * 2 + [("Europe/London",)],
            Window("10:00:00", "20:00:00", "Europe/Amsterdam"),
        ),
        ([("Europe/London", "Asia/Tokyo")], None),
    ],
)
def test_the_window_is_what_all_clocks_have_in_common(
    zones: list[tuple[str, ...]], window: Window | None
) -> None:
    if window is not None:
        assert common_window("09:00", "20:00", zones, NOON) == window
        return
    with pytest.raises(CannotHandOver, match="no calling hours in common"):
        common_window("09:00", "18:00", zones, NOON)


def test_within_the_window_it_is_calling_time_for_everybody_all_year() -> None:
    zones = ["America/New_York", "America/Chicago", "Europe/Lisbon", "America/Phoenix"]
    window = common_window("09:00", "21:00", [(zone,) for zone in zones], NOON)
    for hour in range(366 * 24):
        moment = NOON + timedelta(hours=hour)
        local = moment.astimezone(ZoneInfo(window.zone))
        if window.start <= f"{local:%H:%M:%S}" < window.end:
            assert all(9 <= moment.astimezone(ZoneInfo(zone)).hour < 21 for zone in zones)
            assert window.next_open(moment) == moment
        else:
            opens = window.next_open(moment)
            assert opens > moment and f"{opens.astimezone(ZoneInfo(window.zone)):%H:%M:%S}" == window.start


def test_all_day_stays_all_day_on_whatever_clocks() -> None:
    zones = [("Europe/London",), ("Asia/Tokyo",)]
    assert common_window("00:00", "24:00", zones, NOON) == Window("00:00:00", "23:59:59", "Europe/London")
