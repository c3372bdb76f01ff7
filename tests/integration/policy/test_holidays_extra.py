"""A policy with holidays needs the extra that knows them."""

import subprocess
import sys

from flireo_flows.policy.calendars import MISSING

WITHOUT_THE_EXTRA = """
import sys
sys.modules["holidays"] = None  # as if it were not installed
from datetime import UTC, datetime
from flireo_flows.policy import *
lead, now = PolicyLead("+31612345678", ("Europe/Amsterdam",)), datetime(2027, 3, 2, 12, tzinfo=UTC)
for countries in ([], ["NL"], ["auto"]):
    policy = CallingPolicy(holidays=Holidays(countries=countries))
    print(type(decide(lead, now, policy, History())).__name__, "|", policy_problem(policy))
"""


def test_without_the_extra_a_policy_with_countries_calls_no_one_and_names_what_to_install() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], capture_output=True, text=True, check=True
    )
    needs = f"holidays.countries: {MISSING}"
    assert ran.stdout.splitlines() == ["Allow | ", f"Deny | {needs}", f"Deny | {needs}"]
