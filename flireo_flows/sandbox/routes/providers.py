"""Keys of one's own for providers (BYOK), and the platform's voices.

Source: contract section 13. A key is not kept: only that there is one, under an id. The platform has over 90 voices;
these are a few of them, one or two a language.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.api_errors import not_found
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.request_forms import RequestForm, Text, body_of, read_form
from flireo_flows.sandbox.routes.answers import is_later
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()

_EARLIER_PROVIDERS: Final = ("deepgram", "openai", "elevenlabs", "xai", "resend")
_LATER_PROVIDERS: Final = (*_EARLIER_PROVIDERS, "gladia", "mistral", "inworld", "google", "google_vertex")

# Id, name, category, documentation, models; the first model is the default.
_CATALOGUE: Final = (
    ("deepgram", "Deepgram", "stt", "https://developers.deepgram.com", ("nova-3-general", "nova-2-general")),
    ("openai", "OpenAI", "llm", "https://platform.openai.com/docs", ("gpt-4o-mini", "gpt-4o")),
    ("elevenlabs", "ElevenLabs", "tts", "https://elevenlabs.io/docs", ("eleven_flash_v2_5",)),
    ("xai", "xAI", "llm", "https://docs.x.ai", ("grok-realtime-v1",)),
    ("resend", "Resend", "email", "https://resend.com/docs", ()),
)


class _ProviderForm(RequestForm):
    # The list of providers is open: what looks like the name of one is taken for one.
    provider: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _KeyForm(_ProviderForm):
    api_key: Text


@router.get("/byok")
async def get_byok(request: Request) -> Response:
    """Which providers have a key."""
    return JSONResponse({"byok_keys": _keys(platform_of(request))})


@router.post("/byok")
async def add_byok(request: Request) -> Response:
    """Give a provider a key, in place of the one it may have."""
    platform = platform_of(request)
    provider = read_form(_KeyForm, await body_of(request))["provider"]
    platform.store.byok_keys[provider] = new_id()
    return JSONResponse({"success": True, "byok_keys": _keys(platform)})


@router.delete("/byok")
async def delete_byok(request: Request) -> Response:
    """Take a provider's key away. Which provider is in the body."""
    platform = platform_of(request)
    provider = read_form(_ProviderForm, await body_of(request))["provider"]
    if platform.store.byok_keys.pop(provider, None) is None:
        raise not_found("Key of this provider", "provider")
    if platform.settings.empty_deletes:
        return Response(status_code=204)
    return JSONResponse({"success": True, "byok_keys": _keys(platform)})


@router.get("/byok/config")
async def get_byok_config(request: Request) -> Response:
    """The providers and their models."""
    return JSONResponse({"providers": [_provider(*provider) for provider in _CATALOGUE]})


def _keys(platform: Platform) -> Record:
    names = _LATER_PROVIDERS if is_later(platform) else _EARLIER_PROVIDERS
    nothing = dict.fromkeys(f"{name}_secret_id" for name in names)
    return {**nothing, **{f"{name}_secret_id": vault for name, vault in platform.store.byok_keys.items()}}


def _provider(provider_id: str, name: str, category: str, docs: str, models: tuple[str, ...]) -> Record:
    return {
        "id": provider_id,
        "name": name,
        "category": category,
        "docsUrl": docs,
        "models": [{"id": model, "name": model, "default": model == models[0]} for model in models],
    }


# Id, name, and what it sounds like in English and Dutch.
_VOICES: Final = (
    ("nl_NL-pim-medium", "Pim", "Dutch, male", "Nederlands, man"),
    ("nl_NL-ronnie-medium", "Ronnie", "Dutch, male", "Nederlands, man"),
    ("nl_BE-nathalie-medium", "Nathalie", "Flemish, female", "Vlaams, vrouw"),
    ("en_GB-alba-medium", "Alba", "Scottish English, female", "Schots-Engels, vrouw"),
    ("en_GB-alan-medium", "Alan", "British English, male", "Brits-Engels, man"),
    ("en_US-amy-medium", "Amy", "American English, female", "Amerikaans-Engels, vrouw"),
    ("en_US-ryan-high", "Ryan", "American English, male", "Amerikaans-Engels, man"),
    ("de_DE-thorsten-medium", "Thorsten", "German, male", "Duits, man"),
    ("fr_FR-siwis-medium", "Siwis", "French, female", "Frans, vrouw"),
    ("es_ES-davefx-medium", "Dave", "Spanish, male", "Spaans, man"),
    ("it_IT-paola-medium", "Paola", "Italian, female", "Italiaans, vrouw"),
    ("pl_PL-gosia-medium", "Gosia", "Polish, female", "Pools, vrouw"),
)


@router.get("/voices")
async def list_voices(request: Request) -> Response:
    """All voices."""
    return JSONResponse({"voices": [_voice(*voice) for voice in _VOICES]})


def _voice(voice_id: str, name: str, english: str, dutch: str) -> Record:
    description = {"en": english, "nl": dutch}
    return {"id": voice_id, "name": name, "language": voice_id[:2], "description": description}
