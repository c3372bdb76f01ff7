"""Answer `assistant-request`: who answers an inbound call, and how. Contract section 18.4."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_jsonable_python

from flireo_flows.api.agent_config import AgentOverride
from flireo_flows.api.fields import Dialect
from flireo_flows.api.webhooks import AssistantRequest, KeyCase
from flireo_flows.ledger.audit import KnownCaller
from flireo_flows.script import ComposeError, Template, variables

DIALECT: Final = {KeyCase.CAMEL: Dialect.FLIREO, KeyCase.SNAKE: Dialect.HMSOVEREIGN}
_HUMPED: Final = {"first_message": "firstMessage", "analysis_plan": "analysisPlan"}


@dataclass(frozen=True, slots=True)
class AssistantAnswer:
    """How an inbound call is to be answered; what is left out is as the saved agent has it.

    Attributes:
        first_message: The greeting.
        max_duration_seconds: Longest call, in seconds.
        override: Other settings of the agent; each that is set replaces that whole block.
        agent_id: Another saved agent. Only where keys come in snake_case: the earlier platform has no such key.
        metadata: Comes back in all later events of the call. Only where keys come in snake_case.
        refusal: Spoken to the caller, and the call ends; nothing else counts then.
    """

    first_message: str | None = None
    max_duration_seconds: int | None = None
    override: AgentOverride | None = None
    agent_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    refusal: str | None = None

    def as_body(self, case: KeyCase) -> dict[str, Any]:
        """The answer as the platform that asked spells it."""
        if self.refusal is not None:
            return {"error": self.refusal}
        settings = dict(self.override.as_body(DIALECT[case])) if self.override else {}
        if self.first_message is not None:
            settings["first_message"] = self.first_message
        if case is KeyCase.CAMEL:
            longest = settings.pop("max_duration_seconds", None)
            longest = longest if self.max_duration_seconds is None else self.max_duration_seconds
            entry = {_HUMPED.get(name, name): value for name, value in settings.items()}
            return _said({"assistant": entry or None, "maxDurationSeconds": longest})
        if self.max_duration_seconds is not None:
            settings["max_duration_seconds"] = self.max_duration_seconds
        metadata = dict(self.metadata) if self.metadata is not None else None
        return _said(
            {"assistant_id": self.agent_id, "assistant_override": settings or None, "metadata": metadata}
        )


def _said(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


# What a user's function may give; None and {} leave the saved agent as it is.
Answered = AssistantAnswer | Mapping[str, Any] | None
Answers = Callable[[AssistantRequest, KnownCaller | None], Any]


def body_of(answer: Any, case: KeyCase) -> dict[str, Any]:
    """The body of an answer, whichever form the function gave.

    Raises:
        TypeError: It is neither an `AssistantAnswer` nor a mapping nor None.
    """
    if answer is None:
        return {}
    if isinstance(answer, AssistantAnswer):
        answer = answer.as_body(case)
    body = to_jsonable_python(answer, inf_nan_mode="null")  # JSON has neither
    if not isinstance(body, dict):
        raise TypeError("a function for assistant-request gives an AssistantAnswer, a mapping or None")
    return body


class Greets:
    """Recognises callers who are leads, and greets them in the words of a template."""

    def __init__(self, first_message: str) -> None:
        """Read the template.

        Args:
            first_message: Such as `Hi {{ name }}!`; variables are a lead's columns, `name` and `language`.

        Raises:
            ScriptError: It is no template, or does more than a template may.
        """
        self._template = Template.read(first_message, "first_message")

    def __call__(self, event: AssistantRequest, caller: KnownCaller | None) -> AssistantAnswer | None:
        """The greeting; None for an unknown or suppressed caller, or one that lacks what the template needs."""
        if caller is None or caller.is_suppressed:
            return None
        try:
            return AssistantAnswer(first_message=self._template.render(variables(caller.facts)))
        except ComposeError:
            return None
