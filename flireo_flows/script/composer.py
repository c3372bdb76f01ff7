"""A script, made ready for a campaign: chooses agent, number and variant for a lead, and composes the request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from flireo_flows.api.agent_config import AgentOverride, LLMConfig
from flireo_flows.api.agents import get_agent
from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.dialect import Dialect
from flireo_flows.api.model import JsonObject
from flireo_flows.api.redaction import redact
from flireo_flows.leads import Lead, LeadBatch, Reject, RejectCode
from flireo_flows.script.call_choice import ATTEMPT_KEY, CallChoice, Caller, ComposeError, LeadFacts
from flireo_flows.script.inline_agent import (
    InlineTemplate,
    ReportWebhook,
    as_agent,
    with_messages,
    with_system_message,
)
from flireo_flows.script.number_pool import pick_number, pick_variant
from flireo_flows.script.script_form import Script, Variant, inline_settings
from flireo_flows.script.template import ScriptError, Template
from flireo_flows.script.variables import NO_VARIABLES, Variables, variables

# Stands for any language model where nothing may be sent: only whether there is one matters then.
_ANY_MODEL: Final = LLMConfig(provider="unknown")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one variant contains, or the script without variants. None: nothing of its own."""

    agent_id: str
    inline: InlineTemplate | None
    first_message: Template | None
    system_message: Template | None

    def needs(self, facts: LeadFacts) -> Variables:
        """The lead's variables, if the part has a template."""
        inline = self.inline.templates if self.inline else {}
        return variables(facts) if inline or self.first_message or self.system_message else NO_VARIABLES

    def messages(self, offered: Variables) -> tuple[str, str]:
        """Greeting and system message for one lead."""
        return _rendered(self.first_message, offered), _rendered(self.system_message, offered)


def _rendered(template: Template | None, offered: Variables) -> str:
    if template is None:
        return ""
    text = template.render(offered).strip()
    if not text:
        # Sent empty, the agent would greet in its own words, which no one asked for.
        raise ComposeError(f"{template.what}: nothing comes out for this row")
    return text


@dataclass(frozen=True)
class Composer:
    """Chooses and composes by a script. Pure: the same lead always gets the same choice and request.

    Which agent speaks: the one that the row names, else the variant's, else the script's one-time agent, else
    the caller's.

    Attributes:
        caller: The campaign's saved agent and number; both may be empty.
        script: The words, variants and numbers.
        dialect: Of the account. Only `hmsovereign` lets a call change a saved agent's system message, or carry
            the attempt's reference beside a saved agent.
        seed: Name of the campaign; shares and rotation depend on it.
        webhook: Where reports are sent; None leaves that to the agents.
        models: Language models of saved agents, by id: see `with_models`.

    Raises:
        ScriptError: The dialect cannot do what the script asks for.
    """

    caller: Caller
    script: Script = field(default_factory=Script)
    dialect: Dialect = Dialect.FLIREO
    seed: str = ""
    webhook: ReportWebhook | None = None
    models: Mapping[str, LLMConfig] = field(default_factory=dict)
    _parts: Mapping[str, _Part] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        script, caller = self.script, self.caller
        parts = {variant.name: _part(script, caller, variant) for variant in script.variants}
        object.__setattr__(self, "_parts", parts or {"": _part(script, caller, None)})
        for name, part in self._parts.items():
            if part.agent_id and part.system_message and self.dialect is Dialect.FLIREO:
                where = f"variant {name!r}: " if name else ""
                raise ScriptError(
                    f"{where}system_message is for a one-time agent (agent_config): the flireo dialect changes "
                    "nothing about a saved agent but its first_message"
                )

    @property
    def agent_ids(self) -> frozenset[str]:
        """Saved agents that may speak, rows aside."""
        return frozenset(part.agent_id for part in self._parts.values()) - {""}

    @property
    def number_ids(self) -> frozenset[str]:
        """Numbers that calls may come from, rows aside."""
        numbers = (number.number_id for number in self.script.numbers)
        return frozenset({self.caller.number_id, *numbers}) - {""}

    def agents_to_read(self, leads: Iterable[Lead]) -> frozenset[str]:
        """Saved agents that get a system message, those of rows included: `with_models` needs their models."""
        given = [part for part in self._parts.values() if part.system_message]
        if not given:
            return frozenset()
        agents = {part.agent_id for part in given} - set(self.models)
        return frozenset(agents | {lead.wishes.agent_id for lead in leads}) - {""}

    def with_models(self, models: Mapping[str, LLMConfig]) -> "Composer":
        """The same composer, with the language models of saved agents as `get_agent` returns them.

        An override replaces the whole model, so a new system message needs the rest of it.
        """
        return replace(self, models={**self.models, **models})

    def with_assumed_models(self, leads: Iterable[Lead]) -> "Composer":
        """The same composer, as if the models of all agents were known: for a plan, which sends nothing."""
        return self.with_models(dict.fromkeys(self.agents_to_read(leads), _ANY_MODEL))

    async def with_agent_models(self, client: AsyncFlireoClient, agent_ids: Iterable[str]) -> "Composer":
        """The same composer, with the models of these agents. Sends one request an agent.

        Raises:
            FlireoError: An agent does not exist, or Flireo was not reached; no one was called.
        """
        agents = {agent_id: await client.send(get_agent(agent_id)) for agent_id in sorted(agent_ids)}
        return self.with_models({key: it.llm_config for key, it in agents.items() if it.llm_config})

    def choose(self, facts: LeadFacts) -> CallChoice:
        """Agent, number and variant of a lead's next attempt; what an earlier attempt had is kept.

        Raises:
            NoClientNumberError: The row names a client without a number; the lead needs review.
        """
        number_id = pick_number(
            self.script.numbers, facts, self.caller.number_id, self.seed, self.script.rotation
        )
        variant = self._variant(facts)
        part = self._parts.get(variant)
        agent_id = facts.wishes.agent_id or (part.agent_id if part else "")
        return CallChoice(agent_id=agent_id, number_id=number_id, variant=variant)

    def compose(self, facts: LeadFacts, choice: CallChoice, reference: str) -> OutboundCall:
        """The request of one attempt.

        Args:
            facts: The lead.
            choice: What was chosen and written down for the attempt.
            reference: The attempt's own id, sent along where the request has room for it.

        Raises:
            ComposeError: A variable is missing, there is no variant for the lead, or an agent is unknown.
        """
        part = self._part(facts, choice.variant)
        offered = part.needs(facts)
        if not choice.agent_id:
            agent = as_agent(self._one_time(part, facts, offered), self.webhook, reference)
            return OutboundCall(destination=facts.phone, number_id=choice.number_id, agent_config=agent)
        greeting, system_message = part.messages(offered)
        return OutboundCall(
            destination=facts.phone,
            number_id=choice.number_id,
            agent_id=choice.agent_id,
            first_message=greeting,
            assistant_override=self._override(choice.agent_id, reference, system_message),
        )

    def check(self, facts: LeadFacts) -> str:
        """Why no request can be composed for this lead, in one sentence for who corrects the file; empty if it can."""
        try:
            part = self._part(facts, self._variant(facts))
            offered = part.needs(facts)
            agent_id = facts.wishes.agent_id or part.agent_id
            if not agent_id:
                self._one_time(part, facts, offered)
            elif part.messages(offered)[1]:
                self._model_of(agent_id)
        except ComposeError as impossible:
            return str(impossible)
        return ""

    def _variant(self, facts: LeadFacts) -> str:
        variant = pick_variant(self.script.variants, facts, self.seed)
        return variant.name if variant else ""

    def _part(self, facts: LeadFacts, variant: str) -> _Part:
        if part := self._parts.get(variant):
            return part
        if variant:
            raise ComposeError(f"there is no variant {variant!r} any more")
        language = facts.wishes.language
        row = f"this row's language is {language}" if language else "this row names no language"
        raise ComposeError(f"no variant is for this lead: {row}, and each variant is for another one")

    def _one_time(self, part: _Part, facts: LeadFacts, offered: Variables) -> JsonObject:
        if part.inline is None:
            raise ComposeError("no agent speaks to this lead: give the campaign one, or the lead's row")
        greeting, system_message = part.messages(offered)
        return with_messages(part.inline.render(offered), greeting, system_message, facts.wishes.language)

    def _override(self, agent_id: str, reference: str, system_message: str) -> AgentOverride | None:
        """What the call changes about a saved agent beside its greeting."""
        changes: JsonObject = {}
        if system_message:
            changes["llm_config"] = with_system_message(self._model_of(agent_id), system_message)
        if self.dialect is Dialect.FLIREO:
            return None
        if self.webhook:
            changes |= self.webhook.settings(reference)
        return AgentOverride.model_validate({**changes, "metadata": {ATTEMPT_KEY: reference}})

    def _model_of(self, agent_id: str) -> LLMConfig:
        """The language model of a saved agent whose system message the call replaces."""
        if self.dialect is Dialect.FLIREO:
            raise ComposeError(
                "system_message: this row asks for a saved agent, and the flireo dialect changes nothing about "
                "one but its first_message"
            )
        if agent_id not in self.models:
            raise ComposeError(
                f"system_message: the language model of agent {redact(agent_id)!r} is not known, so its system "
                "message cannot be replaced"
            )
        return self.models[agent_id]


def facts_of(lead: Lead) -> LeadFacts:
    """A lead of a file, as far as choosing and composing need it."""
    return LeadFacts(lead.phone, lead.name, lead.columns, lead.wishes)


def reject_uncomposable(batch: LeadBatch, composer: Composer) -> LeadBatch:
    """The same batch, with each lead for which no request can be composed among the rejects. Sends nothing."""
    problems = {lead.line: composer.check(facts_of(lead)) for lead in batch.leads}
    rejects = tuple(
        Reject(lead.line, RejectCode.MISSING_VARIABLE, f"{problems[lead.line]}.", lead.columns)
        for lead in batch.leads
        if problems[lead.line]
    )
    if not rejects:
        return batch
    return LeadBatch(
        leads=tuple(lead for lead in batch.leads if not problems[lead.line]),
        rejects=tuple(sorted((*batch.rejects, *rejects), key=lambda reject: reject.line)),
        columns=batch.columns,
    )


def _part(script: Script, caller: Caller, variant: Variant | None) -> _Part:
    """What a variant contains, completed from the script."""
    own = variant or script
    where = f"variant {variant.name!r}, " if variant else ""
    agent_id = variant.agent_id if variant else ""
    config = own.agent_config or ("" if agent_id else script.agent_config)
    settings = inline_settings(config)
    what = f"{where if own.agent_config else ''}agent_config"
    return _Part(
        agent_id=agent_id or ("" if settings else caller.agent_id),
        inline=InlineTemplate.read(settings, what) if settings else None,
        first_message=_template(own.first_message, script.first_message, where, "first_message"),
        system_message=_template(own.system_message, script.system_message, where, "system_message"),
    )


def _template(own: str, general: str, where: str, what: str) -> Template | None:
    if own.strip():
        return Template.read(own, f"{where}{what}")
    return Template.read(general, what) if general.strip() else None
