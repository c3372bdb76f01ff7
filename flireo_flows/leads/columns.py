"""Which column is which: headers people really write, in English, Dutch, German and French."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flireo_flows.leads.consent_headers import Meaning, holds_marks, meaning_of
from flireo_flows.leads.format import LeadFormat
from flireo_flows.leads.text_file import LeadFileError
from flireo_flows.leads.wish_columns import NO_COLUMNS, NOT_READ, WISH_NAMES, WishColumns
from flireo_flows.leads.yes_no import folded, word_set

REJECT_COLUMNS: Final = ("reject_line", "reject_code", "reject_message")


def _ranked(text: str) -> tuple[frozenset[str], ...]:
    """Each name a group of its own, the strongest first."""
    return tuple(frozenset({name}) for name in text.split())


# Compared without case, accents, spaces and signs. A weaker group counts only when no stronger one is met:
# "number" may be a house number, but in a file without any "phone" it is the phone number.
PHONE_NAMES: Final = (
    word_set(
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
    word_set("number nummer numero"),
)
NAME_NAMES: Final = (
    word_set(
        """
        name fullname contactname customername naam volledigenaam contactnaam klantnaam
        vollstandigername vollername kundenname nom nomcomplet
        """
    ),
    word_set("contact contactpersoon kontakt customer klant kunde client"),
)
TIMEZONE_NAMES: Final = (
    word_set(
        "timezone timezonename ianatimezone timezoneiana timezoneid timezonesidkey tz tzid tzname hstimezone "
        "contacttimezone leadtimezone customertimezone usertimezone localtimezone tijdzone zeitzone "
        "fuseauhoraire fuseau zonahoraria husohorario fusoorario fusohorario strefaczasowa tidszon tidszone tidssone"
    ),
)
# A file may have several of these too: all that a row fills must agree. `country_code` holds NL or 31.
COUNTRY_NAMES: Final = word_set(
    """
    country countryname countryregion countryterritory countrycode countryiso countryisocode isocountry isocountrycode
    countryiso2 countryiso3 iso2 iso3 iso31661 countryofresidence residencecountry contactcountry mailingcountry
    land landnaam landcode woonland landesname landercode landeskennung landerkennung wohnland
    billingcountry shippingcountry homecountry addresscountry personcountry customercountry leadcountry locationcountry
    countryphone country1 nation isocode landregion landiso landerkurzel landkurzel landerkennzeichen
    paysregion paisregion codigodepais codigodopais kodkraju orszag zeme
    pays nompays codepays paysderesidence pais nombrepais codigopais paese nazione stato codicepaese kraj ulke
    """
)
DIALLING_CODE_NAMES: Final = word_set(
    """
    phonecode phonecountrycode phonecountry countryphonecode dialcode dialingcode diallingcode countrydialcode
    countrydialingcode countrydiallingcode callingcode countrycallingcode telephonecode telefooncode landnummer
    landervorwahl landesvorwahl telefonvorwahlland indicatifpays indicatiftelephonique indicatif prefijopais
    prefijointernacional prefissointernazionale prefixointernacional ddi isdcode phoneprefix telprefix intlcode
    isd idd landvorwahl internationalevorwahl landkengetal phonecc telcountrycode mobilecountrycode
    telephonecountrycode numbercountrycode countrycodephone countrycodemobile
    """
)
# Beside a phone column: an area code that belongs to each number, or a country's code. `prefix` may be that of a name.
AREA_NAMES: Final = word_set(
    "areacode npa citycode vorwahl ortsvorwahl netnummer kengetal indicatifregional ddd prefix prefijo prefisso"
)
# A file may have several of these, and the first that is met counts.
STATE_NAMES: Final = _ranked(
    """
    state statecode province provincecode stateprovince stateregion stateprovinceregion staat bundesland provincie
    provincia etat estado uf departement region regione regio usstate stateabbreviation stateabbr provincestate
    provincecode mailingstate mailingstateprovince billingstate billingstateprovince billingprovince homestate
    contactstate personstate addressstate defaultaddressprovincecode
    """
)
POSTCODE_NAMES: Final = _ranked(
    """
    postcode postalcode zip zipcode zippostal zippostalcode postcodezip postalzipcode plz postleitzahl
    codepostal codigopostal cep cap postnummer postnr pincode zip5 mailingzip mailingzippostalcode mailingzipcode
    mailingpostalcode billingzip billingzipcode billingpostcode billingpostalcode billingzippostalcode homepostalcode
    homezip addresszip defaultaddresszip
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
        area: Name of the column of the area code of each number; empty when there is none.
        other_channels: Columns that were not read, as they say who wants no e-mail, SMS or the like.
        texts: Columns in any of which a cell may plainly ask for no more calls; with whether they hold marks.
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
    area: str = ""
    other_channels: tuple[str, ...] = ()
    texts: tuple[tuple[str, bool], ...] = ()


def read_header(path: Path, line: int, cells: Sequence[str], form: LeadFormat) -> Header:
    """Find the columns.

    Raises:
        LeadFileError: A column that was asked for is absent, two qualify, none holds the phone number, or
            a name occurs twice, or one looks like consent or an opt-out and is not understood.
    """
    dropped = frozenset(place for place, cell in enumerate(cells) if cell in REJECT_COLUMNS)
    names = _names(cell for place, cell in enumerate(cells) if place not in dropped)
    _refuse_repeated(path, line, names)
    phone = _column(path, line, names, form.phone_column, PHONE_NAMES, "phone")
    if not phone:
        raise _no_phone_column(path, line, names)
    ignored = {_asked_for(path, line, names, column.strip(), "ignore") for column in form.ignore_columns}
    others = [name for name in names if name != phone and name not in ignored]
    wishes = _wish_columns(path, line, others, form)
    # A column that was asked for as the client's is not the lead's name, whatever it is called.
    free = [name for name in names if name not in wishes.all] if not form.name_column else names
    name = _column(path, line, free, form.name_column, NAME_NAMES, "name")
    timezone = (
        _column(path, line, names, form.timezone_column, TIMEZONE_NAMES, "timezone")
        if form.timezone_column.strip() != NOT_READ
        else ""
    )
    countries = _country_columns(path, line, [name for name in names if name != phone], form)
    state, postcode = _first(names, STATE_NAMES), _first(names, POSTCODE_NAMES)
    area = _first([it for it in others if it not in countries], (AREA_NAMES,))
    rest = [it for it in others if it not in wishes.all | {name, timezone, state, postcode, *countries}]
    found = (names, dropped, phone, name, timezone, wishes, countries, state, postcode, area)
    return Header(*found, *_rest(path, line, rest, form))


def _wish_columns(path: Path, line: int, names: Sequence[str], form: LeadFormat) -> WishColumns:
    asked = {wish: getattr(form, f"{wish}_column").strip() for wish in WISH_NAMES}
    columns = {
        wish: _column(path, line, names, asked[wish], groups, wish)
        for wish, groups in WISH_NAMES.items()
        if asked[wish] != NOT_READ
    }
    rest = [name for name in names if name not in columns.values()]
    outs = _opt_out_columns(path, line, rest, form)
    consent = _consent_column(path, line, [name for name in rest if name not in outs], form)
    return WishColumns(**columns, consent=consent, opt_out=outs)


def _opt_out_columns(path: Path, line: int, names: Sequence[str], form: LeadFormat) -> tuple[str, ...]:
    """Every column in which a yes means no calls: those asked for and all that are recognised."""
    asked = [column.strip() for column in (form.opt_out_column, *form.more_opt_out_columns) if column.strip()]
    if NOT_READ in asked:
        return ()
    named = [_asked_for(path, line, names, column, "opt_out") for column in asked]
    known = [name for name in names if meaning_of(name) is Meaning.OPT_OUT]
    consent = form.consent_column.strip()  # it was named as the other one
    return tuple(dict.fromkeys([*named, *(name for name in known if folded(name) != folded(consent))]))


def _consent_column(path: Path, line: int, names: Sequence[str], form: LeadFormat) -> str:
    asked = form.consent_column.strip()
    if asked:
        return "" if asked == NOT_READ else _asked_for(path, line, names, asked, "consent")
    return _one_of(path, line, [name for name in names if meaning_of(name) is Meaning.CONSENT], "consent")


def _rest(
    path: Path, line: int, names: Sequence[str], form: LeadFormat
) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...]]:
    """Of the columns that nothing is read from: those about other channels, and those whose cells may say no.

    Raises:
        LeadFileError: One looks like consent or an opt-out and is not understood.
    """
    meanings = {name: meaning_of(name) for name in names}
    unclear = [name for name, meaning in meanings.items() if meaning is Meaning.UNCLEAR]
    if unclear:
        raise LeadFileError.at(
            path,
            f"It is not clear whether these columns say who may be called: {_listed(unclear)}.",
            UNCLEAR,
            line,
        )
    others = tuple(name for name, meaning in meanings.items() if meaning is Meaning.OTHER_CHANNEL)
    unread = {
        Meaning.OPT_OUT: form.opt_out_column.strip() == NOT_READ,
        Meaning.CONSENT: bool(form.consent_column.strip()),
        Meaning.OTHER_CHANNEL: True,
    }
    texts = [name for name, meaning in meanings.items() if not unread.get(meaning, False)]
    return others, tuple((name, holds_marks(name)) for name in texts)


UNCLEAR: Final = (
    "Say of each what it means: name it as opt_out_column (yes means no calls), as consent_column (yes means that "
    "calls are allowed), or in ignore_columns (neither). On the command line: --opt-out-column, --consent-column, "
    "--ignore-column."
)


def _country_columns(path: Path, line: int, names: Sequence[str], form: LeadFormat) -> tuple[str, ...]:
    """The columns that contain the country of a number: all that are recognised, or the one that was asked for."""
    found: list[str] = []
    for what, known in (("country", COUNTRY_NAMES), ("dialling_code", DIALLING_CODE_NAMES)):
        wanted = getattr(form, f"{what}_column").strip()
        if wanted and wanted != NOT_READ:
            found.append(_asked_for(path, line, names, wanted, what))
        elif not wanted:
            found += [name for name in names if folded(name) in known]
    return tuple(dict.fromkeys(found))


def recognised(names: Sequence[str], groups: Sequence[frozenset[str]]) -> list[str]:
    """The names that occur in the strongest group any of them occurs in."""
    found = ([name for name in names if folded(name) in group] for group in groups)
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
    return _one_of(path, line, recognised(names, groups), what)


def _one_of(path: Path, line: int, found: Sequence[str], what: str) -> str:
    if len(found) > 1:
        problem = f"These columns may all be the {what} column: {_listed(found)}."
        raise LeadFileError.at(path, problem, f"Say which one with {what}_column.", line)
    return found[0] if found else ""


def _asked_for(path: Path, line: int, names: Sequence[str], wanted: str, what: str) -> str:
    if wanted in names:
        return wanted
    alike = [name for name in names if folded(name) == folded(wanted)]
    if len(alike) == 1:
        return alike[0]
    problem = f"There is no column {_masked(wanted)!r}; the header has {_listed(names)}."
    field = "ignore_columns" if what == "ignore" else f"{what}_column"
    raise LeadFileError.at(path, problem, f"Name one of these as {field}.", line)


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
