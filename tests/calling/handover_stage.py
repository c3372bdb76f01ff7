"""Servers for handed-over campaigns, and what tests see and break there."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flireo_flows.calling.ledger import Database
from flireo_flows.sandbox import SandboxSettings
from tests.sandbox.running import RunningSandbox, run_sandbox

from .campaign import ANNA, BEN, CARLA, people, person
from .handing import HandedCampaign

PEOPLE = (ANNA, BEN, CARLA)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSandbox]:
    settings = SandboxSettings(
        rate_limit=0,
        time_scale=1000,
        timeout_fault_seconds=30,
        outcomes={ANNA: ("answered",), BEN: ("no_answer",), CARLA: ("voicemail",)},
    )
    with run_sandbox(settings) as running:
        yield running


@pytest.fixture
def sandbox(server: RunningSandbox) -> RunningSandbox:
    server.reset()
    return server


@pytest.fixture(scope="module")
def slow_server() -> Iterator[RunningSandbox]:
    everybody = {lead.phone: ("answered",) for lead in people(8)}
    with run_sandbox(SandboxSettings(rate_limit=0, outcomes=everybody)) as running:
        yield running


@pytest.fixture
def slow(slow_server: RunningSandbox) -> RunningSandbox:
    """Calls last as long as real ones, and five are made at once: the others wait."""
    slow_server.reset()
    return slow_server


async def handed(database: Database, sandbox: RunningSandbox, *phones: str) -> HandedCampaign:
    campaign = HandedCampaign(database, sandbox.base_url)
    await campaign.take_in(*(person(phone, name=f"Person {phone[-1]}") for phone in phones or PEOPLE))
    return campaign


def theirs(sandbox: RunningSandbox) -> dict[str, Any]:
    """Flireo's one campaign, with its leads."""
    (campaign,) = sandbox.api.get("/campaigns").json()["campaigns"]
    return {**campaign, "leads": sandbox.api.get(f"/campaigns/{campaign['id']}/leads").json()["leads"]}


def draft(sandbox: RunningSandbox) -> str:
    """Somebody made a campaign of that name; its id."""
    made = sandbox.api.post("/campaigns", json={"name": "campaign", "agent_id": "demo-agent"})
    campaign_id: str = made.raise_for_status().json()["campaign"]["id"]
    return campaign_id


def change_theirs(sandbox: RunningSandbox, **changes: Any) -> None:
    """Somebody changes Flireo's campaign in the dashboard."""
    sandbox.api.patch(f"/campaigns/{theirs(sandbox)['id']}", json=changes).raise_for_status()


def rings(sandbox: RunningSandbox) -> Counter[str]:
    return Counter(ring["destination"] for ring in sandbox.rings())


def fault(sandbox: RunningSandbox, operation: str, kind: str = "connection_lost", **how: Any) -> None:
    sandbox.faults(**{kind: {"next": 1, "operations": [operation], **how}})


async def met(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(120):
        while not is_so():  # noqa: ASYNC110 - what is waited for is in a server
            await asyncio.sleep(0.01)
