"""Two spellings of one number are one person: suppressed, forgotten, called and matched as one."""

import pytest

from flireo_flows.api.identity import person_key, same_person, spellings
from tests.support.calling.incoming import listed
from tests.support.calling.spellings import PAIRS

OTHERS = [
    ("+5491123456789", "+5491123456780"),
    ("+393331234567", "+3903331234567"),
    ("+39800123456", "+390800123456"),
    ("+551123456789", "+5511923456789"),
    ("+442079460001", "+442079460002"),
    ("+2250707123456", "+2250507123456"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_spellings_have_one_key_and_know_each_other(one: str, other: str) -> None:
    assert person_key(one) == person_key(other) == person_key(person_key(one))
    assert {one, other} <= spellings(one) & spellings(other)
    for written in (other, other[1:], f"00{other[1:]}", f"{other[:3]} {other[3:6]}-{other[6:]}"):
        assert same_person(one, written)
        assert listed(phone=written).is_with(one)
        assert listed(phone=written).may_be_with(one)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_other_people_have_other_keys(one: str, other: str) -> None:
    assert person_key(one) != person_key(other)
    assert not same_person(one, other)
    assert not listed(phone=other).is_with(one)


def test_an_ivorian_number_of_8_digits_is_compared_and_has_no_key() -> None:
    assert same_person("+2250707123456", "+225 07 12 34 56")
    assert person_key("+22507123456") != person_key("+2250707123456")
    assert "+22507123456" in spellings("+2250707123456")


@pytest.mark.parametrize(
    "text", ["", "forgotten-0123456789abcdef", "anonymous", "sip:anna@example.org", "316"]
)
def test_what_is_no_number_stays_as_it_is(text: str) -> None:
    assert person_key(text) == text
    assert spellings(text) == {text}
