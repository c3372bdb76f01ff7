"""The two ways of writing to the same service. Reading is always tolerant of both (contract section 0.2)."""

from enum import StrEnum
from typing import Final


class Dialect(StrEnum):
    """Which names the server expects in paths and bodies."""

    FLIREO = "flireo"
    HMSOVEREIGN = "hmsovereign"


BASE_URLS: Final[dict[Dialect, str]] = {
    Dialect.FLIREO: "https://api.flireo.com/api/v1",
    Dialect.HMSOVEREIGN: "https://api.hmsovereign.com/api/v1",
}

RENAMED_PATHS: Final[dict[str, str]] = {"/agents": "/assistants", "/account": "/organizations"}


def spell_path(template: str, dialect: Dialect) -> str:
    """The path template as the dialect writes it: `/agents/{id}` -> `/assistants/{id}`."""
    if dialect is Dialect.FLIREO:
        return template
    for flireo, renamed in RENAMED_PATHS.items():
        if template == flireo or template.startswith(f"{flireo}/"):
            return renamed + template.removeprefix(flireo)
    return template
