"""The version of the table of outcomes."""

import subprocess
import sys

from flireo_flows.lifecycle.outcomes import Outcome, OutcomeRule, table_version
from flireo_flows.policy import CallingPolicy


def test_a_table_has_one_version_in_every_process_and_another_when_a_rule_differs() -> None:
    rules = [
        OutcomeRule(outcome=Outcome.BUSY, ended_with=["486"]),
        OutcomeRule(outcome=Outcome.FAILED, ended_with=["5"]),
    ]
    policy = CallingPolicy(outcomes=rules)
    asks = (
        "from flireo_flows.lifecycle.outcomes import table_version; from flireo_flows.policy import CallingPolicy; "
        "rules = [{'outcome': 'busy', 'ended_with': ['486']}, {'outcome': 'failed', 'ended_with': ['5']}]; "
        "print(table_version(CallingPolicy(outcomes=rules).outcomes))"
    )
    reported = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True).stdout
    assert reported.strip() == table_version(policy.outcomes)
    others = [CallingPolicy(), CallingPolicy(outcomes=rules[::-1]), CallingPolicy(outcomes=rules[:1])]
    assert len({table_version(it.outcomes) for it in (policy, *others)}) == 4
    # What has nothing to do with outcomes has nothing to do with it.
    assert table_version(CallingPolicy(max_attempts=7).outcomes) == table_version(CallingPolicy().outcomes)
