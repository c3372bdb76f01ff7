"""Which number and which variant a lead gets: always the same, and the one that fits."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.leads import Wishes
from flireo_flows.script import (
    CallChoice,
    Caller,
    ComposeError,
    Composer,
    LeadFacts,
    NoClientNumberError,
    Script,
)
from tests.support.calling.scripts import CALLER, composer, lead, patient

A = {"name": "a", "share": 70, "first_message": "Hi."}
B = {"name": "b", "share": 30, "agent_id": "a2"}


def numbers_of(campaign: Composer, count: int, **wishes: str) -> Counter[str]:
    return Counter(campaign.choose(lead(n, **wishes)).number_id for n in range(count))


def test_without_a_script_the_row_an_earlier_attempt_and_the_caller_decide() -> None:
    assert composer().choose(lead()) == CallChoice("a1", "n1")
    assert composer().choose(lead(agent_id="a7", number_id="n7")) == CallChoice("a7", "n7")
    assert composer().choose(replace(lead(), number_id="n8")) == CallChoice("a1", "n8")


def test_ten_thousand_people_are_split_by_share_and_always_alike() -> None:
    campaign = composer(variants=[A, B])
    people = [lead(n) for n in range(10_000)]
    first = [campaign.choose(facts) for facts in people]
    split = Counter(choice.variant for choice in first)
    assert split["a"] == pytest.approx(7000, abs=150)  # three standard deviations are 137
    assert {choice.agent_id for choice in first if choice.variant == "b"} == {"a2"}
    again = composer(variants=[A, B])
    assert [again.choose(facts) for facts in people] == first


def test_the_split_of_another_campaign_is_another_one() -> None:
    spring = composer(variants=[A, B])
    autumn = Composer(CALLER, spring.script, seed="autumn")
    moved = sum(spring.choose(lead(n)).variant != autumn.choose(lead(n)).variant for n in range(1000))
    assert 300 < moved < 540  # by chance, 2 * 0.7 * 0.3 of them


def test_a_lead_keeps_its_variant_and_one_whose_variant_is_gone_gets_another() -> None:
    campaign = composer(variants=[A, {**B, "share": 0}])
    assert campaign.choose(lead()).variant == "a"
    assert campaign.choose(replace(lead(), variant="b")) == CallChoice("a2", "n1", "b")
    assert campaign.choose(replace(lead(), variant="gone")).variant == "a"
    assert composer().choose(replace(lead(), variant="gone")).variant == ""


def test_variants_for_a_language_are_for_its_leads_and_the_rest_for_the_others() -> None:
    dutch, british, rest = (
        {"name": name, "language": language, "first_message": name}
        for name, language in (("hallo", "nl"), ("hello", "en-GB"), ("hi", ""))
    )
    campaign = composer(variants=[dutch, british, rest])
    chosen = {
        language: campaign.choose(lead(language=language)).variant
        for language in ("nl", "nl-BE", "en", "fr", "")
    }
    assert chosen == {"nl": "hallo", "nl-BE": "hallo", "en": "hello", "fr": "hi", "": "hi"}
    only_dutch = composer(variants=[dutch])
    assert only_dutch.check(lead(language="nl")) == ""
    assert "this row's language is fr" in only_dutch.check(lead(language="fr"))
    assert "this row names no language" in only_dutch.check(lead())
    with pytest.raises(ComposeError, match="each variant is for another one"):
        only_dutch.compose(lead(), only_dutch.choose(lead()), "r")


POOL = [
    {"number_id": "dutch", "country": "nl"},
    {"number_id": "british", "country": "GB"},
    {"number_id": "american", "country": "US"},
    {"number_id": "worldwide"},
    {"number_id": "zon", "client": "Zon BV"},
]


@pytest.mark.parametrize(
    ("phone", "number_id"),
    [
        ("+31201234501", "dutch"),
        ("+442079460101", "british"),
        ("+441534960001", "british"),  # Jersey: its own country, the same calling code
        ("+12025550123", "american"),
        ("+14165550123", "worldwide"),  # Toronto shares +1 and is abroad
        ("+18765550123", "worldwide"),  # and so is Kingston
        ("+4930231250001", "worldwide"),
        ("+870773111632", "worldwide"),  # of no country
    ],
)
def test_a_lead_is_called_from_its_own_country(phone: str, number_id: str) -> None:
    assert composer(numbers=POOL).choose(LeadFacts(phone)).number_id == number_id


def test_a_lead_from_elsewhere_is_called_from_the_campaigns_number_if_it_has_one() -> None:
    german = LeadFacts("+4930231250001")
    assert composer(numbers=POOL[:1]).choose(german).number_id == "n1"
    assert composer(numbers=POOL[:1], caller=Caller("a1")).choose(german).number_id == "dutch"


def test_a_clients_number_calls_for_that_client_only() -> None:
    campaign = composer(numbers=POOL)
    assert campaign.choose(lead(client=" zon  bv")).number_id == "zon"
    assert set(numbers_of(campaign, 200)) == {"dutch"}
    abroad = replace(lead(client="Zon BV"), phone="+4930231250001")
    assert composer(numbers=[{**POOL[4], "country": "NL"}]).choose(abroad).number_id == "zon"


ZON_AND_ANY = [{"number_id": "zon", "client": "Zon BV"}, {"number_id": "any"}]


@pytest.mark.parametrize(
    ("numbers", "client", "kept", "own"),
    [
        pytest.param([], "Wind BV", "", "", id="no pool"),
        pytest.param([], "Wind BV", "dutch", "", id="no pool, and called before from the campaign's number"),
        pytest.param(POOL, "Wind BV", "", "", id="numbers of others"),
        pytest.param(POOL, "Wind BV", "zon", "", id="called before from another client's"),
        pytest.param(POOL, "Wind BV", "dutch", "", id="called before from the campaign's number"),
        pytest.param(ZON_AND_ANY, "Zon", "", "", id="part of a name"),
        pytest.param(ZON_AND_ANY, "Zon B.V.", "", "", id="almost a name"),
        pytest.param(ZON_AND_ANY, "-", "", "", id="a dash"),
        pytest.param(ZON_AND_ANY, "any", "", "", id="an id in the place of a name"),
        pytest.param(ZON_AND_ANY, "Wind BV", "any", "", id="called before from a number of no client"),
        pytest.param(ZON_AND_ANY, "Wind BV", "", "zon", id="the row gives another client's number"),
    ],
)
def test_a_client_without_a_number_is_called_from_none(
    numbers: list[dict[str, str]], client: str, kept: str, own: str
) -> None:
    facts = LeadFacts("+31201234501", wishes=Wishes(client=client, number_id=own), number_id=kept)
    for caller in (CALLER, Caller("a1")):
        with pytest.raises(NoClientNumberError):
            composer(numbers=numbers, caller=caller).choose(facts)
    with pytest.raises(NoClientNumberError):
        composer(caller=Caller("a1", "dutch")).choose(
            replace(facts, wishes=replace(facts.wishes, number_id=""))
        )


def test_a_client_is_called_from_its_own_number_or_the_rows() -> None:
    campaign = composer(numbers=ZON_AND_ANY)
    assert campaign.choose(lead(client="ZON  bv ")).number_id == "zon"
    assert campaign.choose(replace(lead(client="Zon BV"), number_id="any")).number_id == "zon"
    assert campaign.choose(replace(lead(client="Zon BV"), number_id="dutch")).number_id == "zon"
    given = LeadFacts("+31201234501", wishes=Wishes(client="Wind BV", number_id="theirs"))
    assert campaign.choose(given).number_id == "theirs"
    assert composer(caller=Caller("a1", "dutch")).choose(given).number_id == "theirs"
    assert campaign.choose(lead(client="  ")).number_id == "any"


def test_the_language_decides_between_numbers_of_one_country() -> None:
    belgian = [{"number_id": code, "country": "BE", "language": code} for code in ("nl", "fr")]
    ghent = LeadFacts("+3292222222", wishes=Wishes(language="nl-BE"))
    assert composer(numbers=belgian).choose(ghent).number_id == "nl"
    french = composer(numbers=[*belgian, {"number_id": "any", "country": "BE"}])
    assert french.choose(replace(ghent, wishes=Wishes(language="de"))).number_id == "any"
    assert french.choose(replace(ghent, wishes=Wishes())).number_id == "any"


def test_one_number_may_serve_two_countries() -> None:
    twice = [{"number_id": "benelux", "country": country} for country in ("NL", "BE")]
    assert composer(numbers=[*twice, POOL[3]]).choose(lead()).number_id == "benelux"


def test_leads_are_spread_over_the_numbers_and_keep_theirs_when_one_joins() -> None:
    four = [{"number_id": f"n{n}"} for n in range(4)]
    before, after = composer(numbers=four), composer(numbers=[{"number_id": "new"}, *four])
    spread = numbers_of(before, 2000)
    assert all(spread[number["number_id"]] == pytest.approx(500, abs=80) for number in four)
    moved = [after.choose(lead(n)).number_id for n in range(2000)]
    assert {to for n, to in enumerate(moved) if to != before.choose(lead(n)).number_id} == {"new"}
    assert set(numbers_of(composer(numbers=four, rotation="first"), 100)) == {"n0"}


def test_a_lead_keeps_its_number_as_long_as_the_pool_has_it_and_the_row_asks_for_no_other() -> None:
    campaign = composer(numbers=POOL)
    assert campaign.choose(replace(lead(), number_id="british")).number_id == "british"
    assert campaign.choose(replace(lead(), number_id="n1")).number_id == "n1"
    assert campaign.choose(replace(lead(), number_id="given back")).number_id == "dutch"
    assert campaign.choose(replace(lead(number_id="n9"), number_id="british")).number_id == "n9"


def test_the_settings_name_every_agent_and_number_that_may_be_used() -> None:
    campaign = composer(numbers=POOL, variants=[A, B])
    assert campaign.agent_ids == {"a1", "a2"}
    assert campaign.number_ids == {"n1", *(number["number_id"] for number in POOL)}
    assert composer(variants=[B]).agent_ids == {"a2"}
    assert Composer(Caller(""), Script()).agent_ids == frozenset()


@patient
@given(
    phone=st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z"),
    wishes=st.builds(
        Wishes, language=st.sampled_from(["", "nl", "xx-YY"]), client=st.sampled_from(["", "Zon BV"])
    ),
    seed=st.text(max_size=5),
)
def test_any_lead_gets_a_number_of_the_settings_and_gets_it_again(
    phone: str, wishes: Wishes, seed: str
) -> None:
    campaign = Composer(CALLER, Script.model_validate({"numbers": POOL, "variants": [A, B]}), seed=seed)
    facts = LeadFacts(phone, wishes=wishes)
    choice = campaign.choose(facts)
    assert choice.number_id in campaign.number_ids
    assert campaign.choose(facts) == choice
    assert campaign.choose(replace(facts, number_id=choice.number_id, variant=choice.variant)) == choice
