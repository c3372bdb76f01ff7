"""A script, made ready for a campaign: chooses agent, number and variant for a lead, and composes the request."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import phonenumbers

from flireo_flows.api.agent_config import AgentOverride, LLMConfig
from flireo_flows.api.agents import get_agent
from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.fields import Dialect
from flireo_flows.api.identity import name_key
from flireo_flows.api.model import JsonObject
from flireo_flows.api.redaction import redact
from flireo_flows.leads import Lead, LeadBatch, Reject, RejectCode
from flireo_flows.leads.zones import Home, home_of
from flireo_flows.script.inline_agent import ReportWebhook, as_agent, with_messages, with_system_message
from flireo_flows.script.lead_facts import (
    ATTEMPT_KEY,
    NO_VARIABLES,
    CallChoice,
    Caller,
    ComposeError,
    LeadFacts,
    NoClientNumberError,
    Variables,
    facts_of,
    variables,
)
from flireo_flows.script.script_form import PoolNumber, Script, ScriptPart, Variant
from flireo_flows.script.template import ScriptError

# Stands for any language model where nothing may be sent: only whether there is one matters then.
_ANY_MODEL: Final = LLMConfig(provider="unknown")


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
    _parts: Mapping[str, ScriptPart] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parts", self.script.parts(self.caller.agent_id))
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
        offered = _offered(part, facts)
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
            offered = _offered(part, facts)
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

    def _part(self, facts: LeadFacts, variant: str) -> ScriptPart:
        if part := self._parts.get(variant):
            return part
        if variant:
            raise ComposeError(f"there is no variant {variant!r} any more")
        language = facts.wishes.language
        row = f"this row's language is {language}" if language else "this row names no language"
        raise ComposeError(f"no variant is for this lead: {row}, and each variant is for another one")

    def _one_time(self, part: ScriptPart, facts: LeadFacts, offered: Variables) -> JsonObject:
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


def _offered(part: ScriptPart, facts: LeadFacts) -> Variables:
    return variables(facts) if part.has_templates else NO_VARIABLES


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
    leads = tuple(lead for lead in batch.leads if not problems[lead.line])
    every = sorted((*batch.rejects, *rejects), key=lambda reject: reject.line)
    return replace(batch, leads=leads, rejects=tuple(every))


# Behind +1 and +7 are countries that call each other abroad, at another price and with another look.
_SHARED_CODES: Final = frozenset({1, 7})
_POINTS: Final = 1 << 64


def pick_number(
    numbers: Sequence[PoolNumber], facts: LeadFacts, default: str, seed: str, rotation: str
) -> str:
    """The caller id of a lead.

    What the row asks for comes first, then the number it was called from before, as long as the pool still has
    it for this lead. Else the pool decides: a number that belongs to a client is for that client only, and a lead
    of a client is called from a number of that client or not at all; leads of no client share the numbers that
    belong to no one. Among them the lead's own country comes first, then its calling code, then numbers of no
    country; and within these its language, then numbers of no language. `default` is for leads that would otherwise
    be called from a number of another country that belongs to no one.

    Args:
        numbers: The pool.
        facts: The lead.
        default: The campaign's number; empty lets Flireo pick one.
        seed: Name of the campaign: the same lead may be called from another number in another one.
        rotation: `spread` or `first`, among numbers that fit equally.

    Raises:
        NoClientNumberError: The row names a client, and none of the numbers is that client's, or the row's own
            number is another client's. The campaign's number may be another client's too: it is not known whose it is.
    """
    client = _folded(facts.wishes.client)
    if facts.wishes.number_id:
        if client and _owner(facts.wishes.number_id, numbers) not in ("", client):
            raise NoClientNumberError
        return facts.wishes.number_id
    open_to = _open_to(numbers, client)
    if facts.number_id and _may_keep(facts.number_id, numbers, open_to, "" if client else default):
        return facts.number_id
    if not open_to:
        return default
    home = home_of(facts.phone)
    fits = [(_fit(number, home, facts.wishes.language), number.number_id) for number in open_to]
    best = min(fit for fit, _ in fits)
    if best[0] == _ELSEWHERE and default and not open_to[0].client:
        return default
    equal = [number_id for fit, number_id in fits if fit == best]
    if rotation == "first":
        return equal[0]
    # The highest of a hash per number: a number that joins the pool takes only its own part of the leads.
    return max(equal, key=lambda number_id: _point(seed, facts.phone, number_id))


def _open_to(numbers: Sequence[PoolNumber], client: str) -> list[PoolNumber]:
    own = [number for number in numbers if _folded(number.client) == client]
    if client and not own:
        raise NoClientNumberError
    return own


def _owner(number_id: str, numbers: Sequence[PoolNumber]) -> str:
    """The client that a number of the pool belongs to; empty for no client, and for a number that is not in it."""
    return next((_folded(number.client) for number in numbers if number.number_id == number_id), "")


def _may_keep(
    number_id: str, numbers: Sequence[PoolNumber], open_to: Sequence[PoolNumber], default: str
) -> bool:
    """A number given back to the vendor, or another client's, calls no one again."""
    return not numbers or number_id in {default, *(number.number_id for number in open_to)}


_ELSEWHERE: Final = 3


def _fit(number: PoolNumber, home: Home, language: str) -> tuple[int, int]:
    """How well a number fits: 0 is best. The country, then the language."""
    return _country_fit(number.country, home), language_fit(number.language, language)


def _country_fit(country: str, home: Home) -> Literal[0, 1, 2, 3]:
    if not country:
        return 2
    if country == home.country:
        return 0
    same = home.code not in _SHARED_CODES and phonenumbers.country_code_for_region(country) == home.code
    return 1 if same else _ELSEWHERE


def language_fit(offered: str, wanted: str) -> int:
    """0: the same; 1: the same but for the country; 2: offered to all; 3: another one."""
    offered, wanted = offered.lower(), wanted.lower()
    if not offered:
        return 2
    if offered == wanted:
        return 0
    return 1 if wanted and offered.split("-")[0] == wanted.split("-")[0] else 3


def pick_variant(variants: Sequence[Variant], facts: LeadFacts, seed: str) -> Variant | None:
    """The variant of a lead: the one it had, else one for its language, by share. None: there is none for it."""
    if kept := next((variant for variant in variants if variant.name == facts.variant), None):
        return kept
    # A variant of share 0 is closed to new leads, so it does not keep its language from the others.
    fits = [
        (language_fit(variant.language, facts.wishes.language), variant)
        for variant in variants
        if variant.share
    ]
    best = min((fit for fit, _ in fits), default=3)
    if best == 3:
        return None
    among = [variant for fit, variant in fits if fit == best]
    place = _point(seed, facts.phone, "variant") / _POINTS * sum(variant.share for variant in among)
    for variant in among:
        place -= variant.share
        if place < 0:
            return variant
    return among[-1]  # what rounding left over


def _point(seed: str, phone: str, salt: str) -> int:
    """A number below 2**64 that looks random and is always the same."""
    digest = hashlib.sha256(
        "\0".join((name_key(seed), phone, salt)).encode("utf-8", "surrogatepass")
    ).digest()
    return int.from_bytes(digest[:8], "big")


def _folded(client: str) -> str:
    return " ".join(client.casefold().split())
