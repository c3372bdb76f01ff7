"""Which agent rings a lead, from which number, and what it says.

    composer = Composer(Caller("agent-1"), Script(first_message="Hi {{ name }}!"), Dialect.FLIREO)
    composer.check(facts)      # "" or why nothing can be said to this lead
    choice = composer.choose(facts)
    composer.compose(facts, choice, reference)

A script is a form that people fill in; a template of it is checked when the form is. All of it is pure.
"""

from flireo_flows.script.composer import Composer, Spoken, facts_of, knowing_agents, speakable
from flireo_flows.script.inline_agent import Webhook
from flireo_flows.script.script_form import PoolNumber, Script, Variant
from flireo_flows.script.template import ScriptError, Template

__all__ = [
    "Composer",
    "PoolNumber",
    "Script",
    "ScriptError",
    "Spoken",
    "Template",
    "Variant",
    "Webhook",
    "facts_of",
    "knowing_agents",
    "speakable",
]
