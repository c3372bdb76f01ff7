"""Keys of one's own for providers (BYOK). A key is not kept: only that there is one, under an id.

Source: contract section 13.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.refusals import not_found
from flireo_flows.sandbox.request_forms import Form, Text, body_of, read_form
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


class _ProviderForm(Form):
    # The list of providers is open: what looks like the name of one is taken for one.
    provider: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _KeyForm(_ProviderForm):
    api_key: Text


@router.get("/byok")
async def get_byok(request: Request) -> Response:
    """Which providers have a key."""
    return JSONResponse({"byok_keys": _keys(world_of(request))})


@router.post("/byok")
async def add_byok(request: Request) -> Response:
    """Give a provider a key, in place of the one it may have."""
    world = world_of(request)
    provider = read_form(_KeyForm, await body_of(request))["provider"]
    world.store.byok_keys[provider] = new_id()
    return JSONResponse({"success": True, "byok_keys": _keys(world)})


@router.delete("/byok")
async def delete_byok(request: Request) -> Response:
    """Take a provider's key away. Which provider is in the body."""
    world = world_of(request)
    provider = read_form(_ProviderForm, await body_of(request))["provider"]
    if world.store.byok_keys.pop(provider, None) is None:
        raise not_found("Key of this provider", "provider")
    if world.settings.empty_deletes:
        return Response(status_code=204)
    return JSONResponse({"success": True, "byok_keys": _keys(world)})


@router.get("/byok/config")
async def get_byok_config(request: Request) -> Response:
    """The providers and their models."""
    return JSONResponse({"providers": [_provider(*provider) for provider in _CATALOGUE]})


def _keys(world: World) -> Record:
    names = _LATER_PROVIDERS if is_later(world) else _EARLIER_PROVIDERS
    nothing = dict.fromkeys(f"{name}_secret_id" for name in names)
    return {**nothing, **{f"{name}_secret_id": vault for name, vault in world.store.byok_keys.items()}}


def _provider(provider_id: str, name: str, category: str, docs: str, models: tuple[str, ...]) -> Record:
    return {
        "id": provider_id,
        "name": name,
        "category": category,
        "docsUrl": docs,
        "models": [{"id": model, "name": model, "default": model == models[0]} for model in models],
    }
