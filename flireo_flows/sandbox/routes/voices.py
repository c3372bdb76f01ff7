"""The platform's own voices.

Source: contract section 13. The platform has over 90; these are a few of them, one or two a language.
"""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.store import Record

router = APIRouter()

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
