"""Voices of the platform itself. Contract section 13."""

from pydantic import Field

from flireo_flows.api.fields import Id
from flireo_flows.api.model import ApiModel, Json, JsonObject, read_list
from flireo_flows.api.operation import Sends, operation


class Voice(ApiModel):
    """A voice. Its id goes into an agent's `tts_config.voice_id`; `description` is by language."""

    id: Id
    name: str = ""
    language: str | None = None
    description: JsonObject = Field(default_factory=dict)


def read_voices(answer: Json) -> list[Voice]:
    """The list of voices in its envelope."""
    return [Voice.model_validate(item) for item in read_list(answer, "voices")]


@operation("GET", "/voices", read_voices)
def list_voices() -> Sends:
    """List the platform's local voices; those of ElevenLabs and other providers are not among them.

    Returns:
        Every voice, in one answer.

    Source: contract section 13.
    """
    return Sends()
