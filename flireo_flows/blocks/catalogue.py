"""What the catalogue and the forms of Prefect show of our blocks."""

from collections.abc import Callable
from typing import Any, Final

from prefect.blocks.core import Block, schema_extra
from pydantic import HttpUrl

# The vendor's API reference; ours is the README of the package.
REFERENCE: Final = HttpUrl("https://reference.flireo.com")

# Twemoji, CC-BY 4.0: square pictures of 72 pixels at an address that never changes.
PICTURES: Final = "https://cdn.jsdelivr.net/gh/jdecked/twemoji@15.1.0/assets/72x72/{}.png"


def picture(codepoint: str) -> HttpUrl:
    """The address of an emoji's picture.

    Args:
        codepoint: Hexadecimal, such as `1f511`.
    """
    return HttpUrl(PICTURES.format(codepoint))


KEY: Final = picture("1f511")
RECEIVER: Final = picture("1f4de")
LEDGER: Final = picture("1f4d2")
SPEAKING_HEAD: Final = picture("1f5e3")
HOOK: Final = picture("1fa9d")
MEGAPHONE: Final = picture("1f4e3")


def form_requires(name: str) -> Callable[[dict[str, Any], type[Block]], None]:
    """For `json_schema_extra`: the form asks for a field, if only an empty one.

    Without a required field any object would fit the block, a reference to a saved one too, and Prefect refuses
    a parameter that could be both: no deployment that names its block by `$ref` would ever start.

    Args:
        name: The field that stands for the block.
    """

    def extra(schema: dict[str, Any], model: type[Block]) -> None:
        schema_extra(schema, model)
        schema["required"] = [name]

    return extra
