"""One-time agents: settings with variables in their texts, filled in for one lead."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import SecretStr, ValidationError

from flireo_flows.api.agent_config import InlineAgent, LLMConfig, Prompt
from flireo_flows.api.model import JsonObject, problems_in
from flireo_flows.script.lead_facts import ATTEMPT_KEY, ComposeError, Variables
from flireo_flows.script.template import ScriptError, Template, is_template

# Flireo's own placeholders stand there, and are filled in after the call (contract section 15.1).
_THEIRS: Final = frozenset({"analysis_plan", "analysisPlan"})

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ReportWebhook:
    """Where reports of calls are sent, as far as a call itself can set it.

    Attributes:
        url: Public address of the receiver; the attempt's reference is added to its path.
        secret: Signs the reports; empty leaves signing as it is.
        events: What is reported; empty leaves it to Flireo.
    """

    url: str
    secret: SecretStr = field(default_factory=lambda: SecretStr(""))
    events: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise ScriptError("the webhook's URL must begin with https:// and have nothing behind its path")

    def settings(self, reference: str) -> JsonObject:
        """As fields of an agent."""
        fields: JsonObject = {"webhook_url": f"{self.url.rstrip('/')}/{quote(reference, safe='')}"}
        if self.secret.get_secret_value():
            fields["webhook_secret"] = self.secret.get_secret_value()
        return {**fields, "webhook_events": self.events} if self.events else fields


@dataclass(frozen=True, slots=True)
class InlineTemplate:
    """Settings of a one-time agent, and the templates among their texts by the place where they stand."""

    settings: JsonObject = field(repr=False)
    templates: Mapping[Place, Template] = field(repr=False)

    @classmethod
    def read(cls, settings: JsonObject, what: str) -> "InlineTemplate":
        """Find the templates.

        Raises:
            ScriptError: One of them is no template; the error names its place.
        """
        texts = {place: text for place, text in _texts(settings) if is_template(text)}
        return cls(
            settings,
            {
                place: Template.read(text, f"{what}, {'.'.join(map(str, place))}")
                for place, text in texts.items()
            },
        )

    def render(self, offered: Variables) -> JsonObject:
        """The settings for one lead.

        Raises:
            ComposeError: A variable is missing.
        """
        if not self.templates:
            return dict(self.settings)
        words = {place: template.render(offered) for place, template in self.templates.items()}
        return {key: _filled(value, (key,), words) for key, value in self.settings.items()}


def with_messages(settings: JsonObject, first_message: str, system_message: str, language: str) -> JsonObject:
    """The settings with the script's messages, and the lead's language where they leave it open."""
    changed = dict(settings)
    if first_message:
        changed["first_message"] = first_message
    if system_message:
        model = dict(changed["llm_config"])
        model["messages"] = [*_with_system_message(model.get("messages") or (), system_message)]
        changed["llm_config"] = model
    for section in ("stt_config", "tts_config"):
        # gladia lists `languages` instead.
        if language and changed.get(section) and not (changed[section].keys() & {"language", "languages"}):
            changed[section] = {**changed[section], "language": language}
    return changed


def as_agent(settings: JsonObject, webhook: ReportWebhook | None, reference: str) -> InlineAgent:
    """The one-time agent of one attempt, with the attempt's reference in its metadata.

    Raises:
        ComposeError: With this lead's values, the settings are no agent's.
    """
    metadata = {**(settings.get("metadata") or {}), ATTEMPT_KEY: reference}
    reports = webhook.settings(reference) if webhook and not settings.get("webhook_url") else {}
    try:
        return InlineAgent.model_validate({**settings, **reports, "metadata": metadata})
    except ValidationError as error:
        raise ComposeError(
            f"agent_config, {problems_in(error)[0][0]}: with this row's values, it cannot be used"
        ) from None


def with_system_message(model: LLMConfig, system_message: str) -> LLMConfig:
    """A saved agent's language model with another system message."""
    prompts = ({"role": prompt.role, "content": prompt.content} for prompt in model.messages or ())
    messages = _with_system_message([*prompts], system_message)
    return model.model_copy(
        update={"messages": tuple(Prompt.model_validate(message) for message in messages)}
    )


def _with_system_message(messages: Any, content: str) -> Iterator[JsonObject]:
    """The new system message first; the first old one is gone, the others stay."""
    yield {"role": "system", "content": content}
    replaced = False
    for message in messages:
        if message["role"] == "system" and not replaced:
            replaced = True
        else:
            yield message


def _texts(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if place or key not in _THEIRS:
                yield from _texts(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*place, index))


def _filled(value: Any, place: Place, words: Mapping[Place, str]) -> Any:
    if isinstance(value, str):
        return words.get(place, value)
    if isinstance(value, dict):
        return {key: _filled(inner, (*place, key), words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, (*place, index), words) for index, inner in enumerate(value)]
    return value
