"""Campaigns: the platform calls their leads by itself, within their hours."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from flireo_flows.sandbox.campaigns import DailyHours


@pytest.mark.parametrize(
    ("opens", "closes", "timezone", "moment", "is_open"),
    [
        (time(9), time(17), "Europe/Amsterdam", "2026-01-10T08:00:00", True),
        (time(9), time(17), "Europe/Amsterdam", "2026-01-10T07:59:59", False),
        (time(9), time(17), "Europe/Amsterdam", "2026-07-10T07:00:00", True),
        (time(9), time(17), "Europe/Amsterdam", "2026-07-10T15:00:00", False),
        (time(22), time(2), "UTC", "2026-01-10T01:59:59", True),
        (time(22), time(2), "UTC", "2026-01-10T02:00:00", False),
        (time(9), time(9), "UTC", "2026-01-10T09:00:00", False),
        (time(9), None, None, "2026-01-10T23:59:59", True),
        (None, time(9), None, "2026-01-10T09:00:00", False),
        (None, None, None, "2026-01-10T03:00:00", True),
    ],
)
def test_a_window_is_of_its_own_time_zone(
    opens: time | None, closes: time | None, timezone: str | None, moment: str, is_open: bool
) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("UTC"))
    assert DailyHours(opens, closes, timezone).is_open(at) is is_open
