"""Ring the people of a file and write down what became of each call."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.leads import LeadFormat
from flireo_flows.steps import (
    CampaignSummary,
    call_leads,
    conclude,
    export_results,
    import_leads,
    start_run,
    wait_for_reports,
)


@flow(name="outbound-campaign")
def outbound_campaign(
    leads: Annotated[str, Field(min_length=1, title="File of leads")],
    campaign: Annotated[str, Field(min_length=1, max_length=80, title="Campaign")],
    agent_id: Annotated[str, Field(min_length=1, title="Agent id")],
    credentials: FlireoCredentials,
    ledger: CallLedger,
    number: FlireoPhoneNumber | None = None,
    policy: CallingPolicy = CallingPolicy(),
    lead_format: LeadFormat = LeadFormat(),
    do_not_call: Annotated[str, Field(title="Do-not-call list")] = "",
    out: Annotated[str, Field(min_length=1, title="Results folder")] = "results",
    wait: Annotated[bool, Field(title="Wait for results")] = True,
    deadline_seconds: Annotated[int, Field(ge=0, title="Deadline (s)")] = 0,
) -> CampaignSummary:
    """Ring every lead of a file, each at a permitted hour, and export the results. Run it again to carry on.

    Args:
        leads: CSV or Excel file, one person a row.
        campaign: Attempts are counted under this name; the same name resumes and rings nobody twice.
        agent_id: The saved Flireo agent that speaks.
        credentials: The API key of the organization.
        ledger: Where it is kept who was rung.
        number: The number to ring from; none lets Flireo pick one.
        policy: When, how often and how fast people may be rung.
        lead_format: How to read the file.
        do_not_call: File of numbers that are not to be rung; empty for none.
        out: Folder for results.csv, results.jsonl, rejects.csv and report.html.
        wait: Off ends the run after dialling; a later run collects the results.
        deadline_seconds: End after so many seconds in any case; 0 for no deadline.
    """
    run = start_run(campaign, agent_id, credentials, ledger, number, policy, out, deadline_seconds)
    imported = import_leads(run, leads, lead_format, do_not_call)
    called = call_leads(run, imported)
    if wait:
        called = wait_for_reports(run, imported, called)
    files = export_results(run, imported)
    return conclude(run, imported, called, files)
