"""`flireo-flows run` through servers that are not quite what the contract says: no one is called twice."""

from collections import Counter
from typing import Any

import pytest

from tests.support.cli.shell import Shell
from tests.support.faulty.flireo import faulty_flireo

COUNT = 40
PEOPLE = {f"+442079460{n:03d}": f"Person {n}" for n in range(COUNT)}
POLICY = """
max_attempts: 1
reconcile_grace_seconds: 1
poll_seconds: 1
"""

FAULTS: list[dict[str, Any]] = [
    {"rows_behind": 4000.0, "direction": "OUTBOUND"},
    {"tells_time": False, "clock_behind": 150.0, "page": 7},
    {"wrong_id": 6, "whose_id": "stranger"},
    {"ignores": ("offset", "end_date"), "page": 5},
]


@pytest.mark.slow
@pytest.mark.parametrize("faults", FAULTS, ids=lambda faults: str(faults)[:60])
def test_a_run_calls_everyone_once_and_ends(shell: Shell, faults: dict[str, Any]) -> None:
    shell.write("policy.yaml", POLICY)
    leads = shell.write_leads(PEOPLE)
    with faulty_flireo(**faults) as flireo:
        shell.env["FLIREO_BASE_URL"] = flireo.url
        ended = shell.run("--policy", "policy.yaml", "--any-hour", leads=leads)
        assert ended.status in (0, 3), ended.err
        assert set(flireo.calls_to().values()) == {1}
        results = shell.results()
        assert set(results) == set(PEOPLE)
        outcomes = Counter(row["outcome"] for row in results.values())
        answered = COUNT * 0.65 if "ignores" in faults else COUNT  # a cut list does not tell of lost calls
        assert outcomes["answered"] >= answered, outcomes
        for phone, row in results.items():
            assert row["summary"] in ("", flireo.words(phone)), "another person's words"
