"""Calls of other campaigns, and rules that count them."""

from datetime import timedelta
from typing import Any

from flireo_flows.leads import Lead
from flireo_flows.policy import (
    CallingPolicy,
    History,
    OtherCall,
    OtherCampaigns,
)
from tests.support.calling.campaign import person
from tests.support.calling.policies import NOON

OFF = OtherCampaigns(min_gap_hours=0, max_calls=0)


def called(*hours_ago: float, **fields: Any) -> History:
    calls = [OtherCall(NOON - timedelta(hours=hours), "spring", **fields) for hours in hours_ago]
    return History(other_calls=tuple(sorted(calls, key=lambda call: call.at)))


def replace_others(policy: CallingPolicy, others: OtherCampaigns) -> CallingPolicy:
    return policy.model_copy(update={"other_campaigns": others})


def row(phone: str, **columns: str) -> Lead:
    return person(phone, columns=columns)
