"""Where the results of campaigns go: each has a folder of its own, by whatever name it is called."""

import asyncio
import csv
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from prefect.flows import load_flow_from_entrypoint
from pydantic import SecretStr

from flireo_flows import CallLedger, FlireoCredentials
from flireo_flows.ledger import Database
from flireo_flows.ledger.notices import shown_name
from flireo_flows.tasks.export import results_folder
from tests.support.calling.campaign import Campaign, person
from tests.support.flows.stage import ANNA

PROJECT = Path(__file__).parents[3]
LONGEST = f"spring {ANNA} {'x' * 80}"[:80]
T = TypeVar("T")


def _flow(name: str) -> Any:
    return load_flow_from_entrypoint(str(PROJECT / "flows" / f"{name}.py:{name}"))


@pytest.fixture
def ledger(tmp_path: Path) -> CallLedger:
    """A ledger of no one yet."""
    return CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))


def _in_ledger(ledger: CallLedger, work: Callable[[Database], Awaitable[T]]) -> T:
    async def do() -> T:
        async with await Database.open(ledger.database_url()) as database:
            return await work(database)

    return asyncio.run(do())


def _shown(ledger: CallLedger, name: str) -> str:
    """A campaign of one person, as events show it."""

    async def begin(database: Database) -> str:
        await Campaign(database, name=name).take_in(person(ANNA))
        return shown_name(name, database.key)

    return _in_ledger(ledger, begin)


def test_the_folder_of_a_name_that_holds_a_number_holds_none(ledger: CallLedger) -> None:
    folder = results_folder(ledger, f"for {ANNA}")
    assert ANNA[3:] not in str(folder)
    assert folder == results_folder(ledger, f"for {ANNA}")
    assert folder != results_folder(ledger, f"for {ANNA[:-3]}901")  # masked alike


@pytest.mark.server
def test_campaigns_that_finish_one_after_another_keep_their_results(
    ledger: CallLedger, tmp_path: Path, at_prefect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = {name: _shown(ledger, name) for name in ("spring", "Spring!", f"for {ANNA}", LONGEST)}
    export = _flow("export_results")
    written = {
        name: [Path(file) for file in export(campaign=as_told, ledger=ledger)]
        for name, as_told in shown.items()
    }
    assert len({file for files in written.values() for file in files}) == 4 * 4
    for files in written.values():
        with files[0].open(encoding="utf-8", newline="") as file:
            assert [row["phone"] for row in csv.DictReader(file)] == [ANNA]
        assert files[0].parts[0] == "results" and ANNA[3:] not in str(files[0])
    assert written[LONGEST][0].parent == results_folder(ledger, LONGEST)  # as the run of the campaign has it
    given_folder = export(campaign="spring", ledger=ledger, out="elsewhere")
    assert Path(given_folder[0]) == Path("elsewhere/results.csv")


@pytest.mark.parametrize("name", ["export_results", "collect_reports", "steer_campaign"])
def test_a_flow_that_an_event_sets_off_takes_the_longest_name_that_an_event_shows(
    name: str, ledger: CallLedger
) -> None:
    shown = _shown(ledger, LONGEST)
    assert len(shown) == 89
    parameters = {"campaign": shown, "ledger": ledger}
    if name == "collect_reports":
        parameters["credentials"] = FlireoCredentials(api_key=SecretStr("k"))
    if name == "steer_campaign":
        parameters["action"] = "pause"
    assert _flow(name).validate_parameters(parameters)["campaign"] == shown
