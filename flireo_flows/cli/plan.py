"""`flireo-flows plan`: what a run would do. Sends nothing to Flireo, and writes nothing but the plan itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from flireo_flows.cli.options import (
    NO_CAMPAIGN_OPTIONS,
    NO_LEAD_OPTIONS,
    CampaignName,
    CampaignOptions,
    LeadOptions,
)
from flireo_flows.cli.run import Flag, check_local

if TYPE_CHECKING:
    from flireo_flows.calling.plan import Plan, PlannedCall, PlanRequest
    from flireo_flows.leads import LeadFormat


def plan(
    leads: Path,
    *,
    campaign: CampaignName,
    options: CampaignOptions = NO_CAMPAIGN_OPTIONS,
    requests_per_minute: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 100.0,
    rows: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 20,
    save: Path | None = None,
    json: Annotated[bool, Flag] = False,
    file_options: LeadOptions = NO_LEAD_OPTIONS,
) -> int:
    """Show who would be called when, from which number, with which words, and who would not, and why. Sends nothing.

    The ledger is only read, and not made where there is none. A saved plan can be reviewed by someone else, and
    `flireo-flows run LEADS ... --plan FILE` then calls only the people it names, or refuses if anything changed.

    Parameters
    ----------
    leads
        CSV or Excel file, one person a row.
    campaign
        Attempts are counted under this name.
    requests_per_minute
        What the API key allows.
    rows
        How many calls to show.
    save
        File to write the plan to. It holds personal data: only you may read it.
    json
        Print JSON for programs instead of tables.
    """
    from flireo_flows.calling.saved_plan import SavedPlan, save_plan

    if save:
        check_local("--save", save)
    wanted = options.request(campaign, requests_per_minute)
    made = make(leads, file_options.lead_format(), wanted, options.do_not_call)
    if save:
        save_plan(made, save)
    if json:
        print(SavedPlan.of(made).model_dump_json(indent=1))
    else:
        _print(made, rows, save)
    return 0


def make(
    leads: Path,
    lead_format: "LeadFormat",
    wanted: "PlanRequest",
    do_not_call: Path | None,
    saved: Path | None = None,
) -> "Plan":
    """What a run with these options would do; see `plan_file`."""
    import asyncio
    from datetime import UTC, datetime

    from flireo_flows.calling.dry_run import plan_file
    from flireo_flows.cli.settings import ledger_url

    now = datetime.now(UTC)
    planning = plan_file(leads, lead_format, wanted, ledger_url(), now, do_not_call=do_not_call, saved=saved)
    return asyncio.run(planning)


def _print(plan: "Plan", most: int, saved: Path | None) -> None:
    from rich.console import Console

    from flireo_flows.api.redaction import redact
    from flireo_flows.calling.plan import reasons_in_words

    console = Console()

    def say(text: str, style: str = "") -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)

    head = f"Plan {plan.digest} of campaign {redact(plan.campaign)}"
    say(f"{head}: {len(plan.calls)} to be called, {len(plan.skipped)} not. Nothing was sent.", "bold")
    for sentence in plan.estimate.in_words:
        say(f"  {sentence}")
    for sentence in plan.earlier:
        say(f"  {sentence}")
    for warning in plan.warnings:
        say(f"Look at this: {warning}", "yellow")
    for call in plan.calls[:most]:
        say(_in_two_lines(call))
    if len(plan.calls) > most:
        say(f"{len(plan.calls) - most} more are not shown here (--rows N, --json, --save FILE).")
    for reason in reasons_in_words(plan):
        say(f"Not called: {reason}")
    if saved:
        say(
            f"Saved to {saved}. It holds personal data. "
            f"Call exactly these with the same options: flireo-flows run ... --plan {saved}"
        )


def _in_two_lines(call: "PlannedCall") -> str:
    """One call as a person reads it in a terminal of any width."""
    choice = call.choice
    agent = choice.agent_id or "a one-time agent"
    variant = f", variant {choice.variant}" if choice.variant else ""
    words = call.first_message or "(the agent's own words)"
    return (
        f"line {call.line}  {call.masked}  {call.when} ({call.confidence})\n"
        f"    from {choice.number_id or 'a number that Flireo picks'} by {agent}{variant}: {words}"
    )
