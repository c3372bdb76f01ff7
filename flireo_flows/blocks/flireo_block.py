"""What all our blocks share: a misspelt field is refused, and nothing private is shown."""

import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any, ClassVar, Final, Self

from prefect.blocks.core import Block, schema_extra
from pydantic import ConfigDict, HttpUrl, model_validator

from flireo_flows.api.redaction import masked, redact

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


# What Prefect itself puts beside the fields where it writes a block down.
PREFECTS: Final = frozenset(
    {"block_type_slug", "_block_document_id", "_block_document_name", "_is_anonymous"}
)

_is_document: ContextVar[bool] = ContextVar("flireo_flows_is_document", default=False)

logger = logging.getLogger(__name__)


class FlireoBlock(Block):
    """A block that has the fields it is made with, and no others.

    Prefect's own keep whatever they are given. So `CallLedger(URL=...)` would be the local SQLite file, and two
    workers with a ledger each call the same people twice.

    A stored document may be of a later version, which has more fields: they are left out, with a warning. Only what
    may be a misspelling of a field that the document lacks is refused there, too.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # it may be a number or a secret

    _documentation_url: ClassVar[HttpUrl | None] = REFERENCE

    @model_validator(mode="before")
    @classmethod
    def _has_no_other_fields(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        others = [name for name in given if name not in cls.model_fields and name not in PREFECTS]
        refused = [name for name in others if not _is_document.get() or _near(name, cls._lacking(given))]
        if refused:
            raise ValueError(
                "; ".join(_unknown(name, cls._lacking(given), cls.model_fields) for name in refused)
            )
        for name in others:
            logger.warning(
                "A stored document of %s has a field %r, which this version of flireo-flows does not know: it is "
                "left out. Update flireo-flows here, or save the document again.",
                cls.get_block_type_name(),
                redact(name),
            )
        return {name: value for name, value in given.items() if name not in others}

    @classmethod
    def _lacking(cls, given: dict[str, Any]) -> list[str]:
        return [name for name in cls.model_fields if name not in given]

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """As pydantic has it. Prefect reads stored documents by this, and so may others do.

        Args:
            obj: Fields of a document.
            how: See pydantic.
        """
        token = _is_document.set(True)
        try:
            return super().model_validate(obj, **how)
        finally:
            _is_document.reset(token)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Numbers and tokens are masked: Prefect logs the blocks of a run whose parameters do not fit."""
        return [
            (name, masked(value) if type(value) in (str, dict) else value)
            for name, value in super().__repr_args__()
        ]


def _near(name: str, known: Iterable[str]) -> str:
    """The field that is probably meant; empty for none."""
    by_letters = {_letters(field): field for field in known}
    found = get_close_matches(_letters(name), by_letters, n=1, cutoff=0.7)
    return by_letters[found[0]] if found else ""


def _letters(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _unknown(name: str, lacking: Iterable[str], known: Iterable[str]) -> str:
    near = _near(name, lacking) or _near(name, known)
    advice = f"did you mean {near!r}?" if near else f"the fields are {', '.join(known)}"
    return f"there is no field {redact(name)!r}: {advice}"
