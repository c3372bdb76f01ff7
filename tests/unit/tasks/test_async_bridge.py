"""Ctrl-C ends the engine, even one that Python itself drops."""

import asyncio
import signal
from contextlib import suppress

import pytest

from flireo_flows.prefect_support import async_bridge as driving


def test_an_interrupt_that_was_swallowed_still_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "TICK_SECONDS", 0.05)
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("written down")

    def swallowing() -> None:
        """As a finaliser would, in which Python ignores whatever is raised."""
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        driving.run_async(work, tick=swallowing)
    assert ended == ["written down"]
    assert signal.getsignal(signal.SIGINT) is before
