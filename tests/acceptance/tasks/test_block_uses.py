"""What blocks are good for: calls, webhooks, examples in their documentation, one document a number."""

import re
from pathlib import Path

import pytest
from prefect.blocks.core import Block
from pydantic import SecretStr

from flireo_flows import (
    CallLedger,
    FlireoAgent,
    FlireoCampaignJob,
    FlireoCredentials,
    FlireoPhoneNumber,
    FlireoWebhook,
)
from tests.acceptance.tasks.test_blocks import PROJECT, python
from tests.support.flows.blocks import EVERY_BLOCK, REALTIME
from tests.support.flows.documents import load
from tests.support.sandbox.running import ANNA, RunningSandbox

ALL_NUMBERS = str(PROJECT / "blocks" / "save_all_numbers.py")


@pytest.mark.server
def test_what_an_agent_and_a_webhook_are_comes_back_from_prefect(at_prefect: str) -> None:
    webhook = FlireoWebhook(secret=SecretStr("whsec_now"), previous_secret=SecretStr("whsec_then"))
    webhook.save("round-trip", overwrite=True)
    FlireoAgent(config=REALTIME, webhook=load(FlireoWebhook, "round-trip")).save("round-trip", overwrite=True)
    agent = load(FlireoAgent, "round-trip")
    assert agent.config == REALTIME
    assert agent.webhook and agent.webhook.secrets == ("whsec_now", "whsec_then")


@pytest.mark.server
@pytest.mark.slow
@EVERY_BLOCK
def test_the_code_example_of_a_block_runs(
    block: type[Block], at_prefect: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.settings(outcomes={"+447700900123": ["answered"]})
    credentials = FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url)
    credentials.save("flireo", overwrite=True)
    documents: dict[type[Block], Block] = {
        CallLedger: CallLedger(url=SecretStr("sqlite:////nowhere/ledger.db")),
        FlireoAgent: FlireoAgent(agent_id="demo-agent"),
        FlireoCampaignJob: FlireoCampaignJob(
            credentials=load(FlireoCredentials, "flireo"),
            name="of an example",
            agent_id="demo-agent",
            timezone="UTC",
            schedule_start_time="00:00",
            schedule_end_time="23:59:59",
        ),
        FlireoCredentials: credentials,
        FlireoPhoneNumber: FlireoPhoneNumber(number_id="demo-number"),
        FlireoWebhook: FlireoWebhook(secret=SecretStr("whsec_of_an_example"), url="https://example.com/hook"),
    }
    documents[block].save("block-name-of-an-example", overwrite=True)
    fenced = re.fullmatch(r"```python\n(.*)```", (block.get_code_example() or "").strip(), re.DOTALL)
    assert fenced
    script = tmp_path / "example.py"
    script.write_text(fenced[1].replace("BLOCK_NAME", "block-name-of-an-example"))
    done = python(str(script), url=at_prefect)
    assert done.returncode == 0, done.stderr
    if block is FlireoAgent:
        assert sandbox.times_called("+447700900123") == 1
    if block is FlireoCampaignJob:
        assert "{'completed': 1}" in done.stdout
    if block is FlireoWebhook:
        agent = sandbox.api.get("/agents/demo-agent").json()["agent"]
        assert agent["webhook_url"] == "https://example.com/hook"


@pytest.mark.server
@pytest.mark.slow
def test_every_number_of_the_account_becomes_a_document_that_keeps_what_people_wrote(
    at_prefect: str, sandbox: RunningSandbox
) -> None:
    FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url).save("flireo", overwrite=True)
    made = sandbox.api.post("/numbers", json={"phone_number": ANNA, "name": "Sales"}).json()["number"]
    ran = python(ALL_NUMBERS, url=at_prefect)
    assert ran.returncode == 0, ran.stderr
    assert "numbers of the account: 2" in ran.stdout and ANNA[3:] not in ran.stdout
    (name,) = re.findall(rf"flireo-phone-number/(number-{made['id']})", ran.stdout)
    number = load(FlireoPhoneNumber, name)
    assert (number.number_id, number.phone_number, number.used_for) == (made["id"], ANNA, "Sales")
    number.used_for = "The spring campaign"
    number.save(name, overwrite=True)
    assert python(ALL_NUMBERS, url=at_prefect).returncode == 0
    assert load(FlireoPhoneNumber, name).used_for == "The spring campaign"
