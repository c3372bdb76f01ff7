"""What people write in a phone column, and what is made of it."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.leads import LeadPhone, Refusal, RejectCode, parse_phone
from flireo_flows.leads.phones import LONGEST_TEXT
from flireo_flows.leads.zone_names import is_zone

AMSTERDAM = ("Europe/Amsterdam",)


@pytest.mark.parametrize(
    "text",
    [
        "020 123 4501",
        "(020) 1234501",
        "020.123.45.01",
        "020/1234501",
        "0031201234501",
        "00 31 20 1234501",
        "(0031) 20 1234501",
        "31201234501",
        "201234501",
        "+31201234501",
        "(+31) 20 1234501",
        "+31 (0)20 1234501",
        "0031 (0)20 1234501",
        "tel:+31-20-1234501",
        "Tel: 020-1234501",
        "'+31201234501",
        "’020-1234501",
        "+31 20 123–45–01",
        "+31\u00a020\u00a01234501",
        "\u202a+31201234501\u202c",
        "  020 1234501  ",
    ],
)
def test_every_usual_spelling_is_the_same_number(text: str) -> None:
    assert parse_phone(text, "NL") == LeadPhone("+31201234501", AMSTERDAM)


@pytest.mark.parametrize("text", ["+31201234501", "0031201234501", "tel:+31 20 1234501", "(0031) 20 1234501"])
def test_a_number_with_its_country_code_needs_no_region(text: str) -> None:
    assert parse_phone(text) == LeadPhone("+31201234501", AMSTERDAM)


def test_00_is_read_as_plus_where_it_is_not_the_international_prefix() -> None:
    assert parse_phone("0031201234501", "US") == LeadPhone("+31201234501", AMSTERDAM)
    assert parse_phone("0011 31 20 123 4501", "AU") == LeadPhone("+31201234501", AMSTERDAM)


@pytest.mark.parametrize(
    ("text", "region", "code", "words"),
    [
        ("", "NL", RejectCode.MISSING_PHONE, "missing"),
        ("  ", "NL", RejectCode.MISSING_PHONE, "missing"),
        ("'", "NL", RejectCode.MISSING_PHONE, "missing"),
        ("call me 0201234501", "NL", RejectCode.INVALID_PHONE, "no letters"),
        ("O20 123 4501", "NL", RejectCode.INVALID_PHONE, "no letters"),
        ("n/a", "NL", RejectCode.INVALID_PHONE, "no letters"),
        ("-", "NL", RejectCode.INVALID_PHONE, "no digits"),
        ("*100*5", "NL", RejectCode.INVALID_PHONE, "Only digits"),
        ("+ +31201234501", "NL", RejectCode.INVALID_PHONE, "Only digits"),
        ("0" * (LONGEST_TEXT + 1), "NL", RejectCode.INVALID_PHONE, "too long"),
        ("020123450112345678901234567890", "NL", RejectCode.INVALID_PHONE, "No such number exists in NL"),
        ("020 12345", "NL", RejectCode.INVALID_PHONE, "No such number exists in NL"),
        ("+31 6 1234567", "NL", RejectCode.INVALID_PHONE, "a digit may be wrong"),
        ("4930 23125 101", "NL", RejectCode.INVALID_PHONE, "another country needs +"),
        ("０２０１２３４５０１", "NL", RejectCode.INVALID_PHONE, "plain digits"),
        ("020 123450¹", "NL", RejectCode.INVALID_PHONE, "plain digits"),
        ("020 1234501", "", RejectCode.NO_COUNTRY, "default country"),
        ("31201234501", "", RejectCode.NO_COUNTRY, "default country"),
        ("3.16123E+10", "NL", RejectCode.EXCEL_MANGLED, "format the column as text"),
        ("3,16123E+10", "NL", RejectCode.EXCEL_MANGLED, "format the column as text"),
        ("6.12345678E+9", "NL", RejectCode.EXCEL_MANGLED, "format the column as text"),
        ("31201234501.0", "NL", RejectCode.EXCEL_MANGLED, "format the column as text"),
        ("020-1234501 / 020-1234502", "NL", RejectCode.TWO_NUMBERS, "keep one"),
        ("020-1234501/02/03", "NL", RejectCode.TWO_NUMBERS, "keep one"),
        ("030/23125123/24", "DE", RejectCode.TWO_NUMBERS, "keep one"),
        ("020-1234501; 020-1234502", "NL", RejectCode.TWO_NUMBERS, "keep one"),
        ("020-1234501, 020-1234502", "NL", RejectCode.TWO_NUMBERS, "keep one"),
        ("020-1234501 of 020-1234502", "NL", RejectCode.TWO_NUMBERS, "keep one"),
        ("020-1234501\n020-1234502", "NL", RejectCode.TWO_NUMBERS, "keep one"),
        ("+31201234501 +31201234502", "NL", RejectCode.TWO_NUMBERS, "keep one"),
        ("+31201234501 ext 5", "NL", RejectCode.EXTENSION, "extension"),
        ("+31201234501;ext=5", "NL", RejectCode.EXTENSION, "extension"),
        ("020 1234501 x12", "NL", RejectCode.EXTENSION, "extension"),
        ("020 1234501 toestel 5", "NL", RejectCode.EXTENSION, "extension"),
        ("020 1234501#5", "NL", RejectCode.EXTENSION, "extension"),
        ("020 1234501,5", "NL", RejectCode.EXTENSION, "extension"),
        ("0900 1234", "NL", RejectCode.NOT_ALLOWED, "premium-rate"),
        ("0800 1234", "NL", RejectCode.NOT_ALLOWED, "toll-free"),
        ("+49 180 2123456", "", RejectCode.NOT_ALLOWED, "shared-cost"),
        ("+44 70 1234 5678", "", RejectCode.NOT_ALLOWED, "personal"),
        ("+44 7640 123456", "", RejectCode.NOT_ALLOWED, "pager"),
        ("112", "NL", RejectCode.NOT_ALLOWED, "emergency"),
        ("+31112", "", RejectCode.NOT_ALLOWED, "emergency"),
        ("911", "US", RejectCode.NOT_ALLOWED, "emergency"),
        ("1233", "NL", RejectCode.NOT_ALLOWED, "Short"),
    ],
)
def test_what_is_no_number_to_call_is_refused_with_a_reason(
    text: str, region: str, code: RejectCode, words: str
) -> None:
    refusal = parse_phone(text, region)
    assert isinstance(refusal, Refusal)
    assert refusal.code is code
    assert words in refusal.message


@pytest.mark.parametrize(
    ("text", "e164", "zones"),
    [
        ("+44 20 7946 0101", "+442079460101", ("Europe/London",)),
        ("+49 (0)30 23125 101", "+493023125101", ("Europe/Berlin",)),
        ("+49 2234/123456", "+492234123456", ("Europe/Berlin",)),
        ("+32 450 00 00 01", "+32450000001", ("Europe/Brussels",)),
        ("+39 06 1234 5678", "+390612345678", ("Europe/Rome",)),
        ("+1 308 555 0100", "+13085550100", ("America/Chicago", "America/Denver")),
    ],
)
def test_numbers_of_other_countries_are_read_under_a_dutch_default(
    text: str, e164: str, zones: tuple[str, ...]
) -> None:
    assert parse_phone(text, "NL") == LeadPhone(e164, zones)


def test_a_number_that_may_be_in_several_zones_names_them_all() -> None:
    spanish_mobile = parse_phone("+34 612 34 56 78")
    assert isinstance(spanish_mobile, LeadPhone)
    assert set(spanish_mobile.zones) == {"Europe/Madrid", "Atlantic/Canary"}


@pytest.mark.parametrize("name", ["Europe/Amsterdam", "America/Argentina/Buenos_Aires"])
def test_iana_names_are_zones(name: str) -> None:
    assert is_zone(name)


@pytest.mark.parametrize(
    "name", ["", "Europe", "Etc/Unknown", "Mars/Base", "../etc", "localtime", "a\0b", "CEST", "UTC", "EST"]
)
def test_other_texts_are_no_zones(name: str) -> None:
    assert not is_zone(name)


phone_like = st.text(alphabet="0123456789 +-()/.,;xE'#\u202a\uff11", max_size=30)


@given(text=phone_like | st.text(max_size=40), region=st.sampled_from(["", "NL", "DE", "GB", "US", "AU"]))
def test_whatever_is_accepted_is_valid_in_one_spelling_and_has_zones_that_open(
    text: str, region: str
) -> None:
    found = parse_phone(text, region)
    if isinstance(found, Refusal):
        return
    number = phonenumbers.parse(found.e164)
    assert phonenumbers.is_valid_number(number)
    assert number.extension is None
    assert parse_phone(found.e164) == found
    assert all(is_zone(zone) for zone in found.zones)


@given(digits=st.integers(10**8, 10**9 - 1), region=st.sampled_from(["NL", "DE", "GB"]))
def test_a_national_number_is_refused_as_invalid_exactly_when_the_library_calls_it_so(
    digits: int, region: str
) -> None:
    found = parse_phone(f"0{digits}", region)
    refused_as_invalid = isinstance(found, Refusal) and found.code is RejectCode.INVALID_PHONE
    assert refused_as_invalid is not phonenumbers.is_valid_number(phonenumbers.parse(f"0{digits}", region))


@given(text=st.text(max_size=60))
def test_a_refusal_never_repeats_the_number(text: str) -> None:
    found = parse_phone(text + "0201234501x", "NL")
    assert isinstance(found, Refusal)
    assert "1234501" not in found.message


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("31,612,345,678", "NL", "+31612345678"),
        ("31.612.345.678", "NL", "+31612345678"),
        ("31'612'345'678", "NL", "+31612345678"),
        ("31 612 345 678", "NL", "+31612345678"),
        ("2,125,550,100", "US", "+12125550100"),
        ("612,345,678", "NL", "+31612345678"),
        ("+31,612,345,678", "", "+31612345678"),
        ("06,12,34,56,78", "FR", "+33612345678"),
        ("=+31612345678", "NL", "+31612345678"),
        ("9,87,65,43,210", "IN", "+919876543210"),
        ('="0612345678"', "NL", "+31612345678"),
        ('"0612345678"', "NL", "+31612345678"),
        ('="+31612345678"', "", "+31612345678"),
        ("p:+31612345678", "", "+31612345678"),
        ("whatsapp:+31612345678", "", "+31612345678"),
        ("callto:+31612345678", "", "+31612345678"),
        ("Phone: 06-12345678", "NL", "+31612345678"),
    ],
)
def test_what_programs_make_of_a_number_loses_no_digit(text: str, region: str, e164: str) -> None:
    found = parse_phone(text, region)
    assert isinstance(found, LeadPhone), found
    assert found.e164 == e164


@pytest.mark.parametrize(
    "text", ["31,612,345,678.00", "31.612.345.678,00", "31 612 345 678,0", "31612345678,0"]
)
def test_a_figure_with_decimals_is_reported_as_one(text: str) -> None:
    refusal = parse_phone(text, "NL")
    assert isinstance(refusal, Refusal)
    assert refusal.code is RejectCode.EXCEL_MANGLED


@pytest.mark.parametrize(
    "text",
    [
        "+31 88 123 4567",
        "+44 345 123 4567",
        "+44 300 123 4567",
        "+44 306 999 0123",
        "+41 58 123 45 67",
        "+46 10 234 56 78",
        "+32 78 10 23 45",
        "+353 818 123 456",
    ],
)
def test_numbers_of_companies_are_ordinary_ones(text: str) -> None:
    assert isinstance(parse_phone(text), LeadPhone)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("+31 800 1234", "toll_free"),
        ("+1 800 555 0199", "toll_free"),
        ("+44 808 157 0123", "toll_free"),
        ("+49 180 2123456", "shared_cost"),
        ("+44 70 1234 5678", "personal"),
        ("+44 7640 123456", "pager"),
    ],
)
def test_other_kinds_are_called_only_where_the_format_allows_them(text: str, kind: str) -> None:
    refusal = parse_phone(text)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.kind) == (RejectCode.NOT_ALLOWED, kind)
    assert f"call_kinds names {kind}" in refusal.message
    assert isinstance(parse_phone(text, kinds=[kind]), LeadPhone)
    others = {"toll_free", "shared_cost", "personal", "pager", "voicemail"} - {kind}
    assert isinstance(parse_phone(text, kinds=others), Refusal)


@pytest.mark.parametrize(
    ("text", "region"), [("0900 1234", "NL"), ("112", "NL"), ("911", "US"), ("1233", "NL")]
)
def test_premium_short_and_emergency_numbers_are_never_called(text: str, region: str) -> None:
    every = ["toll_free", "shared_cost", "personal", "pager", "voicemail", "premium_rate"]
    refusal = parse_phone(text, region, kinds=every)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.kind) == (RejectCode.NOT_ALLOWED, "")


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("+5215512345678", "", "+525512345678"),
        ("+52 1 55 1234 5678", "", "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("01 55 1234 5678", "MX", "+525512345678"),
        ("+55 11 8765-4321", "", "+5511987654321"),
        ("(11) 8765-4321", "BR", "+5511987654321"),
        ("+229 97 12 34 56", "", "+2290197123456"),
        ("97 12 34 56", "BJ", "+2290197123456"),
        ("+39 6 12345678", "", "+390612345678"),
        ("+39 2 12345678", "DE", "+390212345678"),
    ],
)
def test_a_number_of_an_old_plan_that_became_one_new_number_is_read_as_that(
    text: str, region: str, e164: str
) -> None:
    found = parse_phone(text, region)
    assert isinstance(found, LeadPhone), found
    assert found.e164 == e164
    assert found.note


@pytest.mark.parametrize(
    ("text", "region"), [("+225 07 12 34 56", ""), ("+225 20 22 34 56", ""), ("45678901", "CI")]
)
def test_an_old_number_that_may_have_become_several_is_no_typing_error(text: str, region: str) -> None:
    refusal = parse_phone(text, region)
    assert isinstance(refusal, Refusal)
    assert refusal.code is RejectCode.OLD_NUMBER
    assert "2021" in refusal.message
