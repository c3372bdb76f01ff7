"""docs/operations.md: every operation and task, and nothing that is not so any more."""

import subprocess
import sys
from pathlib import Path

from flireo_flows.tasks.reference_pages import operations

PROJECT = Path(__file__).parents[3]


def test_the_table_is_made_by_a_command() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "flireo_flows.tasks.reference_pages", "operations"],
        cwd=PROJECT,
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert made.stdout.decode() == operations()
