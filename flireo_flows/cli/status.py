"""`flireo-flows status`: a campaign in figures, read from the ledger. Sends nothing."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flireo_flows.cli.options import KnownCampaign
from flireo_flows.cli.pause import in_ledger
from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from flireo_flows.ledger import CampaignProgress, Database
    from flireo_flows.ledger.campaigns import Standing
    from flireo_flows.ledger.completeness import Completeness
    from flireo_flows.ledger.suppressions import CampaignList


def status(*, campaign: KnownCampaign, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Show how a campaign stands: leads, outcomes, attempts, what is unknown, requests sent by route, how complete
    the results are.

    Parameters
    ----------
    campaign
        Name of the campaign.
    json
        Print JSON for programs instead of tables.
    """
    from dataclasses import asdict
    from json import dumps

    found, standing, complete, kept = in_ledger(lambda database: _read(database, campaign))
    if json:
        report = {
            **asdict(found),
            "standing": asdict(standing),
            "completeness": complete.as_json(),
            "do_not_call_list": asdict(kept),
        }
        print(dumps(report, indent=2))
    else:
        _print_tables(found, standing, complete, kept)
    return 0


async def _read(
    database: "Database", campaign: str
) -> "tuple[CampaignProgress, Standing, Completeness, CampaignList]":
    from flireo_flows.ledger import Views
    from flireo_flows.ledger.campaigns import CampaignControl
    from flireo_flows.ledger.completeness import completeness
    from flireo_flows.ledger.suppressions import list_in

    views = Views(database)
    found = await views.status(campaign)
    if not found.leads:
        known = ", ".join(await views.campaigns()) or "none yet"
        raise SettingError(
            f"there is no campaign {campaign!r} in ledger {database.where}. Its campaigns: {known}."
        )
    standing = await CampaignControl(database.campaign(campaign)).standing()
    async with database.read() as db:
        kept = await list_in(db, campaign)
    return found, standing, await completeness(database.campaign(campaign)), kept


def _print_tables(
    found: "CampaignProgress", standing: "Standing", complete: "Completeness", kept: "CampaignList"
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{found.campaign}: {found.leads} leads", title_justify="left")
    table.add_column("what")
    table.add_column("", style="bold")
    table.add_column("count", justify="right")
    groups = {
        "leads": found.states,
        "outcomes": found.outcomes,
        "attempts": found.attempts,
        "not done": found.reasons,
        "requests": found.requests,
    }
    for group, counts in groups.items():
        for name, count in counts.items():
            table.add_row(group, name, str(count))
    table.add_section()
    table.add_row("for review", "", str(found.review))
    table.add_row("unknown", "", str(found.unknown))
    table.add_row("analysed", "", str(found.analysed))
    table.add_section()
    for name, figure in complete.rows().items():
        table.add_row("results", name, figure)
    console = Console(markup=False)  # names and reasons are people's own words
    if standing.state != "open":
        console.print(f"{found.campaign} is {standing.in_words}", style="bold yellow")
    console.print(table)
    if kept.numbers:
        console.print(f"The {kept.in_words} applies.")
