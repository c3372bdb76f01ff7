"""The parts of one sandbox, put together. Routes and middleware find everything here."""

from collections import Counter
from dataclasses import dataclass, field

from fastapi import Request

from flireo_flows.sandbox.agent_webhooks import Talking
from flireo_flows.sandbox.call_simulator import Life
from flireo_flows.sandbox.clock import Clock
from flireo_flows.sandbox.delivery import Courier
from flireo_flows.sandbox.exchanges import Exchanges
from flireo_flows.sandbox.faults import Faults
from flireo_flows.sandbox.fixed_window import FixedWindows
from flireo_flows.sandbox.schedule import Schedule
from flireo_flows.sandbox.seeded_random import Dice
from flireo_flows.sandbox.settings import FaultSettings, SandboxSettings
from flireo_flows.sandbox.state import Contents, fill_store
from flireo_flows.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class World:
    """Attributes:
    settings: A copy of its own: the control surface changes it while the sandbox runs.
    key_windows: Rate limit of each API key.
    control_windows: Rate limit of control commands, by call id.
    requests: How many requests had which answer, by `(route, status)`; status 0: nobody heard it.
    operations: How many requests an operation had since a fault was switched on.
    beginning: What `reset` goes back to.
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
    talking: Talking
    exchanges: Exchanges
    beginning: tuple[SandboxSettings, Contents]
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)

    def next_request(self, operation: str) -> int:
        """Which request of an operation comes next, from 1. Counts it."""
        self.operations[operation] += 1
        return self.operations[operation]


def build_world(settings: SandboxSettings, contents: Contents | None = None) -> World:
    """A sandbox that does not run yet.

    Raises:
        StateError: The contents are none that a sandbox can hold.
    """
    contents = contents or Contents()
    beginning = (settings.model_copy(deep=True), contents.model_copy(deep=True))
    settings = settings.model_copy(deep=True)
    clock, dice = Clock(settings.time_scale), Dice(settings.seed)
    store = fill_store(settings, contents, clock)
    schedule, courier, exchanges = Schedule(clock), Courier(clock), Exchanges()
    faults = faults_of(settings)
    talking = Talking(settings, clock, schedule, courier, dice, exchanges)
    return World(
        settings=settings,
        clock=clock,
        dice=dice,
        store=store,
        faults=faults,
        schedule=schedule,
        courier=courier,
        life=Life(settings, store, clock, schedule, courier, faults, dice, talking),
        key_windows=FixedWindows(settings.rate_window_seconds),
        control_windows=FixedWindows(settings.rate_window_seconds),
        talking=talking,
        exchanges=exchanges,
        beginning=beginning,
    )


def faults_of(settings: SandboxSettings) -> Faults:
    """The faults that settings begin with."""
    return Faults(**settings.model_dump(include=set(FaultSettings.model_fields)))


def world_of(request: Request) -> World:
    """The sandbox that a request came to."""
    world: World = request.app.state.world
    return world
