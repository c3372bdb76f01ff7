"""Which column is which: headers people really write, in English, Dutch, German and French."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from flireo_flows.leads.asking import NO_COLUMNS, NOT_READ, WISH_NAMES, WishColumns
from flireo_flows.leads.errors import LeadFileError
from flireo_flows.leads.format import LeadFormat

REJECT_COLUMNS: Final = ("reject_line", "reject_code", "reject_message")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _ranked(text: str) -> tuple[frozenset[str], ...]:
    """Each name a group of its own, the strongest first."""
    return tuple(frozenset({name}) for name in text.split())


# Compared without case, accents, spaces and signs. A weaker group counts only when no stronger one is met:
# "number" may be a house number, but in a file without any "phone" it is the phone number.
PHONE_NAMES: Final = (
    _words(
        """
        phone phonenumber phoneno phonenr telephone telephonenumber tel telno telnr telnumber contactnumber
        mobile mobilephone mobilenumber mobilephonenumber cell cellphone cellnumber cellphonenumber
        e164 msisdn tonumber destinationnumber
        telefoon telefoonnummer telefoonnr mobiel mobielnummer mobielnr mobieletelefoon gsm gsmnummer gsmnr
        telefon telefonnummer telefonnr telnummer rufnummer handy handynummer handynr mobil mobilnummer
        mobiltelefon mobilfunk mobilfunknummer festnetz festnetznummer
        portable telephoneportable numerodetelephone numerotelephone numerodeportable telportable
        """
    ),
    _words("number nummer numero"),
)
NAME_NAMES: Final = (
    _words(
        """
        name fullname contactname customername naam volledigenaam contactnaam klantnaam
        vollstandigername vollername kundenname nom nomcomplet
        """
    ),
    _words("contact contactpersoon kontakt customer klant kunde client"),
)
TIMEZONE_NAMES: Final = (
    _words("timezone timezonename ianatimezone tz tijdzone zeitzone fuseauhoraire fuseau"),
)
# A file may have several of these too: all that a row fills must agree. `country_code` holds NL or 31.
COUNTRY_NAMES: Final = _words(
    """
    country countryname countryregion countryterritory countrycode countryiso countryisocode isocountry isocountrycode
    countryiso2 countryiso3 iso2 iso3 iso31661 countryofresidence residencecountry contactcountry mailingcountry
    land landnaam landcode woonland landesname landercode landeskennung landerkennung wohnland
    pays nompays codepays paysderesidence pais nombrepais codigopais paese nazione stato codicepaese kraj ulke
    """
)
DIALLING_CODE_NAMES: Final = _words(
    """
    phonecode phonecountrycode phonecountry countryphonecode dialcode dialingcode diallingcode countrydialcode
    countrydialingcode countrydiallingcode callingcode countrycallingcode telephonecode telefooncode landnummer
    landervorwahl landesvorwahl telefonvorwahlland indicatifpays indicatiftelephonique indicatif prefijopais
    prefijointernacional prefissointernazionale prefixointernacional ddi
    """
)
# A file may have several of these, and the first that is met counts.
STATE_NAMES: Final = _ranked(
    """
    state statecode province provincecode stateprovince stateregion stateprovinceregion staat bundesland provincie
    provincia etat estado uf departement region regione regio
    """
)
POSTCODE_NAMES: Final = _ranked(
    """
    postcode postalcode zip zipcode zippostal zippostalcode postcodezip postalzipcode plz postleitzahl
    codepostal codigopostal cep cap postnummer postnr pincode
    """
)


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file.

    Attributes:
        names: The lead's columns, in the file's order.
        dropped: Positions (from 0) of the columns that `write_rejects` once added.
        phone: Name of the phone column.
        name: Name of the name column; empty when there is none.
        timezone: Name of the time zone column; empty when there is none.
        wishes: Names of the columns that say what else the row asks for.
        countries: Names of the columns that say of which country the row's number is.
        state: Name of the column of the state, province or region; empty when there is none.
        postcode: Name of the column of the postal code; empty when there is none.
    """

    names: tuple[str, ...]
    dropped: frozenset[int]
    phone: str
    name: str
    timezone: str
    wishes: WishColumns = NO_COLUMNS
    countries: tuple[str, ...] = ()
    state: str = ""
    postcode: str = ""


def read_header(path: Path, line: int, cells: Sequence[str], form: LeadFormat) -> Header:
    """Find the columns.

    Raises:
        LeadFileError: A column that was asked for is absent, two qualify, none holds the phone number, or
            a name occurs twice.
    """
    dropped = frozenset(place for place, cell in enumerate(cells) if cell in REJECT_COLUMNS)
    names = _names(cell for place, cell in enumerate(cells) if place not in dropped)
    _refuse_repeated(path, line, names)
    phone = _column(path, line, names, form.phone_column, PHONE_NAMES, "phone")
    if not phone:
        raise _no_phone_column(path, line, names)
    wishes = _wish_columns(path, line, [name for name in names if name != phone], form)
    # A column that was asked for as the client's is not the lead's name, whatever it is called.
    others = [name for name in names if name not in astuple(wishes)] if not form.name_column else names
    name = _column(path, line, others, form.name_column, NAME_NAMES, "name")
    timezone = (
        _column(path, line, names, form.timezone_column, TIMEZONE_NAMES, "timezone")
        if form.timezone_column.strip() != NOT_READ
        else ""
    )
    countries = _country_columns(path, line, [name for name in names if name != phone], form)
    state, postcode = _first(names, STATE_NAMES), _first(names, POSTCODE_NAMES)
    return Header(names, dropped, phone, name, timezone, wishes, countries, state, postcode)


def _wish_columns(path: Path, line: int, names: Sequence[str], form: LeadFormat) -> WishColumns:
    asked = {wish: getattr(form, f"{wish}_column").strip() for wish in WISH_NAMES}
    return WishColumns(
        **{
            wish: _column(path, line, names, asked[wish], groups, wish)
            for wish, groups in WISH_NAMES.items()
            if asked[wish] != NOT_READ
        }
    )


def _country_columns(path: Path, line: int, names: Sequence[str], form: LeadFormat) -> tuple[str, ...]:
    """The columns that tell the country of a number: all that are recognised, or the one that was asked for."""
    found: list[str] = []
    for what, known in (("country", COUNTRY_NAMES), ("dialling_code", DIALLING_CODE_NAMES)):
        wanted = getattr(form, f"{what}_column").strip()
        if wanted and wanted != NOT_READ:
            found.append(_asked_for(path, line, names, wanted, what))
        elif not wanted:
            found += country_columns(names, known)
    return tuple(dict.fromkeys(found))


def country_columns(names: Iterable[str], known: frozenset[str]) -> list[str]:
    """The names that are among the known ones."""
    return [name for name in names if plain_name(name) in known]


def recognised(names: Sequence[str], groups: Sequence[frozenset[str]]) -> list[str]:
    """The names that occur in the strongest group any of them occurs in."""
    found = ([name for name in names if plain_name(name) in group] for group in groups)
    return next((columns for columns in found if columns), [])


def _first(names: Sequence[str], groups: Sequence[frozenset[str]]) -> str:
    """The recognised column that only helps, so that none is asked for; empty when two have one name."""
    found = recognised(names, groups)
    return found[0] if len(found) == 1 else ""


def extra(place: int) -> str:
    """The key of a surplus cell, the first being 1."""
    return f"(extra {place})"


_EXTRA: Final = re.compile(r"\(extra [0-9]+\)|")


def _names(cells: Iterable[str]) -> tuple[str, ...]:
    names = list(cells)
    # Spreadsheets save empty columns behind the last; and the surplus cells of a mended rejects file must
    # not become columns, or a row that is still wrong would pass.
    while names and _EXTRA.fullmatch(names[-1]):
        names.pop()
    return tuple(name or f"(column {place})" for place, name in enumerate(names, start=1))


def plain_name(name: str) -> str:
    """A column's name without case, accents, spaces and signs, as names are compared."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def _refuse_repeated(path: Path, line: int, names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        problem = f"The header has these columns more than once: {_listed(repeated)}."
        raise LeadFileError.at(path, problem, "Give each column a name of its own.", line)


def _column(
    path: Path, line: int, names: Sequence[str], wanted: str, groups: Sequence[frozenset[str]], what: str
) -> str:
    """The one column asked for or recognised; empty when there is none."""
    if wanted.strip():
        return _asked_for(path, line, names, wanted.strip(), what)
    found = recognised(names, groups)
    if len(found) > 1:
        problem = f"These columns may all be the {what} column: {_listed(found)}."
        raise LeadFileError.at(path, problem, f"Say which one with {what}_column.", line)
    return found[0] if found else ""


def _asked_for(path: Path, line: int, names: Sequence[str], wanted: str, what: str) -> str:
    if wanted in names:
        return wanted
    alike = [name for name in names if plain_name(name) == plain_name(wanted)]
    if len(alike) == 1:
        return alike[0]
    problem = f"There is no column {_masked(wanted)!r}; the header has {_listed(names)}."
    raise LeadFileError.at(path, problem, f"Name one of these as {what}_column.", line)


def _no_phone_column(path: Path, line: int, names: Sequence[str]) -> LeadFileError:
    if any(sum(character.isdecimal() for character in name) >= 7 for name in names):
        problem = "The first row seems to be a person, not a header."
        return LeadFileError.at(path, problem, "Put a line with column names above it.", line)
    problem = f"No column is recognised as the phone number; the header has {_listed(names)}."
    return LeadFileError.at(path, problem, "Name it with phone_column.", line)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(_masked(name)) for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown or "no names"


def _masked(name: str) -> str:
    """Short, and without digits enough for a phone number: a file without header has people up here."""
    masked = re.sub(r"\d", "*", name) if sum(c.isdecimal() for c in name) >= 7 else name
    return masked if len(masked) <= 40 else masked[:39] + "…"
