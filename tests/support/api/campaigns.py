"""A campaign of the API to make in a test."""

from typing import Any

import pytest

from flireo_flows.api.fields import Dialect

NEW: dict[str, Any] = {
    "name": "Spring",
    "agent_id": "agent-1",
    "schedule_start_time": "09:00",
    "schedule_end_time": "17:30:15",
    "timezone": "Europe/Amsterdam",
}
EACH_DIALECT = pytest.mark.parametrize("dialect", Dialect)
