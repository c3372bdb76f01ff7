"""The ledger's database as people name it on the command line: poolers, passwords, refusals."""

import pytest

from tests.support.cli.shell import PEOPLE, Shell
from tests.support.pooler import run_pooler
from tests.support.postgres import Postgres, postgres
from tests.support.sandbox.running import RunningSandbox

__all__ = ["postgres"]  # a fixture
CROWD = {f"+4420794602{n:02d}": f"Person {n}" for n in range(12)}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p@ss/w:rd#1%?@127.0.0.1:1/app",
        "postgresql://me:hunter2@secret99@127.0.0.1:1/app",
        "postgresql://me:secret99/w:rd@127.0.0.1:1/app",
        "postgresql://me:w:rd#secret99@127.0.0.1:1/app",
        "host=127.0.0.1 port=1 user=me password=secret99",
        "host=127.0.0.1 port=1 user=me password = 'w:rd secret99'",
        "PGPASSWORD=secret99 psql",
        "postgresql://127.0.0.1:1/app?user=me&password=w:rd&secret99",
        "postgresql://me:secret99@127.0.0.1:1/app",
        "postgresql://me:secret99@127.0.0.1:1/app?sslmode=maybe",
        "mysql://me:secret99@127.0.0.1/app",
    ],
)
def test_no_command_shows_a_part_of_the_password(bare: Shell, url: str) -> None:
    for command in (["status"], ["why", "+442079460001"], ["pause"]):
        ran = bare.here(*command, "--campaign", "spring", FLIREO_LEDGER_URL=url)
        assert ran.status == 1
        assert ran.complaint.startswith("flireo-flows: ledger ")
        for part in ("secret99", "w:rd", "ss/w", "rd#1", "hunter2"):
            assert part not in ran.out + ran.err


@pytest.mark.postgres
def test_commands_follow_each_other_through_a_pooler(bare: Shell, postgres: Postgres) -> None:
    with run_pooler(postgres, postgres.new_ledger()) as pooler:
        bare.env["FLIREO_LEDGER_URL"] = pooler.url()
        assert bare("suppress", "+442079460001").status == 0
        for _ in range(3):
            shown = bare("suppressions")
            assert shown.status == 0, shown.err


@pytest.mark.slow
@pytest.mark.postgres
def test_two_runs_at_once_share_a_pooler_of_two_sessions(
    shell: Shell, sandbox: RunningSandbox, postgres: Postgres
) -> None:
    shell.write_leads(CROWD)
    shell.write_leads(PEOPLE, "others.csv")
    with run_pooler(postgres, postgres.fresh_database()) as pooler:
        shell.env["FLIREO_LEDGER_URL"] = pooler.url()
        options = ("--agent-id", "demo-agent", "--policy", "policy.yaml")
        with (
            shell.started("run", "leads.csv", "--campaign", "one", *options, "--out", "one") as first,
            shell.started("run", "others.csv", "--campaign", "two", *options, "--out", "two") as second,
        ):
            ended = [first.ended(), second.ended()]
        assert [run.status for run in ended] == [0, 0], ended
        again = shell("status", "--campaign", "one")
        assert again.status == 0, again.err
    called = [call["destination"] for call in sandbox.placed_calls()]
    assert sorted(called) == sorted([*CROWD, *PEOPLE])


@pytest.mark.postgres
def test_a_server_that_forgets_is_refused(bare: Shell, postgres: Postgres) -> None:
    from flireo_flows.ledger.postgresql import FSYNC_MAY_BE_OFF

    postgres.sql(f"ALTER ROLE ALL SET {FSYNC_MAY_BE_OFF} = 'off'")
    try:
        ran = bare.here("status", "--campaign", "spring", FLIREO_LEDGER_URL=postgres.fresh_database())
    finally:
        postgres.sql(f"ALTER ROLE ALL SET {FSYNC_MAY_BE_OFF} = 'on'")
    assert ran.status == 1
    assert "the server runs with fsync=off" in ran.complaint
