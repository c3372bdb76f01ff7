"""What a vendor campaign is to say: its template, with a plain `{{ name }}` for what each lead brings."""

import re
from dataclasses import dataclass
from typing import Final, Self

from flireo_flows.calling.account import Caller
from flireo_flows.calling.choice import CannotCompose, LeadFacts
from flireo_flows.calling.script.model import Script
from flireo_flows.calling.script.variables import variables

PLACEHOLDER: Final = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
MARKS: Final = ("{{", "}}", "{%", "%}", "{#", "#}")


@dataclass(frozen=True, slots=True)
class Words:
    """Who speaks in a vendor campaign, and what they are told.

    Attributes:
        agent_id: The one saved agent that speaks to everybody.
        template: What it is told beside its own settings (the campaign's `system_message_template`, contract
            section 17.1); empty leaves the agent as it is.
        number_id: The caller id that was asked for.
        others: Settings of the script that a vendor campaign has no field for, by name.
    """

    agent_id: str
    template: str = ""
    number_id: str = ""
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, caller: Caller, script: Script | None = None) -> Self:
        """What a campaign's settings ask for."""
        script = script or Script()
        default = Script()
        others = tuple(
            name
            for name in Script.model_fields
            if name != "system_message" and getattr(script, name) != getattr(default, name)
        )
        return cls(caller.agent_id, script.system_message, caller.number_id, others)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables of the template, each once."""
        return tuple(dict.fromkeys(PLACEHOLDER.findall(self.template)))

    @property
    def is_plain(self) -> bool:
        """Whether plain placeholders are all that the template asks to be filled in."""
        rest = PLACEHOLDER.sub("", self.template)
        return not any(mark in rest for mark in MARKS)

    def variables(self, facts: LeadFacts) -> dict[str, str]:
        """What is handed over with a lead: text for each variable, and nothing else that its row holds.

        Raises:
            CannotCompose: One is missing or empty: the agent would be told the placeholder itself.
        """
        known = variables(facts).values
        missing = [name for name in self.names if name not in known]
        if missing:
            raise CannotCompose(
                f"its row has nothing for {', '.join(missing)}, which system_message asks for"
            )
        return {name: known[name] for name in self.names}
