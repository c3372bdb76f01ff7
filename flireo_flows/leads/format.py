"""How a file of leads is written, as a form that people fill in."""

from typing import Any, Final, Literal

from phonenumbers import SUPPORTED_REGIONS
from pydantic import BaseModel, ConfigDict, Field, field_validator

Delimiter = Literal["auto", "comma", "semicolon", "tab", "pipe"]
WithoutPlus = Literal["", "national", "international"]
CallKind = Literal["toll_free", "shared_cost", "personal", "pager", "voicemail"]


def field_title(name: str, field: object) -> str:
    """The title of a form's field that has none of its own: `dial_before` is `Dial before`."""
    return name.replace("_", " ").capitalize()


def _column(description: str, title: str | None = None) -> Any:
    """The header of a column; empty: recognised by its name."""
    return Field(default="", title=title, description=f"Header of the column {description}")


class LeadFormat(BaseModel):
    """How to read a file of leads. The defaults suit most files; an unclear file is refused, not guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid", field_title_generator=field_title)

    phone_column: str = _column(
        "with the phone number. Empty: recognised by its name in "
        "English, Dutch, German or French (phone, telefoonnummer, Handy, portable ...)."
    )
    name_column: str = _column(
        "with the person's name. Empty: recognised (name, naam, nom ...); a file need not have one."
    )
    timezone_column: str = _column(
        "with a time zone such as Europe/Amsterdam. Empty: recognised (timezone, tijdzone ...); - : none is read. "
        "It narrows the zones of the phone number; where it contradicts them, a call must be allowed in both.",
        title="Time zone column",
    )
    agent_column: str = _column(
        "with the id of the agent that calls this lead. Empty: recognised (agent_id, assistant_id); - reads none."
    )
    language_column: str = _column(
        "with the lead's language, such as nl or en-GB. Empty: recognised "
        "(language, taal, Sprache, langue ...); - reads none."
    )
    number_column: str = _column(
        "with the id of the Flireo number to call from. Empty: recognised "
        "(number_id, from_number_id, caller_number_id); - reads none.",
        title="Caller number column",
    )
    client_column: str = _column(
        "with the client on whose behalf the lead is called. Empty: recognised "
        "(on_behalf_of, opdrachtgever, Auftraggeber); - reads none."
    )
    dial_before_column: str = _column(
        "with the moment at which it is too late to call: ISO 8601, on the "
        "lead's own clock unless it has an offset. Empty: recognised (dial_before, call_before ...); - reads none."
    )
    consent_column: str = _column(
        "in which yes means that the lead may be called (ja, nein, oui, true, 0 ...). "
        "Empty: recognised (consent, call opt-in, toestemming bellen, Einwilligung ...); - reads none."
    )
    opt_out_column: str = _column(
        "in which yes means no calls. It counts beside those that are recognised "
        "(opt_out, do_not_call, dnc, has opted out of call, niet bellen ...): one yes is enough. - reads none.",
        title="Opt-out column",
    )
    more_opt_out_columns: list[str] = Field(
        default=[],
        title="More opt-out columns",
        description="Headers of further columns in which yes means no calls.",
    )
    ignore_columns: list[str] = Field(
        default=[],
        title="Ignored columns",
        description="Headers of columns that look like consent or an opt-out and say nothing about calls, such as a "
        "consent to cookies. A file with such a column is refused until it is named here or as one of the columns "
        "above.",
    )
    read_hidden: bool = Field(
        default=False,
        title="Call hidden rows",
        description="Whether rows that are hidden in an Excel workbook, as by a filter, are leads as well, and its "
        "first sheet is read even if it is hidden.",
    )
    consent_date_column: str = _column(
        "that says since when there is consent, ISO 8601. Empty: recognised "
        "(consent_date, toestemmingsdatum ...); - reads none."
    )
    consent_until_column: str = _column(
        "that says until when it holds, ISO 8601; a date alone has its whole "
        "day. Empty: recognised (consent_until, consent_expires ...); - reads none."
    )
    country_column: str = _column(
        "with the row's country: NL, NLD, Netherlands, 31. It decides "
        "how the row's number is read. Empty: recognised (country, land, pays, country_code ...); - reads none."
    )
    dialling_code_column: str = _column(
        "with the country calling code of the row's number: 31, +31, 0031. Empty: "
        "recognised (phone_code, dial_code ...); - reads none."
    )
    default_region: str = Field(
        default="",
        title="Default country",
        description="Two-letter country (ISO 3166-1) of numbers without a country code: NL, BE, DE, GB ... "
        "Empty: every number must begin with + or 00. The country of a row goes before it.",
    )
    default_region_for_empty_country: bool = Field(
        default=False,
        title="Default country where a row has none",
        description="In a file with a column for the country, rows that leave it empty have the default country. "
        "Off: their numbers must begin with +.",
    )
    numbers_without_plus: WithoutPlus = Field(
        default="",
        title="Numbers without +",
        description="What numbers without + or 00 are: national, or international (they begin with a country code). "
        "Empty: either, and a number that may be both is rejected.",
    )
    call_kinds: frozenset[CallKind] = Field(
        default=frozenset(),
        title="Kinds of numbers to call as well",
        description="Ordinary landlines, mobiles, internet and company-wide numbers (088, 03) are called always; "
        "toll_free, shared_cost, personal, pager and voicemail numbers only where named here; premium-rate, short and "
        "emergency numbers never.",
    )
    delimiter: Delimiter = Field(
        default="auto",
        description="What stands between two cells. Auto: counted in the first rows. Excel files ignore it.",
    )
    encoding: str = Field(
        default="auto",
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
