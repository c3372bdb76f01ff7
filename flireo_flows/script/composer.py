"""A script, made ready for a campaign: chooses for a lead, and composes the request of an attempt."""

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
from flireo_flows.leads.lead import Lead, LeadBatch, Reject, RejectCode
from flireo_flows.script.call_choice import ATTEMPT_KEY, CallChoice, Caller, ComposeError, LeadFacts
from flireo_flows.script.inline_agent import (
    InlineTemplate,
    ReportWebhook,
    as_agent,
    speaking,
    system_message_of,
    with_system_message,
)
from flireo_flows.script.number_pool import pick_number, pick_variant
from flireo_flows.script.script_form import Script, Variant, inline_settings
from flireo_flows.script.template import ScriptError, Template
from flireo_flows.script.variables import NO_VARIABLES, Variables, variables


@dataclass(frozen=True, slots=True)
class CallText:
    """What a lead would hear, for a plan.

    Attributes:
        first_message: Rendered; empty when the saved agent greets in its own words.
        system_message: Rendered; empty when the saved agent keeps its own.
        variant: Name of the variant.
        agent_id: The saved agent; empty for a one-time one.
        number_id: The caller id; empty when Flireo picks one.
        language: What the row says; empty when it says nothing.
    """

    first_message: str
    system_message: str
    variant: str
    agent_id: str
    number_id: str
    language: str


@dataclass(frozen=True, slots=True)
class _Part:
    """What one variant says, or the script without one. None: nothing of its own."""

    agent_id: str
    inline: InlineTemplate | None
    first_message: Template | None
    system_message: Template | None

    def needs(self, facts: LeadFacts) -> Variables:
        """The lead's variables, if anything is to be filled in."""
        inline = self.inline.templates if self.inline else {}
        return variables(facts) if inline or self.first_message or self.system_message else NO_VARIABLES

    def words(self, offered: Variables) -> tuple[str, str]:
        """Greeting and system message for one lead."""
        return _rendered(self.first_message, offered), _rendered(self.system_message, offered)


def _rendered(template: Template | None, offered: Variables) -> str:
    if template is None:
        return ""
    words = template.render(offered).strip()
    if not words:
        # Sent as it is, the agent would greet in its own words without anybody having wanted that.
        raise ComposeError(f"{template.what}: nothing comes out for this row")
    return words


@dataclass(frozen=True)
class Composer:
    """Chooses and composes as a script says. Pure: the same lead always gets the same.

    Whose agent speaks: the one that the row names, else the variant's, else the script's one-time agent, else
    the caller's.

    Attributes:
        caller: The campaign's saved agent and number; both may be empty.
        script: What is said, by whom, from where.
        dialect: Of the account. Only `hmsovereign` lets a call change a saved agent's system message, or carry
            the attempt's reference beside a saved agent.
        seed: Name of the campaign; shares and rotation depend on it.
        webhook: Where reports are sent; None leaves that to the agents.
        models: Language models of saved agents, by id: see `knowing`.

    Raises:
        ScriptError: The dialect cannot do what the script says.
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
            _refuse_impossible(part, f"variant {name!r}: " if name else "", self.dialect)

    @property
    def agent_ids(self) -> frozenset[str]:
        """Saved agents that may speak, rows aside."""
        return frozenset(part.agent_id for part in self._parts.values()) - {""}

    @property
    def number_ids(self) -> frozenset[str]:
        """Numbers that may ring, rows aside."""
        return frozenset({self.caller.number_id, *(number.number_id for number in self.script.numbers)}) - {
            ""
        }

    @property
    def gives_system_message(self) -> bool:
        """Whether any variant tells its agent something of its own."""
        return any(part.system_message for part in self._parts.values())

    @property
    def agents_without_model(self) -> frozenset[str]:
        """Saved agents that are given a system message, so that `knowing` must be told their models."""
        told = (part.agent_id for part in self._parts.values() if part.system_message)
        return frozenset(told) - {"", *self.models}

    def knowing(self, models: Mapping[str, LLMConfig]) -> "Composer":
        """The same, told the language models of saved agents as `get_agent` answers them.

        An override replaces the whole model, so a new system message needs the rest of it.
        """
        return replace(self, models={**self.models, **models})

    def choose(self, facts: LeadFacts) -> CallChoice:
        """Agent, number and variant of a lead's next attempt; what an earlier one had is kept."""
        number_id = pick_number(
            self.script.numbers, facts, self.caller.number_id, self.seed, self.script.rotation
        )
        variant = self._variant(facts)
        part = self._parts.get(variant)
        agent_id = facts.wishes.agent_id or (part.agent_id if part else "")
        return CallChoice(agent_id=agent_id, number_id=number_id, variant=variant)

    def compose(self, facts: LeadFacts, choice: CallChoice, reference: str) -> OutboundCall:
        """The request of one attempt.

        Raises:
            ComposeError: A variable is missing, there is no variant for the lead, or an agent is unknown.
        """
        part = self._part(facts, choice.variant)
        offered = part.needs(facts)
        if choice.agent_id:
            greeting, told = part.words(offered)
            return self._with_saved(facts, choice, reference, greeting, told)
        settings = self._one_time(part, facts, offered)
        return OutboundCall(
            destination=facts.phone,
            number_id=choice.number_id,
            agent_config=as_agent(settings, self.webhook, reference),
        )

    def check(self, facts: LeadFacts) -> str:
        """Empty, or why nothing can be said to this lead: one sentence, for the person who mends the file."""
        try:
            self._said(facts, self._variant(facts))
        except ComposeError as impossible:
            return str(impossible)
        return ""

    def describe(self, facts: LeadFacts) -> CallText:
        """What the lead would hear.

        Raises:
            ComposeError: See `compose`.
        """
        choice = self.choose(facts)
        greeting, told = self._said(facts, choice.variant)
        return CallText(
            greeting, told, choice.variant, choice.agent_id, choice.number_id, facts.wishes.language
        )

    def _said(self, facts: LeadFacts, variant: str) -> tuple[str, str]:
        """Greeting and system message."""
        part = self._part(facts, variant)
        offered = part.needs(facts)
        agent_id = facts.wishes.agent_id or part.agent_id
        if not agent_id:
            settings = self._one_time(part, facts, offered)
            return str(settings.get("first_message") or ""), system_message_of(settings)
        greeting, told = part.words(offered)
        if told:
            self._mind(agent_id)
        return greeting, told

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
        greeting, told = part.words(offered)
        return speaking(part.inline.render(offered), greeting, told, facts.wishes.language)

    def _with_saved(
        self, facts: LeadFacts, choice: CallChoice, reference: str, greeting: str, told: str
    ) -> OutboundCall:
        return OutboundCall(
            destination=facts.phone,
            number_id=choice.number_id,
            agent_id=choice.agent_id,
            first_message=greeting,
            assistant_override=self._override(choice.agent_id, reference, told),
        )

    def _override(self, agent_id: str, reference: str, told: str) -> AgentOverride | None:
        """What the call changes about a saved agent beside its greeting."""
        changes: JsonObject = {"llm_config": with_system_message(self._mind(agent_id), told)} if told else {}
        if self.dialect is Dialect.FLIREO:
            return None
        if self.webhook:
            changes |= self.webhook.settings(reference)
        return AgentOverride.model_validate({**changes, "metadata": {ATTEMPT_KEY: reference}})

    def _mind(self, agent_id: str) -> LLMConfig:
        """The language model of a saved agent that is told something else."""
        if self.dialect is Dialect.FLIREO:
            raise ComposeError(
                "system_message: this row asks for a saved agent, and the flireo dialect changes nothing about "
                "one but its first_message"
            )
        if agent_id not in self.models:
            raise ComposeError(
                f"system_message: the language model of agent {redact(agent_id)!r} is not known, so it cannot be told"
            )
        return self.models[agent_id]


def _part(script: Script, caller: Caller, variant: Variant | None) -> _Part:
    """What a variant says, filled up by the script."""
    own = variant or script
    where = f"variant {variant.name!r}, " if variant else ""
    agent_id = variant.agent_id if variant else ""
    config = own.agent_config or ("" if agent_id else script.agent_config)
    settings = inline_settings(config)
    return _Part(
        agent_id=agent_id or ("" if settings else caller.agent_id),
        inline=InlineTemplate.read(settings, f"{where if own.agent_config else ''}agent_config")
        if settings
        else None,
        first_message=_template(own.first_message, script.first_message, where, "first_message"),
        system_message=_template(own.system_message, script.system_message, where, "system_message"),
    )


def _template(own: str, general: str, where: str, what: str) -> Template | None:
    if own.strip():
        return Template.read(own, f"{where}{what}")
    return Template.read(general, what) if general.strip() else None


def _refuse_impossible(part: _Part, where: str, dialect: Dialect) -> None:
    if part.agent_id and part.system_message and dialect is Dialect.FLIREO:
        raise ScriptError(
            f"{where}system_message is for a one-time agent (agent_config): the flireo dialect changes nothing "
            "about a saved agent but its first_message"
        )


# Stands for any model while nothing may be sent: only whether there is one matters then.
ANY_MODEL: Final = LLMConfig(provider="unknown")


def without_uncomposable(batch: LeadBatch, composer: Composer) -> LeadBatch:
    """The same file, with each lead that nothing can be said to among the rejects. Sends nothing."""
    problems = {lead.line: composer.check(facts_of(lead)) for lead in batch.leads}
    mute = tuple(
        Reject(lead.line, RejectCode.MISSING_VARIABLE, f"{problems[lead.line]}.", lead.columns)
        for lead in batch.leads
        if problems[lead.line]
    )
    if not mute:
        return batch
    return LeadBatch(
        leads=tuple(lead for lead in batch.leads if not problems[lead.line]),
        rejects=tuple(sorted((*batch.rejects, *mute), key=lambda reject: reject.line)),
        columns=batch.columns,
    )


def with_assumed_models(composer: Composer, leads: Iterable[Lead]) -> Composer:
    """The same composer, as if the models of all agents were known: for whatever may send nothing."""
    return composer.knowing(dict.fromkeys(agents_given_system_message(composer, leads), ANY_MODEL))


def facts_of(lead: Lead) -> LeadFacts:
    """A lead of a file, as choosing and speaking see it."""
    return LeadFacts(lead.phone, lead.name, lead.columns, lead.wishes)


def agents_given_system_message(composer: Composer, leads: Iterable[Lead]) -> frozenset[str]:
    """Saved agents that are given a system message, those that rows ask for included."""
    if not composer.gives_system_message:
        return frozenset()
    asked = {lead.wishes.agent_id for lead in leads}
    return (composer.agents_without_model | asked) - {""}


async def with_agent_models(
    client: AsyncFlireoClient, composer: Composer, agent_ids: Iterable[str]
) -> Composer:
    """The same composer, told the models of these agents. One request an agent.

    Raises:
        FlireoError: An agent does not exist, or Flireo was not reached; nobody was rung.
    """
    models = {}
    for agent_id in sorted(agent_ids):
        agent = await client.send(get_agent(agent_id))
        if agent.llm_config is not None:
            models[agent_id] = agent.llm_config
    return composer.knowing(models) if models else composer
