"""The table that says what a finished call means: the default one, and rules of one's own before it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flireo_flows.lifecycle import outcomes as module
from flireo_flows.lifecycle.outcomes import (
    AnalysisAnswer,
    FinishedCall,
    Outcome,
    OutcomeRule,
    default_rules,
    default_text,
    outcome_of,
)
from flireo_flows.policy import CallingPolicy

MACHINE = FinishedCall(
    status="ended", talked=True, turns=2, first_heard="You reached the voicemail of Ben. Leave a message."
)


# What the table replaced: rules in Python, as they were. No input of theirs may mean anything else now, but where
# the words deny what they name, and where something was declined in a talk.

NOT_HANDED_ON = (
    "no transfer",
    "not transfer",
    "transfer not",
    "transfer declined",
    "transfer reject",
    "transfer error",
    "transfer timeout",
)
NO_MACHINE = (
    "no voicemail",
    "no voice mail",
    "no answering machine",
    "not voicemail",
    "not voice mail",
    "not answering machine",
)


REFERENCE: tuple[tuple[Outcome, Callable[[FinishedCall], bool]], ...] = (
    (
        Outcome.TRANSFERRED,
        lambda it: it.status == "transferred" or (says(it, "transfer") and not says(it, *NOT_HANDED_ON)),
    ),
    (
        Outcome.VOICEMAIL,
        lambda it: (
            (says(it, "voicemail", "voice mail", "answering machine") and not says(it, *NO_MACHINE))
            or it.summary.lower().startswith("voicemail detected")
        ),
    ),
    (
        Outcome.REJECTED,
        lambda it: it.status == "rejected" or (not it.talked and says(it, "reject", "declined")),
    ),
    (Outcome.BUSY, lambda it: not it.talked and says(it, "busy")),
    (
        Outcome.NO_ANSWER,
        lambda it: not it.talked and says(it, "no answer", "not answered", "unanswered", "timeout"),
    ),
    (Outcome.FAILED, lambda it: it.status in ("failed", "ended-with-error", "insufficient-credits")),
    (Outcome.ANSWERED, lambda it: it.talked),
    (Outcome.NO_ANSWER, lambda it: it.status == "ended"),
)


def says(it: FinishedCall, *words: str) -> bool:
    reported = f"{it.end_reason} {it.error}".lower().replace("-", " ").replace("_", " ")
    return any(word in reported for word in words)


def as_it_was(ending: FinishedCall) -> Outcome:
    return next((outcome for outcome, fits in REFERENCE if fits(ending)), Outcome.UNKNOWN)


STATUSES = (
    *(
        "ended",
        "failed",
        "ended-with-error",
        "rejected",
        "transferred",
        "insufficient-credits",
        "in-progress",
    ),
    *("", "Ended", "ended_with_error", "a-status-of-tomorrow"),
)
WORDS = (
    *("voice", "mail", "voicemail", "answering", "machine", "no", "not", "answer", "answered", "unanswered"),
    *(
        "busy",
        "transfer",
        "transferred",
        "reject",
        "rejected",
        "declined",
        "timeout",
        "silence",
        "user",
        "hangup",
    ),
    *("486", "VoiceMail", "BUSY", "No Answer", "error"),
)
SAID = (
    *(
        "voicemail",
        "leave a message",
        "Leave  a\nmessage",
        "after the beep",
        "spreek een bericht in",
        "unavailable",
    ),
    *("Hello", "this is Anna", "mailbox", "niet bereikbaar", "ik ben niet thuis"),
)


def phrases(words: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Texts of these words, spelled in whichever way; now and then any text."""
    joined = st.tuples(
        st.lists(st.sampled_from(words), max_size=4), st.sampled_from([" ", "-", "_", "  ", ""])
    )
    return st.one_of(st.just(""), joined.map(lambda it: it[1].join(it[0])), st.text(max_size=20))


endings = st.builds(
    FinishedCall,
    status=st.one_of(st.sampled_from(STATUSES), st.text(max_size=10)),
    end_reason=phrases(WORDS),
    error=phrases(WORDS),
    summary=st.one_of(
        phrases(
            ("Voicemail detected", "VOICEMAIL", "detected", "Anna said:", "voicemail detected.", "offer")
        ),
    ),
    talked=st.booleans(),
    duration_seconds=st.one_of(st.none(), st.integers(-5, 4000)),
    turns=st.integers(0, 6),
    first_heard=phrases(SAID),
    analysis=st.one_of(st.none(), st.dictionaries(phrases(WORDS), phrases(WORDS), max_size=2)),
).map(lambda it: replace(it, talked=it.talked or it.turns > 0))  # a transcript is one sign of a talk


@given(endings)
@example(FinishedCall(end_reason="voice", error="mail"))  # the two are read as one text, as they were
@settings(max_examples=1500)
def test_no_call_means_anything_else_than_before_but_a_machine_that_only_its_greeting_gives_away(
    ending: FinishedCall,
) -> None:
    before, now = as_it_was(ending), outcome_of(ending)
    event(f"{before} -> {now}")
    if now is before:
        return
    assert (before, now) == (Outcome.ANSWERED, Outcome.VOICEMAIL)
    assert ending.status == "ended" and not ending.end_reason.strip() and 1 <= ending.turns <= 3
    assert outcome_of(replace(ending, first_heard="")) is Outcome.ANSWERED  # so that is what told


@given(endings)
@settings(max_examples=500)
def test_without_a_transcript_no_call_means_anything_else_than_before(ending: FinishedCall) -> None:
    silent = replace(ending, turns=0, first_heard="")
    assert outcome_of(silent) is as_it_was(silent)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Outcome.VOICEMAIL),
        ({"turns": 1}, Outcome.VOICEMAIL),
        ({"turns": 3}, Outcome.VOICEMAIL),
        ({"first_heard": "Spreek een bericht in na de piep."}, Outcome.VOICEMAIL),
        ({"first_heard": "Please leave a\nmessage"}, Outcome.VOICEMAIL),
        ({"first_heard": "The person you are calling is unavailable."}, Outcome.VOICEMAIL),
        # A conversation is none, whatever words fell in it.
        ({"turns": 4}, Outcome.ANSWERED),
        ({"turns": 3, "first_heard": "Anna is unavailable, this is Ben."}, Outcome.ANSWERED),
        ({"first_heard": "Hello, Anna speaking."}, Outcome.ANSWERED),
        ({"first_heard": ""}, Outcome.ANSWERED),
        # An end reason tells more.
        ({"end_reason": "user_hangup"}, Outcome.ANSWERED),
        ({"end_reason": "something of tomorrow"}, Outcome.ANSWERED),
        ({"status": "failed"}, Outcome.FAILED),
    ],
    ids=str,
)
def test_a_greeting_gives_a_machine_away(changes: dict[str, Any], outcome: Outcome) -> None:
    assert outcome_of(replace(MACHINE, **changes)) is outcome


# The file.


def test_the_default_table_is_dated_and_shows_where_each_rule_comes_from() -> None:
    text = default_text()
    dated = re.search(r"^# As of: (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert dated and date.fromisoformat(dated[1])
    rules = text.partition("\noutcomes:\n")[2]
    paragraphs = [part for part in rules.split("\n\n") if part.strip()]
    assert all(re.search(r"\b(9\.4|9\.5|17\.3)\b", part) for part in paragraphs)
    assert len(default_rules()) == rules.count("- outcome:")
    assert Path(module.__file__).with_name("outcomes.yaml").read_text(encoding="utf-8") == text


def test_the_default_table_can_be_copied_into_a_policy_and_means_the_same_there() -> None:
    policy = CallingPolicy.model_validate(yaml.safe_load(default_text()))
    assert tuple(policy.outcomes) == default_rules()
    assert CallingPolicy.model_validate_json(policy.model_dump_json()) == policy
    assert not any(rule.is_catch_all for rule in default_rules())


def test_every_outcome_but_unknown_has_a_rule() -> None:
    assert {rule.outcome for rule in default_rules()} == set(Outcome) - {Outcome.UNKNOWN}


# Each condition.

TALK = FinishedCall(
    status="ended",
    end_reason="user_hangup",
    error="Line-noise (48)",
    summary="Anna wants an offer.",
    talked=True,
    duration_seconds=12,
    turns=5,
    first_heard="Hello, it’s  Anna's\nphone.",
    analysis={"reached": False, "who": ["Ben", "Carla"], "wishes": {"again": "Yes"}, "a.b": 3},
)


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({}, True),
        ({"status": ["ended"]}, True),
        ({"status": ["failed", "ended"]}, True),
        ({"status": ["Ended"]}, False),
        ({"status": ["end"]}, False),
        ({"says": ["user hangup"]}, True),
        ({"says": ["USER-HANGUP"]}, True),
        ({"says": ["busy", "line_noise"]}, True),
        ({"says": ["hangup line"]}, True),
        ({"says": [48]}, True),
        ({"says": ["busy"]}, False),
        ({"end_reason": ["User Hangup"]}, True),
        ({"end_reason": ["noise"]}, False),
        ({"error": ["line noise"]}, True),
        ({"error": ["hangup"]}, False),
        ({"no_end_reason": True}, False),
        ({"no_end_reason": False}, True),
        ({"talked": True}, True),
        ({"talked": False}, False),
        ({"min_duration_seconds": 12}, True),
        ({"min_duration_seconds": 13}, False),
        ({"max_duration_seconds": 12}, True),
        ({"max_duration_seconds": 11}, False),
        ({"min_duration_seconds": 12, "max_duration_seconds": 12}, True),
        ({"summary_begins": ["ANNA WANTS"]}, True),
        ({"summary_begins": ["offer", "Anna"]}, True),
        ({"summary_begins": ["wants"]}, False),
        ({"heard": ["anna's phone"]}, True),
        ({"heard": ["it's anna"]}, True),
        ({"heard": ["ben", "hello"]}, True),
        ({"heard": ["offer"]}, False),
        ({"most_messages": 5}, True),
        ({"says_not": ["transfer failed"]}, True),
        ({"says": ["hangup"], "says_not": ["USER-hangup"]}, False),
        ({"most_messages": 4}, False),
        ({"analysis": [{"key": "reached", "equals": False}]}, True),
        ({"analysis": [{"key": "reached", "equals": "FALSE"}]}, True),
        ({"analysis": [{"key": "reached"}]}, False),
        ({"analysis": [{"key": "who", "equals": "carla"}]}, True),
        ({"analysis": [{"key": "wishes.again", "equals": "yes"}]}, True),
        ({"analysis": [{"key": "a.b", "equals": 3}]}, True),
        ({"analysis": [{"key": "nothing"}, {"key": "who", "equals": "Ben"}]}, True),
        ({"analysis": [{"key": "nothing", "equals": ""}]}, False),
        # All that are given must hold.
        ({"status": ["ended"], "talked": True, "says": ["hangup"]}, True),
        ({"status": ["ended"], "talked": False, "says": ["hangup"]}, False),
    ],
    ids=str,
)
def test_a_condition_holds_or_does_not(condition: dict[str, Any], fits: bool) -> None:
    rule = OutcomeRule.model_validate({"outcome": "rejected", **condition})
    assert rule.fits(TALK) is fits
    assert (outcome_of(TALK, [rule]) is Outcome.REJECTED) is fits


@pytest.mark.parametrize(
    "condition",
    [
        {"min_duration_seconds": 0},
        {"max_duration_seconds": 99},
        {"most_messages": 9},
        {"heard": ["a"]},
        {"summary_begins": ["a"]},
        {"analysis": [AnalysisAnswer(key="reached", equals="")]},
        {"end_reason": ["a"]},
        {"says": ["a"]},
        {"status": ["a"]},
    ],
    ids=str,
)
def test_what_is_not_known_fits_no_condition(condition: dict[str, Any]) -> None:
    assert not OutcomeRule(outcome=Outcome.REJECTED, **condition).fits(FinishedCall())


def test_the_first_rule_that_fits_decides_and_own_rules_come_first() -> None:
    first = OutcomeRule(outcome=Outcome.REJECTED, says=["user hangup"])
    second = OutcomeRule(outcome=Outcome.FAILED, talked=True)
    assert outcome_of(TALK) is Outcome.ANSWERED
    assert outcome_of(TALK, [first, second]) is Outcome.REJECTED
    assert outcome_of(TALK, [second, first]) is Outcome.FAILED
    catch_all = OutcomeRule(outcome=Outcome.UNKNOWN)
    assert catch_all.is_catch_all and not first.is_catch_all
    assert outcome_of(TALK, [catch_all, first]) is Outcome.UNKNOWN
    assert not OutcomeRule(outcome=Outcome.UNKNOWN, talked=False).is_catch_all
    assert OutcomeRule(outcome=Outcome.UNKNOWN, says=[], talked=None).is_catch_all


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({}, "outcome: Field required"),
        ({"outcome": "buzy"}, "outcome: Input should be 'answered'"),
        ({"outcome": "busy", "max_duration": 3}, "max_duration: Extra inputs"),
        ({"outcome": "busy", "says": "busy"}, "says: Input should be a valid list"),
        ({"outcome": "busy", "says": [""]}, "says.0: Value error, a phrase needs a letter"),
        ({"outcome": "busy", "heard": [" _-"]}, "heard.0: Value error, a phrase needs a letter"),
        ({"outcome": "busy", "heard": [False]}, "heard.0: Input should be a valid string"),
        ({"outcome": "busy", "status": [""]}, "status.0: String should have at least 1 character"),
        ({"outcome": "busy", "most_messages": 0}, "most_messages: Input should be greater"),
        ({"outcome": "busy", "min_duration_seconds": -1}, "min_duration_seconds: Input should be greater"),
        (
            {"outcome": "busy", "min_duration_seconds": 9, "max_duration_seconds": 3},
            ": Value error, min_duration_seconds (9) is more than max_duration_seconds (3)",
        ),
        (
            {"outcome": "busy", "no_end_reason": True, "end_reason": ["a"]},
            ": Value error, no_end_reason and end_reason cannot both hold",
        ),
        ({"outcome": "busy", "analysis": [{"equals": "a"}]}, "analysis.0.key: Field required"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_meant_is_refused_by_field(rule: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        OutcomeRule.model_validate(rule)
    (reported,) = refused.value.errors()
    assert f"{'.'.join(map(str, reported['loc']))}: {reported['msg']}".startswith(says)
