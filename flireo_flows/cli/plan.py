"""`flireo-flows plan`: what a run would do. Sends nothing to Flireo, and writes nothing but the plan itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from flireo_flows.cli.options import NO_OPTIONS, CampaignName, LeadOptions
from flireo_flows.cli.run import Flag, check_local

if TYPE_CHECKING:
    from flireo_flows.calling.plan import Plan, PlannedCall, PlanRequest
    from flireo_flows.leads import LeadFormat


def plan(
    leads: Path,
    *,
    campaign: CampaignName,
    agent_id: str = "",
    number_id: str = "",
    policy: str = "",
    script: Path | None = None,
    any_hour: Annotated[bool, Flag] = False,
    do_not_call: Path | None = None,
    requests_per_minute: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 100.0,
    rows: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 20,
    save: Path | None = None,
    json: Annotated[bool, Flag] = False,
    file_options: LeadOptions = NO_OPTIONS,
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
    agent_id
        The saved Flireo agent that speaks; not needed where the script or the rows say who does.
    number_id
        Id of the number to call from; without it Flireo picks one.
    policy
        YAML or JSON file with the fields of CallingPolicy, or the name of a preset. Its tariff is what the cost is
        estimated by.
    script
        YAML or JSON file that says what is said, by which agent, and from which numbers.
    any_hour
        Call at any hour, whatever the policy's calling hours are. Rules by state (state_rules) hold all the same, as
        they are law: only a policy without them calls without them.
    do_not_call
        File of numbers that must not be called.
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
    made = make(
        leads,
        do_not_call,
        wanted_of(campaign, agent_id, number_id, policy, script, any_hour, requests_per_minute),
        file_options.lead_format(),
    )
    if save:
        save_plan(made, save)
    if json:
        print(SavedPlan.of(made).model_dump_json(indent=1))
    else:
        _print(made, rows, save)
    return 0


def wanted_of(
    campaign: str,
    agent_id: str,
    number_id: str,
    policy: str,
    script: Path | None,
    any_hour: bool,
    requests_per_minute: float,
) -> "PlanRequest":
    """What the options of a command ask for."""
    from flireo_flows.calling.plan import PlanRequest
    from flireo_flows.cli import settings
    from flireo_flows.script import Caller, Composer

    rules, words = settings.policy(policy, any_hour=any_hour), settings.script(script)
    composer = Composer(Caller(agent_id, number_id), words, settings.dialect(), campaign)
    return PlanRequest(campaign, rules, composer, requests_per_minute)


def make(
    leads: Path,
    do_not_call: Path | None,
    wanted: "PlanRequest",
    lead_format: "LeadFormat",
    saved: Path | None = None,
) -> "Plan":
    """What a run with these options would do.

    Args:
        leads: CSV or Excel file.
        do_not_call: File of numbers; None for none.
        wanted: See `wanted_of`.
        lead_format: How to read the file.
        saved: A saved plan, outside which no one is called; None for no such plan.
    """
    import asyncio
    from datetime import UTC, datetime

    from flireo_flows.calling.dry_run import make_plan
    from flireo_flows.calling.saved_plan import only_planned
    from flireo_flows.cli import settings
    from flireo_flows.leads import read_do_not_call, read_leads
    from flireo_flows.ledger.past import read_past

    forbidden = read_do_not_call(do_not_call, lead_format.default_region) if do_not_call else None
    batch = read_leads(leads, lead_format, forbidden or frozenset())
    if saved:
        batch = only_planned(batch, saved, wanted, forbidden or frozenset())
    phones = [lead.phone for lead in batch.leads]
    url = settings.ledger_url()
    past = asyncio.run(read_past(url, wanted.campaign, phones, wanted.policy))
    return make_plan(batch, wanted, past, datetime.now(UTC))


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
