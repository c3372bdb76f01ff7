"""What a row asks for beside its number: which columns say so, and how their cells are read.

Only names that can mean nothing else are recognised by themselves: today's files have an "agent" who is a
person, a "client" who is the lead, and a "caller id" which is the number someone called from.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale

from flireo_flows.leads.lead import Consent, RejectCode, Wishes
from flireo_flows.leads.opt_out_words import asks_for_no_calls
from flireo_flows.leads.phones import Refusal
from flireo_flows.leads.yes_no import NO_SOMEWHERE, YesNo, folded, leaning_answer, word_set, yes_or_no

NOT_READ: Final = "-"  # as the name of a column: the file has none, whatever its columns are called


# Compared like the names in columns.py: without case, accents, spaces and signs, the stronger group first.
WISH_NAMES: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "agent": (word_set("agentid flireoagentid assistantid agentenid idagent"),),
    "language": (
        word_set("languagecode langcode taalcode sprachcode codelangue codedelangue"),
        word_set("language spokenlanguage preferredlanguage taal sprache langue"),
    ),
    "number": (word_set("numberid fromnumberid callernumberid flireonumberid nummerid idnumero"),),
    "client": (word_set("onbehalfof callingonbehalfof opdrachtgever auftraggeber donneurdordre"),),
    "dial_before": (
        word_set("dialbefore callbefore ringbefore bellenvoor belvoor anrufenvor anrufvor appeleravant"),
    ),
    "consent_date": (
        word_set(
            """
            consentdate consentat consentgivenat consentgivenon dateofconsent toestemmingsdatum
            datumtoestemming toestemmingop einwilligungsdatum einwilligungam datumdereinwilligung
            dateconsentement datedeconsentement dateduconsentement
            """
        ),
        word_set("optindate optedinat"),
    ),
    "consent_until": (
        word_set(
            """
            consentuntil consentvaliduntil consentexpires consentexpiresat consentexpireson consentexpiry
            toestemmingtot toestemminggeldigtot einwilligungbis einwilligunggueltigbis einwilligunggultigbis
            consentementjusquau consentementvalablejusquau
            """
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class WishColumns:
    """Name of the column of each wish; empty where the file has none. Several may say that someone opted out."""

    agent: str = ""
    language: str = ""
    number: str = ""
    client: str = ""
    dial_before: str = ""
    consent: str = ""
    opt_out: tuple[str, ...] = ()
    consent_date: str = ""
    consent_until: str = ""

    @property
    def all(self) -> frozenset[str]:
        """Every column that is read for a wish."""
        single = (getattr(self, wish) for wish in (*WISH_NAMES, "consent"))
        return frozenset(name for name in (*single, *self.opt_out) if name)


NO_COLUMNS: Final = WishColumns()
NO_WISHES: Final = Wishes()


class _UnreadableCellError(Exception):
    """A cell that asks for something no one understands; carries the refusal of its row."""

    def __init__(self, code: RejectCode, message: str) -> None:
        self.refusal = Refusal(code, message)
        super().__init__(message)


def read_wishes(columns: Mapping[str, str], where: WishColumns, zones: tuple[str, ...]) -> Wishes | Refusal:
    """What a row asks for.

    Args:
        columns: The row.
        where: Its columns.
        zones: IANA names of the zones the lead may be in, for a time that is written without an offset. With
            several, the earliest reading counts: a deadline then is never passed on any of their clocks.
    """
    if where == NO_COLUMNS:  # most files, and 100,000 rows of them
        return NO_WISHES
    try:
        cells = (columns.get(name, "") for name in (where.agent, where.number, where.dial_before))
        agent, number, deadline = cells
        return Wishes(
            agent_id=_id(agent, RejectCode.INVALID_AGENT, "agent", "which has letters"),
            language=_language(columns.get(where.language, "")),
            number_id=_id(number, RejectCode.INVALID_NUMBER_ID, "number to call from", "not by its digits"),
            client=columns.get(where.client, ""),
            dial_before=_moment(deadline, zones, RejectCode.INVALID_DIAL_BEFORE, "last moment to call"),
            consent=_consent(columns, where, zones),
        )
    except _UnreadableCellError as unreadable:
        return unreadable.refusal


# Opaque to us; but a person's name or an e-mail address is none, and would be refused at every call.
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_PHONE: Final = re.compile(r"(?:\+|00?)[0-9 ().-]{6,}|[0-9](?:[ ().:-]*[0-9]){8,14}")


def _id(text: str, code: RejectCode, what: str, no_phone: str) -> str:
    """The id that a cell holds. One that looks like a phone number is none, and would be shown as every id is."""
    if _PHONE.fullmatch(text):
        raise _UnreadableCellError(code, f"The {what} is given by its id in Flireo, {no_phone}.")
    if text and not _ID.fullmatch(text):
        raise _UnreadableCellError(code, f"The {what} is not an id as the dashboard shows it.")
    return text


_CODE: Final = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")


@cache
def _languages() -> Mapping[str, str]:
    """Codes by name, as files have them: in English, Dutch, German, French and the language itself."""
    return {
        folded(Locale.parse(spoken).languages[code]): code
        for code in ("en", "nl", "de", "fr", "es", "it", "pt", "pl", "tr")
        for spoken in ("en", "nl", "de", "fr", code)
    }


def _language(text: str) -> str:
    """A language tag in its usual case: `nl`, `en-GB`, `zh-Hant`."""
    if not text:
        return ""
    if named := _languages().get(folded(text)):
        return named
    found = _CODE.fullmatch(text)
    if not found:
        words = "The language is no code such as nl or en-GB."
        raise _UnreadableCellError(RejectCode.INVALID_LANGUAGE, words)
    language, script, region = found.groups()
    parts = (language.lower(), (script or "").title(), (region or "").upper())
    return "-".join(part for part in parts if part)


# What stands in a column of consent or of opt-outs beside a yes and a no.
_GIVEN: Final = word_set("given granted optin optedin gegeven verleend erteilt gegeben donne accorde")
_REFUSED: Final = (
    word_set(
        "withdrawn revoked refused denied declined notgiven optout optedout unsubscribed geweigerd ingetrokken "
        "nietgegeven verweigert widerrufen abgelehnt nichterteilt refuse retire"
    )
    | NO_SOMEWHERE
)
_OUT: Final = word_set(
    "optout optedout donotallow notallowed blocked afgemeld uitgeschreven abgemeldet gesperrt"
)
_NOT_OUT: Final = word_set("optin optedin subscribed allow allowed")


def refuses_calls(columns: Mapping[str, str], where: WishColumns) -> bool:
    """Whether a row that is no lead opts out, for other rows of its number: what no one understands opts out as well.

    Args:
        columns: The row, as far as it goes.
        where: Its columns.
    """
    try:
        return _is_given(columns, where) is False
    except _UnreadableCellError:
        return True


def _consent(columns: Mapping[str, str], where: WishColumns, zones: tuple[str, ...]) -> Consent:
    date, until = columns.get(where.consent_date, ""), columns.get(where.consent_until, "")
    return Consent(
        given=_is_given(columns, where),
        given_at=_moment(date, zones, RejectCode.INVALID_CONSENT_DATE, "date of consent"),
        # "Until the 30th" has the 30th in it.
        expires_at=_moment(until, zones, RejectCode.INVALID_CONSENT_UNTIL, "end of consent", whole_day=True),
    )


def _is_given(columns: Mapping[str, str], where: WishColumns) -> bool | None:
    """Whether consent was given. An opt-out is a no, whatever another cell holds; without one it is not known."""
    outs = [_is_out(columns.get(name, "")) for name in where.opt_out]
    given = _is_yes(columns.get(where.consent, ""), _GIVEN, _REFUSED, RejectCode.INVALID_CONSENT, "Consent")
    return False if any(outs) else given


def _is_out(text: str) -> bool | None:
    """Whether a cell of an opt-out column opts out; a yes with a reason behind it is a yes."""
    if leaning_answer(text) is YesNo.YES or asks_for_no_calls(text, is_mark=True):
        return True
    return _is_yes(text, _OUT, _NOT_OUT, RejectCode.INVALID_OPT_OUT, "The opt-out")


def _is_yes(text: str, yes: frozenset[str], no: frozenset[str], code: RejectCode, what: str) -> bool | None:
    word, answer = folded(text), yes_or_no(text)
    if answer is YesNo.EMPTY:
        return None
    if answer is YesNo.YES or word in yes:
        return True
    if answer is YesNo.NO or word in no:
        return False
    raise _UnreadableCellError(code, f"{what} is neither yes nor no.")


# 31/12/2026 and 12/31/2026 are not read: which of the two is the day, no one can know.
_ISO: Final = re.compile(
    r"((?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,6})?)?) ?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def _moment(
    text: str, zones: tuple[str, ...], code: RejectCode, what: str, *, whole_day: bool = False
) -> datetime | None:
    """The moment that a cell names; a date alone is the beginning of the day, or with `whole_day` its end."""
    if not text:
        return None
    found = _ISO.fullmatch(text)
    if not found:
        raise _UnreadableCellError(
            code, f"The {what} is not written like 2026-12-31 or 2026-12-31T17:00+01:00."
        )
    date, clock, offset = found.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock or '00:00'}{offset or ''}")
    except ValueError:
        raise _UnreadableCellError(code, f"The {what} is no date and time that exists.") from None
    if offset:
        return moment
    if not zones:
        words = f"The {what} needs an offset such as +01:00, since the lead's time zone is not known."
        raise _UnreadableCellError(code, words)
    return min(_readings(moment + timedelta(days=whole_day and not clock), zones))


def _readings(local: datetime, zones: tuple[str, ...]) -> Iterator[datetime]:
    """What a clock time may mean: in each zone, and twice where clocks are turned back."""
    for zone in zones:
        for fold in (0, 1):
            # In the offset of its zone rather than the zone: so it compares with others as a moment.
            aware = local.replace(tzinfo=ZoneInfo(zone), fold=fold)
            yield datetime.fromisoformat(aware.isoformat())
