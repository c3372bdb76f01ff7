"""How a file of leads is written, as a form that people fill in."""

from typing import Final, Literal

from phonenumbers import SUPPORTED_REGIONS
from pydantic import BaseModel, ConfigDict, Field, field_validator

Delimiter = Literal["auto", "comma", "semicolon", "tab", "pipe"]


class LeadFormat(BaseModel):
    """How to read a file of leads. The defaults suit most files; an unclear file is refused, not guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phone_column: str = Field(
        default="",
        title="Phone column",
        description="Header of the column with the phone number. Empty: recognised by its name in "
        "English, Dutch, German or French (phone, telefoonnummer, Handy, portable ...).",
    )
    name_column: str = Field(
        default="",
        title="Name column",
        description="Header of the column with the person's name. Empty: recognised (name, naam, nom ...); "
        "a file need not have one.",
    )
    timezone_column: str = Field(
        default="",
        title="Time zone column",
        description="Header of the column with an IANA time zone such as Europe/Amsterdam. Empty: recognised "
        "(timezone, tijdzone ...). Without one, the zones of the phone number count.",
    )
    default_region: str = Field(
        default="",
        title="Default country",
        description="Two-letter country (ISO 3166-1) of numbers without a country code: NL, BE, DE, GB ... "
        "Empty: every number must begin with + or 00.",
    )
    delimiter: Delimiter = Field(
        default="auto",
        title="Delimiter",
        description="What stands between two cells. Auto: counted in the first rows. Excel files ignore it.",
    )
    encoding: str = Field(
        default="auto",
        title="Encoding",
        description="Encoding of a text file, such as utf-8, cp1252 or cp850. Auto: a byte order mark, else "
        "UTF-8, else cp1252.",
    )

    @field_validator("default_region", mode="after")
    @classmethod
    def _known_region(cls, region: str) -> str:
        region = region.strip().upper()
        if region and region not in SUPPORTED_REGIONS:
            raise ValueError("not a two-letter ISO 3166-1 country that has phone numbers, such as NL or GB")
        return region


DEFAULT_FORMAT: Final = LeadFormat()
