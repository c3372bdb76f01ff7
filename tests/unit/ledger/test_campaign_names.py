"""However a campaign's name is spelled, it is one campaign: no one is called twice for a space or a capital."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.api.identity import CampaignNameError, clean_name, clean_optional_name, name_key
from tests.support.ledger.campaign_names import FIRST, UNUSABLE, every_spelling


@every_spelling
def test_every_spelling_has_the_same_key(spelling: str) -> None:
    assert name_key(spelling) == name_key(FIRST) == "café nord"
    assert name_key(clean_name(spelling)) == "café nord"


def test_a_name_is_shown_without_what_no_one_sees() -> None:
    assert clean_name("\ufeff Cafe\u0301 \u200b\u00a0 Nord\t") == "Café Nord"
    assert clean_name("STRASSE") == "STRASSE"
    assert name_key("Straße") == name_key("STRASSE")


@pytest.mark.parametrize(
    ("one", "other"), [("bar", "baz"), ("bar 1", "bar1"), ("bar", "bår"), ("bar-1", "bar 1"), ("b", "bb")]
)
def test_other_names_are_other_campaigns(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("name", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_name_that_no_one_can_read_is_refused_without_being_repeated(name: str) -> None:
    with pytest.raises(CampaignNameError) as refused:
        clean_name(name)
    assert not name.strip() or name not in str(refused.value)


def test_only_what_is_empty_stands_for_all_campaigns() -> None:
    assert clean_optional_name("") == ""
    with pytest.raises(CampaignNameError):
        clean_optional_name("\u200b")


@given(st.text(max_size=40))
def test_a_key_is_its_own_key_and_that_of_the_name_as_it_is_shown(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)
    try:
        shown = clean_name(text)
    except CampaignNameError:
        return
    assert clean_name(shown) == shown
    assert name_key(shown) == name_key(text)
