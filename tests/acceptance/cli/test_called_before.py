"""At the command line: who was called before is not called again by another spelling, campaign or a new ledger."""

from tests.support.calling.bad_line import bad_line
from tests.support.cli.shell import ANNA, BEN, CARLA, Shell
from tests.support.faulty.server import answer
from tests.support.sandbox.running import RunningSandbox

AGENT = {"id": "demo-agent", "name": "Demo", "is_active": True}


def called(sandbox: RunningSandbox) -> list[str]:
    return sorted(call["destination"] for call in sandbox.placed_calls())


def test_a_lost_ledger_another_spelling_and_another_campaign_lead_to_no_second_call(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    assert shell.run("--policy", "policy.yaml").status == 0
    assert called(sandbox) == [ANNA, BEN, CARLA]
    again = shell.here("plan", "leads.csv", "--campaign", "\u200bSPRING ", "--agent-id", "demo-agent")
    assert "0 to be" in again.out
    assert "3 of these 3 people were called before: 3 by 'spring' (last on 20" in again.out
    other = shell.here("plan", "leads.csv", "--campaign", "autumn", "--agent-id", "demo-agent")
    assert "3 of them are held back, as others called them lately" in other.out
    for file in shell.folder.glob("ledger.db*"):
        file.unlink()
    lost = shell.run("--policy", "policy.yaml")
    assert lost.status == 3
    assert called(sandbox) == [ANNA, BEN, CARLA]
    assert "3 of these 3 people were called before: 3 by other calls of the account" in lost.out + lost.err
    why = shell.here("why", ANNA, "--campaign", " Spring")
    assert "the person was called by another call of the account" in why.out
    assert "24 hours must lie between" in why.out
    assert ANNA not in why.out


def test_where_the_accounts_calls_cannot_be_read_it_ends_with_status_5_unless_told_otherwise(
    bare: Shell,
) -> None:
    with bad_line(shows=answer(200, AGENT), lists=answer(200, {})) as line:
        bare.env |= {"FLIREO_API_KEY": "k", "FLIREO_BASE_URL": line.url}
        refused = bare.run("--policy", "policy.yaml")
        assert (refused.status, line.posts) == (5, [])
        assert "so no one is called yet" in refused.complaint
        goes_on = bare.run("--policy", "policy.yaml", "--ignore-recent-calls", "--deadline", "2")
        assert sorted(line.posts) == [ANNA, BEN, CARLA], goes_on.err
