"""Nothing that Prefect stores of a run holds a key, a secret, a password or a lead's number."""

import json
import sqlite3
from pathlib import Path

import pytest
from prefect.client.schemas import State
from prefect.exceptions import ParameterTypeError

from flireo_flows.sandbox import SandboxSettings
from tests.support.flows.stage import Stage, Stored, patiently
from tests.support.postgres import Postgres
from tests.support.sandbox.running import run_sandbox

pytestmark = [pytest.mark.server, pytest.mark.postgres]

KEY, SECRET, PASSWORD = "fl_live_c0ffee00c0ffee", "whsec_5ca1ab1e5ca1ab1e", "ledgerpass-0ddba11"
PEOPLE = {"+442079460811": "Xaverine", "+442079460812": "Yolanthe"}
PRIVATE = (KEY, SECRET, PASSWORD, *PEOPLE, *(phone[1:] for phone in PEOPLE), *PEOPLE.values())


@pytest.fixture
def secretive(stage: Stage, postgres: Postgres) -> Stage:
    stage.key, stage.webhook_secret = KEY, SECRET
    # The server of the tests asks for no password, so any will do.
    stage.ledger_url = postgres.fresh_database().replace("postgres:@", f"postgres:{PASSWORD}@")
    assert PASSWORD in stage.ledger_url
    stage.write_leads(PEOPLE)
    return stage


def test_nothing_private_is_left_in_prefect_by_good_runs_and_bad_ones(
    secretive: Stage, stored: Stored, prefect_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = secretive
    good = _state(stage)
    stage.sandbox.settings(revoked_keys=[KEY])
    refused = _state(stage, campaign="refused")
    ledger_url, stage.ledger_url = stage.ledger_url, f"postgresql://me:{PASSWORD}@127.0.0.1:1/ledger"
    unreachable = _state(stage, campaign="no ledger")
    stage.ledger_url = ledger_url
    with run_sandbox(SandboxSettings(rate_limit=0)) as slow:  # open at the end, so leads are listed
        stage.sandbox = slow
        pending = _state(stage, campaign="pending", wait=False)
    with pytest.raises(ParameterTypeError):  # Prefect logs every parameter of a run that it refuses
        stage.run(campaign="")
    misfit = _newest_failed(stored)

    runs = {state.name: state for state in (good, refused, unreachable, pending)}
    assert (
        good.is_completed() and pending.is_completed() and refused.is_failed() and unreachable.is_failed()
    ), runs
    assert "2 of 2 leads final" in _settled_log(stored, _run_id(good))
    seen = patiently(lambda: _if_full(stored.everything_of(_run_id(good))))
    assert {kind for kind, rows in seen.items() if rows} == set(seen)  # so there was something to look at
    assert "Validation of flow parameters failed" in stored.run(misfit)["state"]["message"]
    assert "Parameters: {" in caplog.text
    _assert_nothing_private(caplog.text, "the console")
    for run_id in (*map(_run_id, (good, refused, unreachable, pending)), misfit):
        for kind, rows in stored.everything_of(run_id).items():
            _assert_nothing_private(json.dumps(rows), kind)
    # And what the API may not show: all text of the server's database.
    _assert_nothing_private(_dump(prefect_home / "prefect.db"), "the database")


def _state(stage: Stage, **changes: object) -> State[object]:
    state: State[object] = stage.flow(**stage.parameters(**changes), return_state=True)
    return state


def _run_id(state: State[object]) -> str:
    return str(state.state_details.flow_run_id)


def _if_full(stored: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]] | None:
    return stored if all(stored.values()) else None


def _newest_failed(stored: Stored) -> str:
    newest = {
        "sort": "EXPECTED_START_TIME_DESC",
        "limit": 1,
        "flow_runs": {"state": {"type": {"any_": ["FAILED"]}}},
    }
    return str(stored._all("flow_runs", newest)[0]["id"])


def _settled_log(stored: Stored, run_id: str) -> str:
    """Prefect sends logs in portions; the last line of a run is about its last state."""

    def last_words() -> str:
        log = stored.log(run_id)
        return log if "Finished in state" in log else ""

    return patiently(last_words)


def _assert_nothing_private(text: str, where: str) -> None:
    assert text
    found = [private for private in PRIVATE if private in text]
    assert not found, f"{found} in {where}: ...{text[max(0, text.find(found[0]) - 300) :][:600]}"


def _dump(database: Path) -> str:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        text = "\n".join(db.iterdump())
    db.close()
    return text
