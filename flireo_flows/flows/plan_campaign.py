"""Plan a campaign without sending anything; have a person approve the plan; then call exactly that."""

import time
import uuid
from dataclasses import replace
from typing import Annotated

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flireo_flows.api.identity import CampaignName
from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber, FlireoWebhook
from flireo_flows.leads import LeadFormat
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import Caller, Script
from flireo_flows.tasks.approval import ask_approval
from flireo_flows.tasks.campaign import (
    CampaignRun,
    call_leads,
    conclude,
    export_results,
    import_leads,
    report_webhook,
    wait_for_reports,
)
from flireo_flows.tasks.campaign_control import pause_when_cancelled
from flireo_flows.tasks.export import results_folder
from flireo_flows.tasks.plan import PlanOutcome, plan_leads


@flow(name="plan-campaign", on_cancellation=[pause_when_cancelled])
def plan_campaign(
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
    out: Annotated[str, Field(title="Results folder")] = "",
    requests_per_minute: Annotated[float, Field(gt=0, title="Requests a minute")] = 100,
    approve: Annotated[bool, Field(title="Ask for approval")] = True,
    approval_timeout_seconds: Annotated[int, Field(ge=1, le=86_400, title="Wait for approval (s)")] = 3600,
    wait: Annotated[bool, Field(title="Wait for results")] = True,
    deadline_seconds: Annotated[int, Field(ge=0, title="Deadline (s)")] = 0,
    ignore_recent_calls: Annotated[bool, Field(title="Call without the account's recent calls")] = False,
    limit: Annotated[int, Field(ge=1, le=1_000_000, title="People at most")] = 1_000_000,
) -> PlanOutcome:
    """Show who would be called when, from which number and with which words; once approved, call exactly those.

    Planning sends nothing to Flireo. The plan is shown as artifacts and saved in the results folder. The run then
    waits for a person to resume it in the UI and to say yes; a worker is held meanwhile.

    Args:
        leads: CSV or Excel file, one person a row.
        campaign: Attempts are counted under this name; the same name resumes and calls no one twice.
        credentials: The API key of the organization.
        ledger: The record of who was called.
        agent_id: The saved Flireo agent that speaks; empty where the script or the rows say who does.
        number: The number to call from; none lets Flireo pick one.
        policy: When, how often and how fast people may be called; its tariff is what the cost is estimated by.
        script: What is said, by which agent, and from which pool of numbers.
        lead_format: How to read the file.
        do_not_call: File of numbers that must not be called; empty for none.
        webhook: Where reports are sent, for calls that can say so themselves; none leaves that to the agents.
        out: Folder for the plan and, once it was run, the results; empty for one of the campaign's own,
            results/CAMPAIGN.
        requests_per_minute: What the API key allows, for the duration; Flireo's own limit is 100.
        approve: Off ends the run after planning; the saved plan can be run by outbound-campaign.
        approval_timeout_seconds: How long to wait for approval; after that no one is called.
        wait: Off ends the run after dialling; a later run collects the results.
        deadline_seconds: End so many seconds after the approval in any case; 0 for no deadline. Running calls go on.
        ignore_recent_calls: Once approved, call also where the account's calls of the last seven days cannot be read,
            which a new ledger reads first. Risky: people who were called a moment ago from elsewhere are called again.
        limit: Once approved, call at most so many people in this run.
    """
    run = CampaignRun(
        campaign=campaign,
        account=credentials.account,
        ledger_url=ledger.database_url,
        caller=Caller(agent_id, number.number_id if number else ""),
        policy=policy,
        script=script,
        webhook=report_webhook(webhook),
        out=results_folder(ledger, campaign, out),
        deadline_seconds=deadline_seconds,
        ignore_recent_calls=ignore_recent_calls,
        limit=limit,
        run_id=flow_run.get_id() or uuid.uuid4().hex,
    )
    planned = plan_leads(run, leads, lead_format, do_not_call, requests_per_minute)
    if not approve or not planned.calls:
        return PlanOutcome.of(planned, "Planned; no one was called.")
    approval = ask_approval(planned, approval_timeout_seconds)
    if approval is None:
        return PlanOutcome.of(planned, "Not approved in time; no one was called.")
    if not approval.approved:
        return PlanOutcome.of(planned, "Not approved; no one was called.", approved=False)

    run = replace(run, plan=planned.file, started_at=time.time())
    imported = import_leads(run, leads, lead_format, do_not_call)
    called = call_leads(run, imported)
    if wait:
        called = wait_for_reports(run, imported, called)
    files = export_results(run, imported)
    summary = conclude(run, imported, called, files)
    return PlanOutcome.of(planned, "Approved and run.", approved=True, summary=summary)
