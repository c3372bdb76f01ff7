"""The dry run: what it says of each row, and that only what was planned is run."""

import asyncio
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flireo_flows.calling.dry_run import make_plan
from flireo_flows.calling.plan import PlanRequest, reasons_in_words
from flireo_flows.calling.saved_plan import (
    PlanDiffersError,
    PlanError,
    SavedPlan,
    only_planned,
    planned_leads,
    read_plan,
    save_plan,
)
from flireo_flows.leads import Lead, LeadBatch, Reject, RejectCode
from flireo_flows.ledger.past import Past, read_past
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import PoolNumber, Script, Variant
from tests.support.calling.campaign import ANNA, BEN, CARLA
from tests.support.calling.plans import MONDAY, THREE, lead_of, plan, wanted


def test_every_row_is_a_call_or_a_skip_with_its_reason() -> None:
    made = plan(
        *THREE,
        lead_of("+447700900004", "Dora", 5, city=""),
        lead_of("+447700900005", "Eva", 6, zones=()),
        rejects=(Reject(7, RejectCode.DUPLICATE, "The same number stands on line 2.", {}),),
    )
    assert [call.line for call in made.calls] == [2, 3, 4]
    anna = made.calls[0]
    assert anna.first_message == "Hi Anna from Leeds, this is an AI."
    assert (anna.choice.agent_id, anna.choice.number_id) == ("agent-1", "number-1")
    assert anna.when == "Mon 2027-03-01 12:00 Europe/London"
    assert [(skip.line, skip.rule) for skip in made.skipped] == [
        (5, "missing_variable"),
        (6, "zone_unknown"),
        (7, "duplicate"),
    ]
    assert made.reasons == {"missing_variable": 1, "zone_unknown": 1, "duplicate": 1}
    assert "1 missing variable (line 5), such as: first_message" in reasons_in_words(made)[0]
    assert "'city'" in made.skipped[0].words
    assert not any(lead.phone in repr(made) for lead in THREE)


def test_times_are_on_the_leads_own_clock_and_say_how_sure_that_is() -> None:
    made = plan(
        lead_of(ANNA, "Anna", 2, zones=("America/New_York", "America/Los_Angeles")),
        lead_of(BEN, "Ben", 3, zones=("Asia/Tokyo",), zone_source="column"),
    )
    anna, ben = made.calls
    # Nine in the morning in the west is noon in the east.
    assert anna.when == "Mon 2027-03-01 09:00 to 12:00 in its 2 zones"
    assert anna.confidence == "its number may be in any of 2 zones"
    assert ben.when == "Tue 2027-03-02 09:00 Asia/Tokyo"
    assert ben.confidence == "given in the file"
    assert any("several time zones" in warning for warning in made.warnings)


@pytest.mark.parametrize(
    ("greeting", "warned"),
    [
        ("Hi {{ name }}, Iris here.", True),
        ("Hi {{ name }}, Iris here, a virtual assistant.", False),
        ("Goedemiddag, u spreekt met de digitale assistent van de gemeente.", False),
        ("Hallo, hier spricht eine KI.", False),
        ("", True),
    ],
)
def test_it_warns_where_no_one_is_reported_that_an_ai_calls(greeting: str, warned: bool) -> None:
    said = " ".join(plan(*THREE, asked=wanted(Script(first_message=greeting))).warnings)
    assert ("AI Act, article 50" in said) is warned
    assert ("not legal advice" in said) is warned


def test_numbers_in_the_words_are_masked_where_they_are_shown() -> None:
    script = Script(first_message="This is an AI. Ring us back on {{ city }}.")
    made = plan(lead_of(ANNA, "Anna", 2, city=BEN), asked=wanted(script))
    assert made.calls[0].first_message == "This is an AI. Ring us back on +44********02."
    assert BEN not in SavedPlan.of(made).model_dump_json()


def test_equal_plans_have_equal_digests_whatever_the_hour_and_the_order() -> None:
    made = plan(*THREE)
    again = make_plan(
        LeadBatch((*THREE[1:], THREE[0]), (), ()), wanted(), Past(), MONDAY.replace(hour=20, day=6)
    )
    assert made.digest == again.digest
    assert made.calls[0].at != again.calls[0].at
    assert plan(*THREE[:2]).digest != made.digest


def test_a_saved_plan_is_the_owners_only_and_holds_no_full_number(tmp_path: Path) -> None:
    file = tmp_path / "plans" / "plan.json"
    save_plan(plan(*THREE, lead_of("+447700900004", "Dora", 5, city="")), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    text = file.read_text()
    assert not any(phone in text or phone[1:] in text for phone in (ANNA, BEN, CARLA, "+447700900004"))
    saved = read_plan(file)
    assert [call.first_message[:8] for call in saved.calls] == ["Hi Anna ", "Hi Ben f", "Hi Carla"]
    assert planned_leads(saved, THREE, wanted()) == THREE


OTHER_RULES = wanted(policy=CallingPolicy(max_attempts=2, calls_per_minute=3))
CHANGES: dict[str, tuple[Callable[[], tuple[Lead, ...]], PlanRequest, str]] = {
    "more people": (
        lambda: (*THREE, lead_of("+447700900004", "Dora", 9)),
        wanted(),
        r"The file holds 1 person \(line 9\) more\.",
    ),
    "fewer": (lambda: THREE[1:], wanted(), "The file holds 1 fewer of the planned people"),
    "a row": (
        lambda: (lead_of(ANNA, "Anna", 2, city="York"), *THREE[1:]),
        wanted(),
        r"The rows of 1 person \(line 2\) changed",
    ),
    "the words": (
        lambda: THREE,
        wanted(Script(first_message="Hello, this is an AI.")),
        r"What would be said to 3 people \(lines 2, 3, 4\), or who calls them, changed",
    ),
    "the number": (lambda: THREE, wanted(number="number-2"), "or who calls them, changed"),
    "the rules": (lambda: THREE, OTHER_RULES, r"The policy changed \(calls_per_minute, max_attempts\)"),
    "the campaign": (
        lambda: THREE,
        replace(wanted(), campaign="autumn"),
        "The plan is for the campaign 'spring', not for 'autumn'",
    ),
}


@pytest.mark.parametrize(("now", "asked", "said"), CHANGES.values(), ids=CHANGES)
def test_what_is_not_what_was_planned_is_refused_and_named(
    now: Callable[[], tuple[Lead, ...]], asked: PlanRequest, said: str
) -> None:
    saved = SavedPlan.of(plan(*THREE))
    with pytest.raises(PlanDiffersError, match=said) as refused:
        planned_leads(saved, now(), asked)
    assert "No one was called. Plan again" in str(refused.value)
    assert not any(phone in str(refused.value) for phone in (ANNA, BEN, CARLA))


def test_a_campaign_that_is_named_after_a_number_is_refused_without_it() -> None:
    saved = SavedPlan.of(plan(*THREE))
    with pytest.raises(PlanDiffersError, match=r"not for 'Ben \+44\*+02'"):
        planned_leads(saved, THREE, replace(wanted(), campaign=f"Ben {BEN}"))


def test_who_was_skipped_stays_out_and_who_was_forbidden_since_may_be_missing(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    save_plan(plan(*THREE, lead_of("+447700900004", "Dora", 5, city="")), file)
    dora = lead_of("+447700900004", "Dora", 5, city="Hull")  # mended since, but no one approved it
    batch = LeadBatch((*THREE, dora), (), ("name", "phone", "city"))
    assert only_planned(batch, file, wanted()).leads == THREE
    assert planned_leads(read_plan(file), (*THREE[:1], *THREE[2:], dora), wanted(), {BEN}) == (
        THREE[0],
        THREE[2],
    )
    with pytest.raises(PlanDiffersError, match="1 fewer"):
        planned_leads(read_plan(file), (*THREE[:1], *THREE[2:], dora), wanted(), {CARLA})


def test_variants_and_pools_are_planned_as_they_are_called() -> None:
    script = Script(
        variants=[Variant(name="a", first_message="A, an AI."), Variant(name="b", first_message="B, an AI.")],
        numbers=[PoolNumber(number_id="one"), PoolNumber(number_id="two")],
    )
    asked = wanted(script, number="")
    crowd = [lead_of(f"+447700900{n:03d}", f"P{n}", n + 2) for n in range(40)]
    made = plan(*crowd, asked=asked)
    assert {call.choice.variant for call in made.calls} == {"a", "b"}
    assert {call.choice.number_id for call in made.calls} == {"one", "two"}
    assert all(call.first_message[0] == call.choice.variant.upper() for call in made.calls)
    assert planned_leads(SavedPlan.of(made), crowd, asked) == tuple(crowd)


def _without_a_call(text: str) -> str:
    held = json.loads(text)
    held["calls"].pop()
    return json.dumps(held)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace('"Leeds', '"Hull')[:-40], "this is no saved plan"),
        (lambda text: "[]", "this is no saved plan"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "another version"),
        (
            lambda text: text.replace('"campaign": "spring"', '"campaign": "autumn"'),
            "changed after it was made",
        ),
        (_without_a_call, "changed after it was made"),
    ],
    ids=["cut", "a list", "newer", "another campaign", "a call less"],
)
def test_a_file_that_is_not_the_plan_that_was_saved_is_refused(
    tmp_path: Path, spoil: Callable[[str], str], said: str
) -> None:
    file = tmp_path / "plan.json"
    save_plan(plan(*THREE), file)
    file.write_text(spoil(file.read_text()))
    with pytest.raises(PlanError, match=said):
        read_plan(file)


def test_a_file_that_is_not_there_or_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="No such file"):
        read_plan(tmp_path / "none.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(PlanError, match="cannot be written"):
        save_plan(plan(*THREE), tmp_path / "file" / "plan.json")


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    ledger = tmp_path / "sub" / "ledger.db"
    assert asyncio.run(read_past(f"sqlite:///{ledger}", "spring", [ANNA], CallingPolicy())) == Past()
    assert not ledger.parent.exists()
