"""May this lead be called now? `decide()` answers, with the reason and until when. Pure; reads no clock."""

from flireo_flows.policy.calendars import Holidays
from flireo_flows.policy.call_consequences import (
    OptOut,
    is_retried,
    may_follow,
    opt_out_of,
    opt_out_rules_version,
    retry_delay,
)
from flireo_flows.policy.calling_hours import WEEKDAYS, Break, CallingHours, DayHours
from flireo_flows.policy.calling_policy import CallingPolicy, preset, preset_names
from flireo_flows.policy.campaign_caps import calls_left, campaign_denial, day_start
from flireo_flows.policy.decision import (
    Allow,
    Deny,
    Rule,
    Verdict,
    decide,
    held_by_others,
    number_memory,
    others_memory,
)
from flireo_flows.policy.decision_context import (
    History,
    LeadLocation,
    OtherCall,
    PolicyLead,
    Totals,
    alike,
    location_of,
)
from flireo_flows.policy.explanation import SOURCES, explain
from flireo_flows.policy.policy_forms import (
    AnalysisRule,
    Breaker,
    Caps,
    NumberCap,
    OtherCampaigns,
    RetryDelay,
    StateRule,
    Tariff,
)
from flireo_flows.policy.policy_problems import policy_problem, policy_warnings

__all__ = [
    "SOURCES",
    "WEEKDAYS",
    "Allow",
    "AnalysisRule",
    "Break",
    "Breaker",
    "CallingHours",
    "CallingPolicy",
    "Caps",
    "DayHours",
    "Deny",
    "History",
    "Holidays",
    "LeadLocation",
    "NumberCap",
    "OptOut",
    "OtherCall",
    "OtherCampaigns",
    "PolicyLead",
    "RetryDelay",
    "Rule",
    "StateRule",
    "Tariff",
    "Totals",
    "Verdict",
    "alike",
    "calls_left",
    "campaign_denial",
    "day_start",
    "decide",
    "explain",
    "held_by_others",
    "is_retried",
    "location_of",
    "may_follow",
    "number_memory",
    "opt_out_of",
    "opt_out_rules_version",
    "others_memory",
    "policy_problem",
    "policy_warnings",
    "preset",
    "preset_names",
    "retry_delay",
]
