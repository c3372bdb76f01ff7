"""A campaign on a stage: a sandbox, a ledger, a file of leads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.flows.deployment import undeploy
from tests.support.flows.stage import Stage, Stored
from tests.support.postgres import postgres
from tests.support.sandbox.running import RunningSandbox, run_sandbox

__all__ = ["postgres"]


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """A local Flireo of the test's own."""
    with run_sandbox() as running:
        yield running


@pytest.fixture
def stage(tmp_path: Path, sandbox: RunningSandbox, at_prefect: str) -> Stage:
    """A campaign of three people, whose flow reports to the session's Prefect server."""
    return Stage(tmp_path, sandbox)


@pytest.fixture
def stored(at_prefect: str) -> Stored:
    """What that server has stored."""
    return Stored(at_prefect)


@pytest.fixture
def nothing_left(prefect_url: str) -> Iterator[None]:
    """Nothing that was deployed or loaded is there afterwards."""
    yield
    undeploy(prefect_url)
