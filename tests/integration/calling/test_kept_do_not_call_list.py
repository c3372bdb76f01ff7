"""A do-not-call list is kept for the campaign, whatever becomes of the run that was given it."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from flireo_flows.api.client import Account
from flireo_flows.calling.campaign_steps import CampaignRun, NoLeadsError, import_leads
from flireo_flows.calling.dry_run import make_plan
from flireo_flows.calling.plan import PlanRequest
from flireo_flows.calling.saved_plan import PlanDiffersError, save_plan
from flireo_flows.leads import LeadFileError, LeadFormat, read_leads
from flireo_flows.ledger import Database
from flireo_flows.ledger.past import Past
from flireo_flows.ledger.schema import do_not_call
from flireo_flows.script import Caller
from tests.support.flows.stage import ANNA, BEN, POLICY

AS_USUAL = LeadFormat()


@pytest.fixture
def run(tmp_path: Path) -> CampaignRun:
    return CampaignRun(
        "spring",
        lambda: Account("k"),
        lambda: f"sqlite:///{tmp_path / 'ledger.db'}",
        Caller("demo-agent"),
        POLICY,
        out=tmp_path,
    )


def write(run: CampaignRun, name: str, *lines: str) -> str:
    (run.out / name).write_text("\n".join([*lines, ""]))
    return str(run.out / name)


def kept_for_later(run: CampaignRun) -> list[str]:
    """Who must not be called by runs to which no list is given."""

    async def read() -> list[str]:
        async with await Database.open(run.ledger_url()) as database, database.read() as db:
            mine = select(do_not_call.c.phone).where(do_not_call.c.campaign == run.campaign)
            return list((await db.execute(mine)).scalars())

    return asyncio.run(read())


def take_in(run: CampaignRun, leads: str, lead_format: LeadFormat, do_not_call: str) -> None:
    """Import a file as a run does."""
    asyncio.run(import_leads(run, leads, lead_format, do_not_call, logging.getLogger("test")))


def test_a_list_on_which_everyone_stands_is_kept(run: CampaignRun) -> None:
    leads = write(run, "leads.csv", "phone", ANNA)
    with pytest.raises(NoLeadsError):
        take_in(run, leads, AS_USUAL, write(run, "no.txt", ANNA))
    assert kept_for_later(run) == [ANNA]


def test_a_list_is_kept_where_the_file_of_leads_cannot_be_read(run: CampaignRun) -> None:
    with pytest.raises(LeadFileError):
        take_in(run, "gone.csv", AS_USUAL, write(run, "no.txt", ANNA))
    assert kept_for_later(run) == [ANNA]


def test_a_list_is_kept_where_the_plan_is_for_something_else(run: CampaignRun) -> None:
    leads = write(run, "leads.csv", "phone", ANNA, BEN)
    wanted = PlanRequest("autumn", run.policy, run.composer())
    save_plan(make_plan(read_leads(Path(leads)), wanted, Past(), datetime.now(UTC)), run.out / "plan.json")
    planned = replace(run, plan=str(run.out / "plan.json"))
    with pytest.raises(PlanDiffersError):
        take_in(planned, leads, AS_USUAL, write(run, "no.txt", ANNA))
    assert kept_for_later(run) == [ANNA]
