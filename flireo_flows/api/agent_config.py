"""What an agent is made of: ears, mind, voice, and how its calls are analysed. Contract sections 6 and 15.1.

Ranges and providers are described, not enforced: the vendor has widened them, and the server knows best.
"""

from typing import Final, Self

from pydantic import AliasChoices, Field, model_validator

from flireo_flows.api.fields import Dialect, Secret, optional
from flireo_flows.api.model import Configuration, JsonObject, refused
from flireo_flows.api.tools import Tool

# Models that hear and speak by themselves (contract section 6), so that they need neither ears nor a voice.
REALTIME_PROVIDERS: Final = frozenset({"xai_realtime", "google_realtime", "openai_live"})


class Prompt(Configuration):
    """One message that a model is given before the conversation."""

    role: str = Field(description="`system`, `user` or `assistant`.")
    content: str = Field(description="What it says.")


class STTConfig(Configuration):
    """Speech to text: how the agent hears."""

    provider: str = Field(description="`deepgram`; later also `elevenlabs`, `gladia`, `mistral`, `google`.")
    model: str | None = optional("Model of the provider, such as `nova-3-general`.")
    language: str | None = optional("Language code, such as `nl`.")
    keyterms: tuple[str, ...] | None = optional("Words to recognise better.")
    tag_audio_events: bool | None = optional("elevenlabs: mark sounds such as laughter.")
    include_timestamps: bool | None = optional("elevenlabs: with times.")
    sample_rate: int | None = optional("elevenlabs: 16000 or 8000 Hz.")
    languages: tuple[str, ...] | None = optional("gladia: languages to expect.")
    code_switching: bool | None = optional("gladia: speakers may change the language.")
    region: str | None = optional("gladia: `eu-west` or `us-west`.")
    endpointing: float | None = optional(
        "gladia: silence that ends an utterance; the unit is not documented."
    )
    custom_vocabulary: tuple[str, ...] | None = optional("gladia: words to recognise better.")
    translation_enabled: bool | None = optional("gladia: translate what is heard.")
    translation_target_languages: tuple[str, ...] | None = optional("gladia: languages to translate to.")


class LLMConfig(Configuration):
    """The language model: how the agent thinks; a realtime one also hears and speaks."""

    provider: str = Field(
        description="`openai`, `anthropic`, `groq`, `xai_realtime`; later also `xai`, `mistral`, `google`, "
        "`google_realtime`, `openai_live`."
    )
    model: str | None = optional("Model of the provider, such as `gpt-4o-mini`.")
    temperature: float | None = optional("0 to 2; the server's default is 0.7.")
    voice: str | None = optional("Realtime providers only, such as `ara`, `rex`, `sal`, `eve`, `leo`.")
    messages: tuple[Prompt, ...] | None = optional(
        "Messages for the model; the first is usually the system message."
    )
    tools: tuple[Tool, ...] | None = optional("What the agent may do during a call.")

    @property
    def is_realtime(self) -> bool:
        """Whether the model hears and speaks by itself."""
        return self.provider in REALTIME_PROVIDERS


class TTSConfig(Configuration):
    """Text to speech: the voice of the agent."""

    provider: str = Field(
        description="`openai`, `elevenlabs`, `cartesia`, `local`; later also `inworld`, `google`, `xai`."
    )
    # `voiceId` in the pages of 2025 (contract section 21, "Voice key"); written as `voice_id` everywhere.
    voice_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("voice_id", "voiceId"),
        description="Voice of the provider; `list_voices` names the local ones.",
    )
    model: str | None = optional("Model of the provider, such as `eleven_flash_v2_5`.")
    language: str | None = optional("Language code, such as `nl`.")
    stability: float | None = optional("0 to 1.")
    similarity_boost: float | None = optional("0 to 1.")
    use_speaker_boost: bool | None = optional("Stay closer to the original speaker.")
    speed: float | None = optional("0.5 to 2; 1 is the ordinary speed.")
    style: float | None = optional("0 to 1.")


class StructuredDataPlan(Configuration):
    """What to extract from a call."""

    enabled: bool = Field(description="Whether anything is extracted.")
    data_schema: JsonObject | None = Field(
        default=None,
        alias="schema",
        description="JSON Schema of the data to extract.",
    )
    messages: tuple[Prompt, ...] | None = optional(
        "Prompts of the extraction; `{{schema}}`, `{{transcript}}` and `{{ended_reason}}` are filled in."
    )


class AnalysisPlan(Configuration):
    """How a call is analysed after its end; camelCase in the `flireo` dialect, snake_case later."""

    structured_data_plan: StructuredDataPlan | None = Field(
        default=None,
        validation_alias=AliasChoices("structured_data_plan", "structuredDataPlan"),
        serialization_alias="structuredDataPlan",
        description="What to extract; None: nothing.",
    )
    min_messages_threshold: int = Field(
        default=2,
        validation_alias=AliasChoices("min_messages_threshold", "minMessagesThreshold"),
        serialization_alias="minMessagesThreshold",
        description="Fewest messages of a transcript for an analysis to run.",
    )

    @property
    def is_on(self) -> bool:
        """Whether calls get an analysis at all."""
        return self.structured_data_plan is not None and self.structured_data_plan.enabled


class Behaviour(Configuration):
    """What a saved and a one-time agent have in common. Only what is set is sent, None clears."""

    first_message: str | None = optional("Greeting.")
    max_duration_seconds: int | None = optional("Longest call, in seconds, from 1.")
    autonomous_silence_handling: bool = Field(
        default=True, description="Whether the agent prompts a silent caller, then ends the call."
    )
    silence_timeout_seconds: int = Field(default=8, description="Silence before it does, in seconds, from 1.")
    voicemail_detection: bool | None = optional(
        "Whether an answering machine is recognised; outbound calls only."
    )
    voicemail_message: str | None = optional("Left on an answering machine; None: hang up silently.")
    webhook_url: str | None = optional("Receives the webhooks of its calls.")
    webhook_secret: Secret | None = optional("Turns the signing of webhooks on.")
    webhook_events: tuple[str, ...] | None = optional(
        "Of `assistant-request`, `tool-calls`, `status-update`, `end-of-call-report`."
    )
    analysis_plan: AnalysisPlan | None = optional("How a call is analysed after its end; None: not at all.")
    stt_config: STTConfig | None = optional("Speech to text; not with a realtime model.")
    tts_config: TTSConfig | None = optional("Text to speech; not with a realtime model.")


class AgentSettings(Behaviour):
    """What may be set about a saved agent; only what is set is sent, None clears (contract section 6).

    Example:
        ```python
        AgentSettings(first_message="Hi.", llm_config=LLMConfig(provider="openai", model="gpt-4o-mini"))
        ```
    """

    name: str = Field(default="", description="Display name.")
    business_name: str | None = optional("Business that the agent speaks for.")
    notification_email: str | None = optional("Receives notifications of calls.")
    is_active: bool = Field(default=True, description="An agent that is not active does not answer.")
    gdpr_mode: bool = Field(
        default=False, description="Privacy mode: less is kept of a call (contract section 17.4)."
    )
    llm_config: LLMConfig | None = optional("The language model.")


class AgentOverride(Behaviour):
    """What one call changes about a saved agent. Each field that is set replaces that whole block.

    Source: contract section 9.3, mode "hybrid".
    """

    llm_config: LLMConfig | None = optional("The language model.")
    metadata: JsonObject | None = optional("Your own data. That webhooks bring it back is not documented.")


class InlineAgent(Behaviour):
    """A one-time agent, for one call, not saved (contract section 9.3).

    A realtime model hears and speaks by itself; with any other, `stt_config` and `tts_config` are required.
    """

    llm_config: LLMConfig = Field(description="The language model.")
    metadata: JsonObject | None = optional("Your own data. That webhooks bring it back is not documented.")

    @model_validator(mode="after")
    def _can_hear_and_speak(self) -> Self:
        provider = self.llm_config.provider
        for field, config in (("stt_config", self.stt_config), ("tts_config", self.tts_config)):
            if self.llm_config.is_realtime and config is not None:
                raise refused("InlineAgent", field, f"leave it out: {provider} hears and speaks by itself")
            if not self.llm_config.is_realtime and config is None:
                words = f"is required unless the model is realtime ({', '.join(sorted(REALTIME_PROVIDERS))})"
                raise refused("InlineAgent", field, words)
        return self

    def as_body(self, dialect: Dialect) -> JsonObject:
        """The one-time agent in a dialect. There is nothing yet that None could clear, so None is left out."""
        return {name: value for name, value in super().as_body(dialect).items() if value is not None}
