"""Campaigns of the API, at a sandbox."""

import pytest

from flireo_flows.api import campaigns
from flireo_flows.api.campaigns import (
    CampaignStatus,
    NewCampaign,
    add_campaign_lead,
    create_campaign,
    list_campaign_leads,
    update_campaign,
)
from flireo_flows.api.errors import NotFound
from flireo_flows.api.fields import Dialect
from tests.support.api.campaigns import EACH_DIALECT, NEW
from tests.support.api.speaking import SPEAKERS, MakesSpeaker, account
from tests.support.sandbox.running import ANNA, BEN, run_sandbox


@pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())
@EACH_DIALECT
def test_a_campaign_is_made_filled_changed_read_and_deleted(speaker: MakesSpeaker, dialect: Dialect) -> None:
    anna = campaigns.NewCampaignLead(phone_number=ANNA, variables={"name": "Anna"})
    new = NewCampaign(**{**NEW, "agent_id": "demo-agent"}, leads=(anna,))
    with run_sandbox() as sandbox, speaker(account(sandbox.base_url, dialect=dialect)) as client:
        made = client.send(create_campaign(new))
        assert (made.status, made.total_leads, made.is_over) == (CampaignStatus.DRAFT, 1, False)
        ben = client.send(add_campaign_lead(made.id, campaigns.NewCampaignLead(phone_number=BEN)))
        page = client.send(list_campaign_leads(made.id))
        assert [lead.phone_number for lead in page.leads] == [ANNA, BEN]
        assert page.leads[0].variables == {"name": "Anna"}
        assert client.send(campaigns.remove_campaign_lead(made.id, ben.id))
        stop = campaigns.CampaignChanges(name="Summer", status=CampaignStatus.CANCELLED)
        stopped = client.send(update_campaign(made.id, stop))
        assert (stopped.name, stopped.is_over) == ("Summer", True)
        assert client.send(campaigns.get_campaign(made.id)) == stopped
        assert stopped in client.send(campaigns.list_campaigns())
        assert client.send(campaigns.delete_campaign(made.id))
        with pytest.raises(NotFound):
            client.send(campaigns.get_campaign(made.id))
        assert sandbox.placed_calls() == []
