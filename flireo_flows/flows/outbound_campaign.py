"""Call the people of a file and export what became of each call."""

import uuid
from typing import Annotated

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flireo_flows.api.identity import CampaignName
from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber, FlireoWebhook
from flireo_flows.leads import LeadFormat
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import Caller, Script
from flireo_flows.tasks.campaign import (
    CampaignRun,
    CampaignSummary,
    call_leads,
    conclude,
    export_results,
    import_leads,
    report_webhook,
    wait_for_reports,
)
from flireo_flows.tasks.campaign_control import pause_when_cancelled
from flireo_flows.tasks.export import results_folder


@flow(name="outbound-campaign", on_cancellation=[pause_when_cancelled])
def outbound_campaign(
    leads: Annotated[str, Field(min_length=1, title="File of leads")],
    campaign: CampaignName,
    credentials: FlireoCredentials,
    ledger: CallLedger,
    agent_id: Annotated[str, Field(title="Agent id")] = "",
    number: FlireoPhoneNumber | None = None,
    policy: CallingPolicy = CallingPolicy(),
    script: Script = Script(),
    lead_format: LeadFormat = LeadFormat(),
    do_not_call: Annotated[str, Field(title="Do-not-call list")] = "",
    webhook: FlireoWebhook | None = None,
    plan: Annotated[str, Field(title="Saved plan")] = "",
    out: Annotated[str, Field(title="Results folder")] = "",
    wait: Annotated[bool, Field(title="Wait for results")] = True,
    deadline_seconds: Annotated[int, Field(ge=0, title="Deadline (s)")] = 0,
    ignore_recent_calls: Annotated[bool, Field(title="Call without the account's recent calls")] = False,
    limit: Annotated[int, Field(ge=1, le=1_000_000, title="People at most")] = 1_000_000,
) -> CampaignSummary:
    """Call every lead of a file, each at a permitted hour, and export the results. Run it again to carry on.

    Cancelling the run pauses the campaign: running calls go on and are collected by the next run, and no one
    else is called until it is resumed.

    Args:
        leads: CSV or Excel file, one person a row.
        campaign: Attempts are counted under this name; the same name resumes and calls no one twice.
        credentials: The API key of the organization.
        ledger: The record of who was called.
        agent_id: The saved Flireo agent that speaks; empty where the script or the rows say who does.
        number: The number to call from; none lets Flireo pick one.
        policy: When, how often and how fast people may be called.
        script: What is said, by which agent, and from which pool of numbers.
        lead_format: How to read the file.
        do_not_call: File of numbers that must not be called; empty for none.
        webhook: Where reports are sent, for calls that can say so themselves; none leaves that to the agents.
        plan: A plan that was saved and approved: no one outside it is called; empty for none.
        out: Folder for results.csv, results.jsonl, results.parquet, rejects.csv and report.html; empty for one of
            the campaign's own, results/CAMPAIGN.
        wait: Off ends the run after dialling; a later run collects the results.
        deadline_seconds: End after so many seconds in any case; 0 for no deadline. Running calls go on.
        ignore_recent_calls: Call also where the account's calls of the last seven days cannot be read, which a new
            ledger reads first. Risky: people who were called a moment ago from elsewhere are called again.
        limit: Call at most so many people in this run.
    """
    run = CampaignRun(
        campaign=campaign,
        account=credentials.account,
        ledger_url=ledger.database_url,
        caller=Caller(agent_id, number.number_id if number else ""),
        policy=policy,
        script=script,
        webhook=report_webhook(webhook),
        plan=plan,
        out=results_folder(ledger, campaign, out),
        deadline_seconds=deadline_seconds,
        ignore_recent_calls=ignore_recent_calls,
        limit=limit,
        run_id=flow_run.get_id() or uuid.uuid4().hex,
    )
    imported = import_leads(run, leads, lead_format, do_not_call)
    called = call_leads(run, imported)
    if wait:
        called = wait_for_reports(run, imported, called)
    files = export_results(run, imported)
    return conclude(run, imported, called, files)
