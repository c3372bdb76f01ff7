"""How a sandbox begins, and how it goes back there."""

from dataclasses import fields

from flireo_flows.sandbox.campaign_dialer import begin_dialing
from flireo_flows.sandbox.campaigns import CampaignStatus
from flireo_flows.sandbox.local_platform import World, faults_of
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.state import fill_store
from flireo_flows.sandbox.store import Store


def begin(world: World) -> None:
    """Let the campaigns that are scheduled from the beginning dial."""
    for campaign in world.store.campaigns.values():
        if campaign.status is CampaignStatus.SCHEDULED:
            begin_dialing(campaign, world)


def reset(world: World) -> None:
    """Go back to the beginning. Calls that run are forgotten, and no webhook of them is sent any more.

    Counters, rate limits, faults and settings begin anew too. Everything is put back in place, for the parts
    of a sandbox hold each other; and without a pause, so that no request meets half of it.
    """
    world.schedule.clear()
    world.courier.forget()
    settings, contents = world.beginning[0].model_copy(deep=True), world.beginning[1].model_copy(deep=True)
    for name in SandboxSettings.model_fields:
        setattr(world.settings, name, getattr(settings, name))
    faults = faults_of(settings)
    for name in type(faults).model_fields:
        setattr(world.faults, name, getattr(faults, name))
    store = fill_store(world.settings, contents, world.clock)
    for field in fields(Store):
        setattr(world.store, field.name, getattr(store, field.name))
    for kept in (world.exchanges, world.requests, world.operations, world.key_windows, world.control_windows):
        kept.clear()
    begin(world)
