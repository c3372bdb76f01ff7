"""May this lead be rung now? `decide()` answers, and says why not and until when. Pure; reads no clock."""

from flireo_flows.policy.calendars import Holidays
from flireo_flows.policy.call_consequences import (
    Lesson,
    do_not_call_cause,
    is_retried,
    lesson_of,
    lessons_version,
    outcomes_version,
    retry_delay,
)
from flireo_flows.policy.calling_hours import WEEKDAYS, CallingHours, DayHours, Span
from flireo_flows.policy.calling_policy import CallingPolicy
from flireo_flows.policy.campaign_caps import brake, calls_left, day_start
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
from flireo_flows.policy.explanation import words
from flireo_flows.policy.history import History, OtherCall, PolicyLead, Totals
from flireo_flows.policy.lead_location import Whereabouts, whereabouts
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
from flireo_flows.policy.policy_problems import unusable, warnings
from flireo_flows.policy.presets import preset, preset_names

__all__ = [
    "WEEKDAYS",
    "Allow",
    "AnalysisRule",
    "Breaker",
    "CallingHours",
    "CallingPolicy",
    "Caps",
    "DayHours",
    "Deny",
    "History",
    "Holidays",
    "Lesson",
    "NumberCap",
    "OtherCall",
    "OtherCampaigns",
    "PolicyLead",
    "RetryDelay",
    "Rule",
    "Span",
    "StateRule",
    "Tariff",
    "Totals",
    "Verdict",
    "Whereabouts",
    "brake",
    "calls_left",
    "day_start",
    "decide",
    "do_not_call_cause",
    "held_by_others",
    "is_retried",
    "lesson_of",
    "lessons_version",
    "number_memory",
    "others_memory",
    "outcomes_version",
    "preset",
    "preset_names",
    "retry_delay",
    "unusable",
    "warnings",
    "whereabouts",
    "words",
]
