"""Save the block document flireo-campaign-job/campaign from FLIREO_CAMPAIGN_ID, or from FLIREO_CAMPAIGN_NAME.

A campaign that is named needs FLIREO_AGENT_ID and FLIREO_CAMPAIGN_TIMEZONE too. The credentials are those of
save_credentials.py, so run that first.
"""

import os

from flireo_flows.blocks import FlireoCampaignJob, FlireoCredentials

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
        **({"campaign_id": campaign_id} if campaign_id else named),
    ).save("campaign", overwrite=True)
    print("saved flireo-campaign-job/campaign")
