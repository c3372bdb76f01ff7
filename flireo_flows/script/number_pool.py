"""Which number a lead is called from, and which variant it gets. The same lead always gets the same."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException

from flireo_flows.api.campaign_names import name_key
from flireo_flows.script.call_choice import LeadFacts, NoClientNumberError
from flireo_flows.script.script_form import PoolNumber, Variant

# Behind +1 and +7 are countries that call each other abroad, at another price and with another look.
_SHARED_CODES: Final = frozenset({1, 7})
_POINTS: Final = 1 << 64


class Home(NamedTuple):
    """Where a phone number is at home: country (ISO 3166-1; empty if unknown) and calling code (0 likewise)."""

    country: str
    code: int


@lru_cache(maxsize=4096)
def home_of(phone: str) -> Home:
    """Where a number in E.164 is at home; of +1 numbers by the area code."""
    try:
        parsed = phonenumbers.parse(phone)
    except NumberParseException:
        return Home("", 0)
    country = phonenumbers.region_code_for_number(parsed) or ""
    # 001 stands for numbers of no country, such as satellite phones.
    return Home("" if country == "001" else country, parsed.country_code or 0)


def pick_number(
    numbers: Sequence[PoolNumber], facts: LeadFacts, default: str, seed: str, rotation: str
) -> str:
    """The caller id of a lead.

    What the row asks for comes first, then the number it was called from before, as long as the pool still has
    it for this lead. Else the pool decides: a number that belongs to a client is for that client only, and a lead
    of a client is called from a number of that client or not at all; leads of no client share the numbers that
    belong to no one. Among them the lead's own country comes first, then its calling code, then numbers of no
    country; and within these its language, then numbers of no language. `default` is for leads that would otherwise
    be called from a number of another country that belongs to no one.

    Args:
        numbers: The pool.
        facts: The lead.
        default: The campaign's number; empty lets Flireo pick one.
        seed: Name of the campaign: the same lead may be called from another number in another one.
        rotation: `spread` or `first`, among numbers that fit equally.

    Raises:
        NoClientNumberError: The row names a client, and none of the numbers is that client's, or the row's own
            number is another client's. The campaign's number may be another client's too: no one said whose it is.
    """
    client = _folded(facts.wishes.client)
    if facts.wishes.number_id:
        if client and _owner(facts.wishes.number_id, numbers) not in ("", client):
            raise NoClientNumberError
        return facts.wishes.number_id
    open_to = _open_to(numbers, client)
    if facts.number_id and _may_keep(facts.number_id, numbers, open_to, "" if client else default):
        return facts.number_id
    if not open_to:
        return default
    home = home_of(facts.phone)
    fits = [(_fit(number, home, facts.wishes.language), number.number_id) for number in open_to]
    best = min(fit for fit, _ in fits)
    if best[0] == _ELSEWHERE and default and not open_to[0].client:
        return default
    equal = [number_id for fit, number_id in fits if fit == best]
    if rotation == "first":
        return equal[0]
    # The highest of a hash per number: a number that joins the pool takes only its own part of the leads.
    return max(equal, key=lambda number_id: _point(seed, facts.phone, number_id))


def _open_to(numbers: Sequence[PoolNumber], client: str) -> list[PoolNumber]:
    own = [number for number in numbers if _folded(number.client) == client]
    if client and not own:
        raise NoClientNumberError
    return own


def _owner(number_id: str, numbers: Sequence[PoolNumber]) -> str:
    """The client that a number of the pool belongs to; empty for no client, and for a number that is not in it."""
    return next((_folded(number.client) for number in numbers if number.number_id == number_id), "")


def _may_keep(
    number_id: str, numbers: Sequence[PoolNumber], open_to: Sequence[PoolNumber], default: str
) -> bool:
    """A number given back to the vendor, or another client's, calls no one again."""
    return not numbers or number_id in {default, *(number.number_id for number in open_to)}


_ELSEWHERE: Final = 3


def _fit(number: PoolNumber, home: Home, language: str) -> tuple[int, int]:
    """How well a number fits: 0 is best. The country, then the language."""
    return _country_fit(number.country, home), language_fit(number.language, language)


def _country_fit(country: str, home: Home) -> Literal[0, 1, 2, 3]:
    if not country:
        return 2
    if country == home.country:
        return 0
    same = home.code not in _SHARED_CODES and phonenumbers.country_code_for_region(country) == home.code
    return 1 if same else _ELSEWHERE


def language_fit(offered: str, wanted: str) -> int:
    """0: the same; 1: the same but for the country; 2: offered to all; 3: another one."""
    offered, wanted = offered.lower(), wanted.lower()
    if not offered:
        return 2
    if offered == wanted:
        return 0
    return 1 if wanted and offered.split("-")[0] == wanted.split("-")[0] else 3


def pick_variant(variants: Sequence[Variant], facts: LeadFacts, seed: str) -> Variant | None:
    """The variant of a lead: the one it had, else one for its language, by share. None: there is none for it."""
    if kept := next((variant for variant in variants if variant.name == facts.variant), None):
        return kept
    # A variant of share 0 is closed to new leads, so it does not keep its language from the others.
    fits = [
        (language_fit(variant.language, facts.wishes.language), variant)
        for variant in variants
        if variant.share
    ]
    best = min((fit for fit, _ in fits), default=3)
    if best == 3:
        return None
    among = [variant for fit, variant in fits if fit == best]
    place = _point(seed, facts.phone, "variant") / _POINTS * sum(variant.share for variant in among)
    for variant in among:
        place -= variant.share
        if place < 0:
            return variant
    return among[-1]  # what rounding left over


def _point(seed: str, phone: str, salt: str) -> int:
    """A number below 2**64 that looks random and is always the same."""
    digest = hashlib.sha256(
        "\0".join((name_key(seed), phone, salt)).encode("utf-8", "surrogatepass")
    ).digest()
    return int.from_bytes(digest[:8], "big")


def _folded(client: str) -> str:
    return " ".join(client.casefold().split())
