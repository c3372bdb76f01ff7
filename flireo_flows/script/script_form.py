"""The words, variants and numbers of a campaign, as a form that people fill in."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from phonenumbers import SUPPORTED_REGIONS
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from flireo_flows.api.agent_config import InlineAgent
from flireo_flows.api.model import JsonObject, problems_in
from flireo_flows.leads import field_title
from flireo_flows.script.inline_agent import InlineTemplate
from flireo_flows.script.lead_facts import ComposeError, Variables
from flireo_flows.script.template import LONGEST_TEMPLATE, Template

_FORM: Final = ConfigDict(
    frozen=True, extra="forbid", hide_input_in_errors=True, field_title_generator=field_title
)
MOST_VARIANTS: Final = 50
MOST_NUMBERS: Final = 1000
DEEPEST_SETTING: Final = 60  # levels of a one-time agent's settings; a tool's JSON schema has the most

Words = Annotated[str, Field(max_length=LONGEST_TEMPLATE, json_schema_extra={"format": "textarea"})]
Language = Annotated[
    str, Field(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,4}){0,2})?$", max_length=16, title="Language")
]


class ScriptText(BaseModel):
    """The words, and the one-time agent that speaks them, if any."""

    model_config = _FORM

    first_message: Words = Field(
        default="",
        title="Greeting",
        description="Instead of the agent's own. Columns of the row are variables: Hi {{ name }}! "
        "A lead that lacks one is not called.",
    )
    system_message: Words = Field(
        default="",
        description="System message for the agent's model, with variables as in the greeting. For a saved agent, "
        "the flireo dialect has no room for it.",
    )
    agent_config: str = Field(
        default="",
        title="One-time agent (JSON)",
        description="Settings of an agent that is not saved, as JSON, as agent_config of the API: llm_config, "
        "stt_config, tts_config ... Variables may stand in its texts. It speaks instead of the saved agent.",
        json_schema_extra={"format": "textarea"},
        repr=False,
    )

    @field_validator("agent_config", mode="before")
    @classmethod
    def _as_json(cls, value: Any) -> Any:
        """A file of settings may write it out in YAML instead of as one text."""
        if not isinstance(value, dict):
            return value
        try:
            return json.dumps(value)
        except (TypeError, ValueError):
            raise ValueError("it holds something that is no JSON, such as a date: put it in quotes") from None

    @field_validator("agent_config")
    @classmethod
    def _is_an_agent(cls, text: str) -> str:
        InlineTemplate.read(inline_settings(text), "in it")
        return text

    @field_validator("first_message", "system_message")
    @classmethod
    def _is_a_template(cls, text: str) -> str:
        Template.read(text, "the template")
        return text


@dataclass(frozen=True, slots=True)
class ScriptPart:
    """What one variant contains, or the script without variants. None: nothing of its own."""

    agent_id: str
    inline: InlineTemplate | None
    first_message: Template | None
    system_message: Template | None

    @property
    def has_templates(self) -> bool:
        """Whether it needs a lead's variables."""
        return bool((self.inline and self.inline.templates) or self.first_message or self.system_message)

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


class Variant(ScriptText):
    """One side of an A/B test, or the words for one language. What it leaves empty is as the script has it."""

    name: str = Field(
        min_length=1,
        max_length=60,
        pattern=r"^\S(.*\S)?$",
        description="Stands with each attempt in the results.",
    )
    share: float = Field(
        default=1,
        ge=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="Weight among the variants a lead may get: 1 and 1 is half and half. 0: no new lead.",
    )
    language: Language = Field(
        default="", description="Only for leads of this language, such as nl; empty: for all others."
    )
    agent_id: str = Field(
        default="", max_length=200, title="Agent", description="Id of the saved agent that speaks."
    )

    @model_validator(mode="after")
    def _one_agent(self) -> Self:
        if self.agent_id and self.agent_config:
            raise ValueError(
                "give a variant a saved agent (agent_id) or a one-time one (agent_config), not both"
            )
        return self


class PoolNumber(BaseModel):
    """A number that leads may be called from."""

    model_config = _FORM

    number_id: str = Field(
        min_length=1, max_length=200, pattern=r"^\S+$", title="Number", description="Its id in Flireo."
    )
    country: str = Field(
        default="",
        max_length=2,
        description="For leads of this country first: two letters (ISO 3166-1), such as NL. Empty: any.",
    )
    client: str = Field(
        default="",
        max_length=200,
        description="Only for leads of this client; the file's client column (on_behalf_of) says whose a lead is. "
        "A client without a number goes to review. Empty: for leads of no client.",
    )
    language: Language = Field(default="", description="For leads of this language first, such as nl.")

    @field_validator("number_id")
    @classmethod
    def _is_an_id(cls, number_id: str) -> str:
        if re.fullmatch(r"\+?[0-9().-]{8,}", number_id):
            raise ValueError("give the id of the number in Flireo, not the number itself")
        return number_id

    @field_validator("country")
    @classmethod
    def _known(cls, country: str) -> str:
        country = country.strip().upper()
        if country and country not in SUPPORTED_REGIONS:
            raise ValueError("not a two-letter ISO 3166-1 country that has phone numbers, such as NL or GB")
        return country


class Script(ScriptText):
    """The words, variants and numbers of a campaign. Left empty, the saved agent says its own words."""

    variants: list[Variant] = Field(
        default=[],
        max_length=MOST_VARIANTS,
        description="For an A/B test or several languages. A lead keeps its variant in all attempts.",
    )
    numbers: list[PoolNumber] = Field(
        default=[],
        max_length=MOST_NUMBERS,
        title="Number pool",
        description="Numbers to call from: the client's first, then by country, then by language. A lead "
        "keeps its number in all attempts. Empty: the campaign's number.",
    )
    rotation: Literal["spread", "first"] = Field(
        default="spread",
        description="Among numbers that fit a lead equally: spread the leads over them, or use the first.",
    )

    @field_validator("variants")
    @classmethod
    def _can_be_told_apart(cls, variants: list[Variant]) -> list[Variant]:
        repeated = [
            name for name, count in Counter(variant.name for variant in variants).items() if count > 1
        ]
        if repeated:
            raise ValueError(f"two variants are called {repeated[0]!r}; give each a name of its own")
        if variants and not any(variant.share for variant in variants):
            raise ValueError("every variant has the share 0, so no lead would get one")
        return variants

    def parts(self, caller_agent: str) -> Mapping[str, ScriptPart]:
        """What each variant contains, by its name, completed from the script; without variants one, under "".

        Args:
            caller_agent: Id of the campaign's saved agent; empty for none.
        """
        parts = {variant.name: _part(self, caller_agent, variant) for variant in self.variants}
        return parts or {"": _part(self, caller_agent, None)}


def _part(script: Script, caller_agent: str, variant: Variant | None) -> ScriptPart:
    """What a variant contains, completed from the script."""
    own = variant or script
    where = f"variant {variant.name!r}, " if variant else ""
    agent_id = variant.agent_id if variant else ""
    config = own.agent_config or ("" if agent_id else script.agent_config)
    settings = inline_settings(config)
    what = f"{where if own.agent_config else ''}agent_config"
    return ScriptPart(
        agent_id=agent_id or ("" if settings else caller_agent),
        inline=InlineTemplate.read(settings, what) if settings else None,
        first_message=_template(own.first_message, script.first_message, where, "first_message"),
        system_message=_template(own.system_message, script.system_message, where, "system_message"),
    )


def _template(own: str, general: str, where: str, what: str) -> Template | None:
    if own.strip():
        return Template.read(own, f"{where}{what}")
    return Template.read(general, what) if general.strip() else None


def inline_settings(text: str) -> JsonObject:
    """A one-time agent's settings; empty for an empty text.

    Raises:
        ValueError: They are no JSON, or no agent; names the place, and quotes nothing: they may hold a secret.
    """
    if not text.strip():
        return {}
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is no JSON (line {error.lineno}, column {error.colno})") from None
    except (RecursionError, ValueError):
        raise ValueError("it is nested too deeply, or holds too long a figure") from None
    if not isinstance(settings, dict):
        raise ValueError("it must be a JSON object: {...}")
    if where := next(_secrets(settings), ""):
        raise ValueError(f"{where}: leave it out, for a run's settings are shown to whoever sees the run")
    try:
        InlineAgent.model_validate(settings)
    except ValidationError as error:
        where, words = problems_in(error)[0]
        raise ValueError(f"{where}: {words}" if where else words) from None
    return settings


def _secrets(value: Any, place: tuple[str, ...] = ()) -> Iterator[str]:
    """Where secrets stand in clear: `webhook_secret`, a tool's `server.secret`."""
    if len(place) > DEEPEST_SETTING:
        raise ValueError("it is nested too deeply")
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        where = (*place, str(key))
        if isinstance(held, str) and held and where[-1].endswith("secret"):
            yield ".".join(where)
        yield from _secrets(held, where)
