"""`flireo-flows collect`: how calls ended that no run is waiting for. Calls no one."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from flireo_flows.cli.options import AnyCampaign
from flireo_flows.cli.pause import in_ledger
from flireo_flows.cli.run import OPEN

if TYPE_CHECKING:
    from flireo_flows.calling.sweep import SweepSummary


def collect(
    *, campaign: AnyCampaign = "", patience: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0
) -> int:
    """Write down how calls ended that no run is waiting for. Calls no one.

    Ends with status 0 when every result is in, 3 when calls are still open, 1 on an error, 2 on wrong usage.

    Parameters
    ----------
    campaign
        Only this one; without it all that have open calls.
    patience
        Seconds to go on while calls are open; 0 reads once.
    """
    from flireo_flows.calling.sweep import Sweep
    from flireo_flows.cli.settings import account

    of_account = account()
    summary = in_ledger(lambda database: Sweep(database, of_account, campaign, patience).run())
    _print(summary)
    if summary.refused is not None:
        raise summary.refused
    return OPEN if summary.open else 0


def _print(summary: "SweepSummary") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False)  # names are people's own words
    if not summary.campaigns:
        console.print("No call is open that a run does not wait for.")
        return
    table = Table()
    table.add_column("campaign")
    for title in ("open before", "open", "by webhook", "by reading", "for review"):
        table.add_column(title, justify="right")
    for swept in summary.campaigns:
        figures = (swept.before, swept.after, swept.by_webhook, swept.by_list, swept.for_review)
        table.add_row(swept.campaign, *map(str, figures))
    console.print(table)
    for swept in summary.campaigns:
        for trouble in filter(None, (swept.problem, swept.rules)):
            console.print(f"{swept.campaign}: {trouble}", highlight=False, soft_wrap=True)
    console.print(f"{summary.requests} requests.", highlight=False)
