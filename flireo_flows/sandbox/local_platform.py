"""The parts of one sandbox, put together. Routes and middleware find everything here."""

from collections import Counter
from dataclasses import dataclass, field

from fastapi import Request

from flireo_flows.sandbox.agent_webhooks import AgentWebhooks, Exchanges
from flireo_flows.sandbox.call_simulator import CallSimulator
from flireo_flows.sandbox.clock import ScaledClock, Schedule
from flireo_flows.sandbox.delivery import Courier
from flireo_flows.sandbox.fixed_window import FixedWindows
from flireo_flows.sandbox.seeded_random import SeededRandom
from flireo_flows.sandbox.settings import Faults, FaultSettings, SandboxSettings
from flireo_flows.sandbox.state import Contents, fill_store
from flireo_flows.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Platform:
    """Attributes:
    settings: A copy of its own: the control surface changes it while the sandbox runs.
    key_windows: Rate limit of each API key.
    control_windows: Rate limit of control commands, by call id.
    requests: How many requests had which answer, by `(route, status)`; status 0: the answer was lost.
    operations: How many requests an operation had since a fault was switched on.
    beginning: What `reset` goes back to.
    """

    settings: SandboxSettings
    clock: ScaledClock
    random: SeededRandom
    store: Store
    faults: Faults
    schedule: Schedule
    courier: Courier
    simulator: CallSimulator
    key_windows: FixedWindows
    control_windows: FixedWindows
    agent_webhooks: AgentWebhooks
    exchanges: Exchanges
    beginning: tuple[SandboxSettings, Contents]
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)

    def next_request(self, operation: str) -> int:
        """Which request of an operation comes next, from 1. Counts it."""
        self.operations[operation] += 1
        return self.operations[operation]


def build_platform(settings: SandboxSettings, contents: Contents | None = None) -> Platform:
    """A sandbox that does not run yet.

    Raises:
        StateError: The contents are none that a sandbox can hold.
    """
    contents = contents or Contents()
    beginning = (settings.model_copy(deep=True), contents.model_copy(deep=True))
    settings = settings.model_copy(deep=True)
    clock, random = ScaledClock(settings.time_scale), SeededRandom(settings.seed)
    store = fill_store(settings, contents, clock)
    schedule, courier, exchanges = Schedule(clock), Courier(clock), Exchanges()
    faults = faults_of(settings)
    agent_webhooks = AgentWebhooks(settings, clock, schedule, courier, random, exchanges)
    return Platform(
        settings=settings,
        clock=clock,
        random=random,
        store=store,
        faults=faults,
        schedule=schedule,
        courier=courier,
        simulator=CallSimulator(settings, store, clock, schedule, courier, faults, random, agent_webhooks),
        key_windows=FixedWindows(settings.rate_window_seconds),
        control_windows=FixedWindows(settings.rate_window_seconds),
        agent_webhooks=agent_webhooks,
        exchanges=exchanges,
        beginning=beginning,
    )


def faults_of(settings: SandboxSettings) -> Faults:
    """The faults that settings begin with."""
    return Faults(**settings.model_dump(include=set(FaultSettings.model_fields)))


def platform_of(request: Request) -> Platform:
    """The sandbox that a request came to."""
    platform: Platform = request.app.state.platform
    return platform
