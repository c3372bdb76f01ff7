"""Which agent calls a lead, from which number, with which words. Pure.

    composer = Composer(Caller("agent-1"), Script(first_message="Hi {{ name }}!"), Dialect.FLIREO)
    composer.check(facts)      # "", or why no request can be composed for this lead
    choice = composer.choose(facts)
    composer.compose(facts, choice, reference)

A script is a form that people fill in; its templates are checked when the form is.
"""

from flireo_flows.script.composer import Composer, reject_uncomposable
from flireo_flows.script.inline_agent import ReportWebhook
from flireo_flows.script.lead_facts import (
    ATTEMPT_KEY,
    CallChoice,
    Caller,
    ComposeError,
    LeadFacts,
    NoClientNumberError,
    facts_of,
    variables,
)
from flireo_flows.script.script_form import PoolNumber, Script, Variant
from flireo_flows.script.template import ScriptError, Template

__all__ = [
    "ATTEMPT_KEY",
    "CallChoice",
    "Caller",
    "ComposeError",
    "Composer",
    "LeadFacts",
    "NoClientNumberError",
    "PoolNumber",
    "ReportWebhook",
    "Script",
    "ScriptError",
    "Template",
    "Variant",
    "facts_of",
    "reject_uncomposable",
    "variables",
]
