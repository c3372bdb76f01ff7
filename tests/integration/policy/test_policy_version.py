"""The version of a policy."""

import re
import subprocess
import sys

from flireo_flows.policy import (
    CallingPolicy,
    preset,
)


def test_a_policy_has_one_version_in_every_process_and_another_when_a_field_differs() -> None:
    policy = CallingPolicy(max_attempts=3)
    asks = "from flireo_flows.policy import *; print(CallingPolicy(max_attempts=3).version)"
    reported = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True).stdout
    assert reported.strip() == policy.version == CallingPolicy(max_attempts=3).version
    assert re.fullmatch(r"[0-9a-f]{12}", policy.version)
    others = [CallingPolicy(), policy.model_copy(update={"calling_hours": None}), preset("us"), preset("fr")]
    assert len({policy.version, *(other.version for other in others)}) == 5
