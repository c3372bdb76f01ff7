"""A person that other campaigns called recently or often is not called: over all their numbers, in every ledger."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flireo_flows.leads import Lead
from flireo_flows.ledger.leads import linked
from flireo_flows.policy import (
    Allow,
    CallingPolicy,
    Deny,
    History,
    OtherCall,
    OtherCampaigns,
    Rule,
    decide,
    explain,
)
from tests.support.calling.campaign import ANNA, BEN
from tests.support.calling.campaign import people as many_people
from tests.support.calling.other_campaigns import OFF, called, replace_others, row
from tests.support.calling.policies import ANY_HOUR, LONDON, NOON, reason, until


def rules(**fields: Any) -> CallingPolicy:
    return CallingPolicy(calling_hours=None, other_campaigns=OtherCampaigns(**fields))


@pytest.mark.parametrize(
    ("hours_ago", "fields", "held_hours"),
    [
        ((), {}, None),
        ((0,), {}, 24),
        ((0.001,), {}, 23.999),
        ((1,), {}, 23),
        ((23.5,), {}, 0.5),
        ((24,), {}, None),
        ((25, 3), {}, 21),
        ((25,), {}, None),
        ((-1,), {}, 25),  # a clock was put back
        ((30, 60, 90), {}, None),
        ((30, 60, 90, 719), {}, 1),
        ((30, 60, 90, 720), {}, None),
        ((30, 60, 90, 120, 600), {}, 600),
        ((2, 30, 60, 90), {}, 630),
        ((2,), {"min_gap_hours": 1}, None),
        ((2,), {"min_gap_hours": 48}, 46),
        ((2,), {"min_gap_hours": 0}, None),
        ((30, 60), {"max_calls": 2}, 660),
        ((30, 60), {"max_calls": 2, "per_days": 2}, None),
        ((1, 2, 3, 4, 5), {"min_gap_hours": 0, "max_calls": 0}, None),
    ],
)
def test_a_person_is_left_alone_for_a_day_and_after_four_calls_in_thirty_days(
    hours_ago: tuple[float, ...], fields: dict[str, Any], held_hours: float | None
) -> None:
    verdict = decide(LONDON, NOON, rules(**fields), called(*hours_ago))
    if held_hours is None:
        assert isinstance(verdict, Allow)
        return
    assert reason(verdict) == Rule.OTHER_CAMPAIGNS
    assert until(verdict) == NOON + timedelta(hours=held_hours)
    assert isinstance(decide(LONDON, until(verdict), rules(**fields), called(*hours_ago)), Allow)


def test_own_attempts_follow_the_campaigns_own_rules() -> None:
    history = History(called_at=(NOON - timedelta(hours=1),), number_called_at=(NOON - timedelta(hours=1),))
    assert isinstance(decide(LONDON, NOON, ANY_HOUR, history), Allow)


def test_a_callback_that_the_person_asked_for_is_exempt_from_the_day_and_only_once() -> None:
    asked = called(2, asked_back=True)
    assert isinstance(decide(LONDON, NOON, ANY_HOUR, asked), Allow)
    served = History(other_calls=(*asked.other_calls, OtherCall(NOON - timedelta(hours=1), "summer")))
    assert reason(decide(LONDON, NOON, ANY_HOUR, served)) == Rule.OTHER_CAMPAIGNS
    often = called(2, 30, 60, 90, asked_back=True)
    assert (
        reason(decide(LONDON, NOON, ANY_HOUR, often)) == Rule.OTHER_CAMPAIGNS
    )  # the month counts all the same


def test_a_denial_shows_who_called_when_without_a_number() -> None:
    verdict = decide(LONDON, NOON, ANY_HOUR, called(2))
    assert explain(verdict).startswith("the person was called by the campaign 'spring' Wednesday")
    assert "24 hours must lie between; next Thursday 11:00" in explain(verdict)
    account = History(other_calls=(OtherCall(NOON - timedelta(hours=2)),))
    assert "by another call of the account" in explain(decide(LONDON, NOON, ANY_HOUR, account))
    numbered = History(other_calls=(OtherCall(NOON, f"for {ANNA}"),))
    assert ANNA not in explain(decide(LONDON, NOON, ANY_HOUR, numbered))
    often = explain(decide(LONDON, NOON, ANY_HOUR, called(30, 60, 90, 120)))
    assert "others called the person 4 times within 30 days, at most 4 are allowed" in often


def test_a_call_of_the_account_that_is_open_blocks_until_it_counts_as_over() -> None:
    until_ = NOON + timedelta(minutes=20)
    verdict = decide(LONDON, NOON, ANY_HOUR, History(open_call_until=until_))
    assert isinstance(verdict, Deny)
    assert (verdict.reason, verdict.until) == (Rule.ALREADY_RINGING, until_)
    assert isinstance(decide(LONDON, until_, ANY_HOUR, History(open_call_until=until_)), Allow)


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        ([row(ANNA, contact_id="7"), row(BEN, contact_id="7")], 1),
        ([row(ANNA, **{"Person ID": "7"}), row(BEN, **{"Person ID": " 7 "})], 1),
        ([row(ANNA, **{"Customer-Id": "ab"}), row(BEN, **{"Customer-Id": "AB"})], 1),
        ([row(ANNA, ExternalId="x"), row(BEN, ExternalId="x")], 1),
        ([row(ANNA, person_id="1", contact_id="9"), row(BEN, person_id="2", contact_id="9")], 0),
        ([row(ANNA, contact_id="7"), row(BEN, contact_id="8")], 0),
        ([row(ANNA, contact_id=""), row(BEN, contact_id="")], 0),
        ([row(ANNA, contact_id="0"), row(BEN, contact_id="0")], 0),
        ([row(ANNA, contact_id="N/A"), row(BEN, contact_id="n/a")], 0),
        ([row(ANNA, name="Anna"), row(BEN, name="Anna")], 0),
        ([row(ANNA, email="a@b.example"), row(BEN, email="a@b.example")], 0),
        ([row(ANNA, contact_id="7"), row(BEN, customer_id="7")], 0),
        ([row(lead.phone, external_id="import-1") for lead in many_people(9)], 0),
    ],
)
def test_only_an_id_of_the_person_makes_two_numbers_one_person(rows: list[Lead], groups: int) -> None:
    assert len(linked(rows)) == groups


def test_the_default_is_in_every_policy_and_can_be_turned_off() -> None:
    assert CallingPolicy().other_campaigns == OtherCampaigns(min_gap_hours=24, max_calls=4, per_days=30)
    assert isinstance(decide(LONDON, NOON, replace_others(ANY_HOUR, OFF), called(0, 1, 2, 3)), Allow)
    assert replace(History(), other_calls=()) == History()
