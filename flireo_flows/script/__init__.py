"""Which agent rings a lead, from which number, and what it says.

    composer = Composer(Caller("agent-1"), Script(first_message="Hi {{ name }}!"), Dialect.FLIREO)
    composer.check(facts)      # "" or why nothing can be said to this lead
    choice = composer.choose(facts)
    composer.compose(facts, choice, reference)

A script is a form that people fill in; a template of it is checked when the form is. All of it is pure.
"""

from flireo_flows.script.composer import CallText, Composer, facts_of, with_agent_models, without_uncomposable
from flireo_flows.script.inline_agent import ReportWebhook
from flireo_flows.script.script_form import PoolNumber, Script, Variant
from flireo_flows.script.template import ScriptError, Template

__all__ = [
    "CallText",
    "Composer",
    "PoolNumber",
    "ReportWebhook",
    "Script",
    "ScriptError",
    "Template",
    "Variant",
    "facts_of",
    "with_agent_models",
    "without_uncomposable",
]
