"""The parts of one sandbox, put together. Routes and middleware find everything here."""

from collections import Counter
from dataclasses import dataclass, field

from fastapi import Request

from flireo_flows.sandbox.clock import Clock
from flireo_flows.sandbox.delivery import Courier
from flireo_flows.sandbox.dice import Dice
from flireo_flows.sandbox.faults import Faults
from flireo_flows.sandbox.life import Life
from flireo_flows.sandbox.limits import FixedWindows
from flireo_flows.sandbox.schedule import Schedule
from flireo_flows.sandbox.seeds import seed_store
from flireo_flows.sandbox.settings import FaultSettings, SandboxSettings
from flireo_flows.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class World:
    """Attributes:
    settings: A copy of its own: the control surface changes it while the sandbox runs.
    key_windows: Rate limit of each API key.
    control_windows: Rate limit of control commands, by call id.
    requests: How many requests had which answer, by `(route, status)`; status 0: nobody heard it.
    """

    settings: SandboxSettings
    clock: Clock
    dice: Dice
    store: Store
    faults: Faults
    schedule: Schedule
    courier: Courier
    life: Life
    key_windows: FixedWindows
    control_windows: FixedWindows
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)


def build_world(settings: SandboxSettings) -> World:
    """A sandbox that does not run yet."""
    settings = settings.model_copy(deep=True)
    clock, dice = Clock(settings.time_scale), Dice(settings.seed)
    store = seed_store(settings, clock)
    faults = Faults(**settings.model_dump(include=set(FaultSettings.model_fields)))
    schedule, courier = Schedule(clock), Courier(clock)
    return World(
        settings=settings,
        clock=clock,
        dice=dice,
        store=store,
        faults=faults,
        schedule=schedule,
        courier=courier,
        life=Life(settings, store, clock, schedule, courier, faults, dice),
        key_windows=FixedWindows(settings.rate_window_seconds),
        control_windows=FixedWindows(settings.rate_window_seconds),
    )


def world_of(request: Request) -> World:
    """The sandbox that a request came to."""
    world: World = request.app.state.world
    return world
