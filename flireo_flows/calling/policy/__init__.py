"""May this lead be rung now? `decide()` answers, and says why not and until when. Pure; reads no clock."""

from flireo_flows.calling.policy.deciding import brake, calls_left, decide
from flireo_flows.calling.policy.history import History, PolicyLead, Totals
from flireo_flows.calling.policy.model import CallingHours, CallingPolicy
from flireo_flows.calling.policy.verdict import Allow, Deny, Rule, Verdict

__all__ = [
    "Allow",
    "CallingHours",
    "CallingPolicy",
    "Deny",
    "History",
    "PolicyLead",
    "Rule",
    "Totals",
    "Verdict",
    "brake",
    "calls_left",
    "decide",
]
