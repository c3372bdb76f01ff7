"""Someone says no in Dutch to an agent of the sandbox, and no campaign calls them again, by the default rules."""

import pytest

from flireo_flows.ledger import Database
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.campaign import ANNA, BEN, FREE, Campaign, person
from tests.support.sandbox.running import run_sandbox

# A minute takes 60 ms; both always answer. The analysis comes after the summary.
SANDBOX = SandboxSettings(
    rate_limit=0,
    time_scale=1000,
    minutes_balance=1e9,
    outcomes={ANNA: ["answered"], BEN: ["answered"]},
)
RULES = FREE.model_copy(
    update={
        "max_attempts": 3,
        "retry_outcomes": [Outcome.ANSWERED],
        "retry_delay_seconds": 0,
        "analysis_grace_seconds": 2,
    }
)


@pytest.mark.parametrize(
    ("key", "answer", "state"),
    [
        ("niet_meer_bellen", "Ja.", "done"),
        ("wilNietGebeldWorden", "ja, graag", "done"),
        ("do_not_call", "ja", "done"),
        ("afhandeling", "niet meer bellen", "done"),
        ("niet_bellen", "weet ik niet", "review"),
    ],
)
async def test_a_no_in_dutch_is_a_no_to_every_campaign(
    database: Database, key: str, answer: str, state: str
) -> None:
    schema = {"type": "object", "properties": {key: {"const": answer}}, "required": [key]}
    plan = {"structuredDataPlan": {"enabled": True, "schema": schema}, "minMessagesThreshold": 0}
    with run_sandbox(SANDBOX) as sandbox:
        assert sandbox.api.patch("/agents/demo-agent", json={"analysis_plan": plan}).status_code == 200
        campaign = Campaign(database, sandbox.base_url, policy=RULES)
        await campaign.take_in(person(ANNA))
        await campaign.run(seconds=60)
        assert (await campaign.results())[ANNA].analysis == {key: answer}
        assert (await campaign.lead()).state == state
        second = Campaign(database, sandbox.base_url, name="second", policy=RULES)
        await second.take_in(person(ANNA))
        await second.run(seconds=60)
        assert (await second.lead()).state == "skipped"
        assert sandbox.times_called(ANNA) == 1
