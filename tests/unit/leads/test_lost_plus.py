"""Numbers that lost their `+`: what may be two numbers is no lead, over the whole world's numbering plans."""

from functools import cache

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from flireo_flows.leads import LeadPhone, Refusal, RejectCode, parse_phone

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
INITIALS = sorted({region[0] for region in REGIONS})
ORDINARY = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)


def is_valid(e164: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(e164))
    except NumberParseException:
        return False


@cache
def examples() -> tuple[str, ...]:
    """Example numbers of every region, E.164."""
    found = (phonenumbers.example_number_for_type(region, kind) for region in REGIONS for kind in ORDINARY)
    return tuple({phonenumbers.format_number(it, PhoneNumberFormat.E164) for it in found if it})


@pytest.mark.parametrize("initial", INITIALS)
def test_no_example_number_of_the_world_becomes_another_one_without_its_plus(initial: str) -> None:
    for region in (region for region in REGIONS if region[0] == initial):
        for e164 in examples():
            found = parse_phone(e164[1:], region)
            assert isinstance(found, Refusal) or found.e164 == e164, (region, e164[:5])


@pytest.mark.parametrize("region", ["AT", "BR", "DE", "FI", "ID", "IT", "LU", "NL", "SE", "US"])
def test_nor_does_one_in_its_usual_spelling(region: str) -> None:
    for e164 in examples():
        parsed = phonenumbers.parse(e164)
        text = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL).removeprefix("+")
        found = parse_phone(text, region)
        assert isinstance(found, Refusal) or found.e164 == e164, (region, e164[:5])


@settings(max_examples=600)
@given(data=st.data())
def test_no_number_becomes_another_one_without_its_plus(data: st.DataObject) -> None:
    e164 = data.draw(st.sampled_from(examples()))
    ends = data.draw(st.text("0123456789", min_size=3, max_size=7))
    number = e164[: -len(ends)] + ends
    assume(is_valid(number))
    found = parse_phone(number[1:], data.draw(st.sampled_from(REGIONS)))
    assert isinstance(found, Refusal) or found.e164 == number


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("4917604069012", "DE"),
        ("49 176 04069012", "DE"),
        ("491522 8817386", "DE"),
        ("4930 23125101", "DE"),
        ("4366412345678", "AT"),
        ("352621123456", "LU"),
        ("6281234567890", "ID"),
        ("358401234567", "FI"),
        ("5511912345678", "BR"),
        ("46701234567", "SE"),
        ("393331234567", "IT"),
        ("12125550100", "US"),
        ("14165550100", "CA"),
        ("8613812345678", "CN"),
        ("919876543210", "IN"),
        ("79123456789", "RU"),
        ("89123456789", "RU"),
        ("525512345678", "MX"),
        ("31612345678", "NL"),
        ("33612345678", "FR"),
        ("34612345678", "ES"),
        ("447400123456", "GB"),
        ("61412345678", "AU"),
        ("819012345678", "JP"),
        ("821012345678", "KR"),
        ("905012345678", "TR"),
        ("48512345678", "PL"),
        ("27711234567", "ZA"),
    ],
)
def test_an_own_number_without_its_plus_is_that_number_or_no_lead(text: str, region: str) -> None:
    found = parse_phone(text, region)
    own = phonenumbers.country_code_for_region(region)
    if isinstance(found, Refusal):
        assert found.code is RejectCode.AMBIGUOUS_PHONE
    else:
        twice = f"+{own}{own}"
        assert found.e164.startswith(f"+{own}")
        assert not found.e164.startswith(twice)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("4917604069012", "DE"),  # +49 176 ... or +49 4917 ...
        ("17604069012", "DE"),  # a German mobile without its 0, or one in California
        ("31612345678", "AT"),
        ("431345678", "NL"),  # Maastricht without its 0, or Vienna
        ("623112345", "ES"),
        ("4752521234", "US"),  # area code 475, or Norway
        ("4582121234", "US"),  # area code 458, or Denmark
        ("203 252 1234", "US"),  # area code 203, or Egypt
        ("626112345", "ES"),  # a Spanish mobile, or Medan in Indonesia
    ],
)
def test_what_may_be_two_numbers_is_refused_with_what_settles_it(text: str, region: str) -> None:
    found = parse_phone(text, region)
    assert isinstance(found, Refusal)
    assert found.code is RejectCode.AMBIGUOUS_PHONE
    for advice in ("with +", "country", "numbers_without_plus"):
        assert advice in found.message
    assert text not in found.message


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("06 12345678", "NL", "+31612345678"),
        ("612345678", "NL", "+31612345678"),
        ("030 23125101", "DE", "+493023125101"),
        ("0176 04069012", "DE", "+4917604069012"),
        ("04917 604069012", "DE", "+494917604069012"),  # its 0 says that it is national
        ("0660 1234567", "AT", "+436601234567"),
        ("08123456789", "ID", "+628123456789"),
        ("040 1234567", "FI", "+358401234567"),
        ("(11) 91234-5678", "BR", "+5511912345678"),
        ("070-123 45 67", "SE", "+46701234567"),
        ("02 12345678", "IT", "+390212345678"),
        ("333 1234567", "IT", "+393331234567"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("212-555-0100", "US", "+12125550100"),
        ("(475) 252-1234", "US", "+14752521234"),  # brackets hold an area code
        ("(458) 212-1234", "US", "+14582121234"),
        ("55 1234 5678", "MX", "+525512345678"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("138 1234 5678", "CN", "+8613812345678"),
        ("98765 43210", "IN", "+919876543210"),
        ("612 34 56 78", "ES", "+34612345678"),
        ("07400 123456", "GB", "+447400123456"),
    ],
)
def test_ordinary_national_numbers_are_read_as_ever(text: str, region: str, e164: str) -> None:
    found = parse_phone(text, region)
    assert isinstance(found, LeadPhone), found
    assert found.e164 == e164


@pytest.mark.parametrize(
    ("text", "region", "national", "international"),
    [
        ("4917604069012", "DE", "+494917604069012", "+4917604069012"),
        ("17604069012", "DE", "+4917604069012", "+17604069012"),
        ("4752521234", "US", "+14752521234", "+4752521234"),
        ("31612345678", "NL", "+31612345678", "+31612345678"),
        ("030 23125101", "DE", "+493023125101", "+493023125101"),
    ],
)
def test_the_format_settles_how_numbers_without_plus_are_written(
    text: str, region: str, national: str, international: str
) -> None:
    for without_plus, e164 in (("national", national), ("international", international)):
        found = parse_phone(text, region, without_plus=without_plus)  # type: ignore[arg-type]
        assert isinstance(found, LeadPhone)
        assert found.e164 == e164


def test_international_numbers_without_plus_need_no_region_and_are_never_read_as_national() -> None:
    found = parse_phone("31612345678", "", without_plus="international")
    assert isinstance(found, LeadPhone)
    assert found.e164 == "+31612345678"
    assert isinstance(parse_phone("612345678", "NL", without_plus="international"), Refusal)


@pytest.mark.parametrize("region", ["DE", "NL", "US", "BR", "RU"])
def test_a_number_with_plus_or_00_is_never_in_doubt(region: str) -> None:
    for e164 in examples()[::7]:
        for text in (e164, f"00{e164[1:]}"):
            found = parse_phone(text, region)
            assert isinstance(found, Refusal) or found.e164 == e164, (region, text[:5])
