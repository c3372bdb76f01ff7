"""A run that asks before it calls."""

from tests.support.cli.shell import Ended, Shell

LIVE = "fl_live_of_a_test"
USUAL = ("run", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent", "--policy", "policy.yaml")
# No request goes there: a run that gets so far fails to connect.
NOWHERE = "https://flireo.invalid/api/v1"


def asked(bare: Shell, *more: str) -> Ended:
    ended = bare.here(*USUAL, *more, FLIREO_API_KEY=LIVE, FLIREO_BASE_URL=NOWHERE)
    assert ended.status == 2
    return ended
