"""Save the block document flireo-campaign-job/campaign from FLIREO_CAMPAIGN_ID, or from FLIREO_CAMPAIGN_NAME.

A campaign that is named needs FLIREO_AGENT_ID and FLIREO_CAMPAIGN_TIMEZONE too. The credentials and the ledger are
those of save_credentials.py and save_ledger.py, so run these first. Who must not be called by that ledger is not added:
FLIREO_CAMPAIGN_ON_BLOCKED decides whether that refuses all (refuse, as usual) or leaves them out (skip).
"""

import os
import sys

from flireo_flows.blocks import CallLedger, FlireoCampaignJob, FlireoCredentials, OnBlocked


def saved_ledger() -> CallLedger | None:
    """The ledger that save_ledger.py saved; without it the campaign looks no one up, and warns."""
    try:
        return CallLedger.load("ledger")  # type: ignore[return-value] # Prefect declares its async form too
    except ValueError:
        print(
            "flireo-call-ledger/ledger is not saved, so no one is looked up in it: run save_ledger.py, then this again",
            file=sys.stderr,
        )
        return None


if __name__ == "__main__":
    FlireoCampaignJob.register_type_and_schema()
    campaign_id = os.environ.get("FLIREO_CAMPAIGN_ID", "")
    named = {
        "name": os.environ.get("FLIREO_CAMPAIGN_NAME", ""),
        "agent_id": os.environ.get("FLIREO_AGENT_ID", ""),
        "timezone": os.environ.get("FLIREO_CAMPAIGN_TIMEZONE", ""),
        "schedule_start_time": os.environ.get("FLIREO_CAMPAIGN_START", "09:00"),
        "schedule_end_time": os.environ.get("FLIREO_CAMPAIGN_END", "20:00"),
        "system_message_template": os.environ.get("FLIREO_CAMPAIGN_TEMPLATE", ""),
    }
    FlireoCampaignJob(
        credentials=FlireoCredentials.load("flireo"),
        ledger=saved_ledger(),
        on_blocked=OnBlocked(os.environ.get("FLIREO_CAMPAIGN_ON_BLOCKED", "refuse")),
        **({"campaign_id": campaign_id} if campaign_id else named),
    ).save("campaign", overwrite=True)
    print("saved flireo-campaign-job/campaign")
