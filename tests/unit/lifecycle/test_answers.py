"""A no is learnt from the analysis in the languages that agents speak; what is neither yes nor no is held back."""

import json
from typing import Any

import pytest

from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy import AnalysisRule, CallingPolicy, opt_out_of
from tests.support.calling.policies import do_not_call_cause

DEFAULT = CallingPolicy()
OWN = CallingPolicy(do_not_call_keys=[AnalysisRule(key="wants_no_calls")])
YES = [
    *(
        "ja",
        "Ja",
        "JA ",
        "JA!",
        "oui",
        "sí",
        "si",
        "sim",
        "Yes.",
        "yes",
        "Y",
        "true",
        "True",
        "wahr",
        "vrai",
        "waar",
    ),
    *(
        "yes, please remove me",
        "Ja, bitte nicht mehr anrufen",
        "oui, ne rappelez plus",
        "Yes - he was angry",
        "ja hoor",
    ),
    *(
        True,
        1,
        1.0,
        "1",
        "1.0",
        {"value": True},
        {"value": "ja", "confidence": 0.9},
        {"answer": "oui"},
        [True],
        ["ja"],
    ),
    *(["no", "yes"], [{"value": True}], "do not call again", "niet meer bellen", "opted out", ("yes",)),
]
YES += [
    "tak",
    "Tak, proszę",
    "ano",
    "igen",
    "kyllä",
    "joo",
    "da",
    "да",
    "evet",
    "ναι",
    "はい",
    "네",
    "是",
    "نعم",
]
YES += ["हाँ", "ya", "vâng", "ouais", "jep", "✓", "x"]
NO = [
    *(
        "no",
        "No.",
        "nee",
        "Nee hoor",
        "nein",
        "NEIN",
        "non",
        "não",
        "no, thank you",
        "false",
        "falsch",
        "faux",
        "0",
        "n",
    ),
    *(False, 0, 0.0, {"value": False}, [False], ["nee"], "nein danke", "nee, dank je wel"),
]
NO += ["nej", "nei", "ei", "nem", "нет", "hayır", "いいえ", "아니요", "不是", "لا", "नहीं", "tidak", "không"]
NOT_ANSWERED: list[Any] = [None, "", "  ", [], {}, {"value": None}, [None], [""]]
UNCLEAR = [
    *(
        "maybe",
        "nie",  # no in Polish, never in German
        "perhaps later",
        "often",
        "unknown",
        "n/a",
        "yes/no",
        "ja und nein",
        "misschien",
        "?",
        "2",
        2,
        0.5,
        "-",
    ),
    *(
        "no, but he said he would complain",
        "no, do not call me again",
        {"confidence": 0.9},
        {"value": "unclear"},
        ["maybe"],
        "only on weekdays",
    ),
]


def source(policy: CallingPolicy, analysis: Any, end_reason: str = "") -> str:
    lesson = opt_out_of(policy, Outcome.ANSWERED, analysis, end_reason)
    return lesson.source if lesson else ""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *((answer, "analysis") for answer in YES),
        *((answer, "") for answer in [*NO, *NOT_ANSWERED]),
        *((answer, "unclear") for answer in UNCLEAR),
    ],
    ids=repr,
)
def test_an_answer_is_a_yes_a_no_or_unclear(answer: Any, expected: str) -> None:
    assert source(OWN, {"wants_no_calls": answer}) == expected
    assert source(DEFAULT, {"wants_no_calls": answer}) == expected
    assert source(DEFAULT, {"contact": {"wantsNoCalls": answer}}) == expected
    assert bool(do_not_call_cause(OWN, Outcome.ANSWERED, {"wants_no_calls": answer})) == (
        expected == "analysis"
    )


@pytest.mark.parametrize(
    "key",
    [
        *(
            "do_not_call",
            "doNotCall",
            "DoNotCall",
            "Do not call",
            "do-not-call",
            "DNC",
            "dnc",
            "dnc_requested",
            "dncRequest",
        ),
        *(
            "opt_out",
            "optOut",
            "opted_out",
            "callerOptedOut",
            "customer_opted_out",
            "is_opted_out",
            "wants_to_opt_out",
        ),
        *(
            "wants_no_calls",
            "wantsNoMoreCalls",
            "no_more_calls",
            "caller_wants_no_calls",
            "stop_calling",
            "unsubscribe",
        ),
        *(
            "remove_from_list",
            "removeFromList",
            "remove_me",
            "do_not_contact",
            "niet_bellen",
            "bel_niet_meer",
        ),
        *(
            "keine_anrufe",
            "nicht_mehr_anrufen",
            "ne_plus_appeler",
            "ne_pas_appeler",
            "no_llamar",
            "opt_out_requested",
        ),
    ],
)
@pytest.mark.parametrize("wrap", ["{}", '{{"contact": {}}}', '{{"answers": [{}]}}'])
def test_the_usual_names_are_learnt_from_without_being_named(key: str, wrap: str) -> None:
    def wrapped(answer: str) -> Any:
        return json.loads(wrap.replace("{{", "{").replace("}}", "}").replace("{}", json.dumps({key: answer})))

    assert source(DEFAULT, wrapped("ja")) == "analysis"
    assert source(DEFAULT, wrapped("nee")) == ""
    assert source(DEFAULT, wrapped("wie weet")) == "unclear"
    off = CallingPolicy(do_not_call_keys=[])
    assert source(off, wrapped("ja")) == source(off, wrapped("wie weet")) == ""


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        ({"can_call_again": False}, "analysis"),
        ({"may_we_call_again": False}, "analysis"),
        ({"consent_to_call_again": "nein"}, "analysis"),
        ({"ok_to_call": "nie"}, "analysis"),
        ({"asked_not_to_call": True}, "analysis"),
        ({"remove_from_call_list": "ja"}, "analysis"),
        ({"addToDoNotCallList": "oui"}, "analysis"),
        ({"asked_to_stop_calling": 1}, "analysis"),
        ({"nie_dzwonic": "tak"}, "analysis"),
        ({"consent_revoked": "sí"}, "analysis"),
        ({"call_opt_out": "who knows"}, "unclear"),
        ({"request": "Please never call me again."}, "analysis"),
        ({"wens": "haal me van de lijst"}, "analysis"),
        ({"customer_request": "wants to be removed"}, "analysis"),
        ({"disposition": "Möchte nicht mehr angerufen werden"}, "analysis"),
        ({"outcome": "ne souhaite plus être contacté"}, "analysis"),
        ({"status": "nie dzwonić"}, "analysis"),
        ({"tags": ["blacklist"]}, "analysis"),
        ({"consent_to_recording": False}, ""),
        ({"agreed_to_call": False}, ""),
        ({"accepts_call": "no"}, ""),
        ({"no_calls_yet": True}, ""),
        ({"no_calls_before": "yes"}, ""),
        ({"consent": False}, ""),
        ({"opted_out_of_email": True}, ""),
        ({"may_we_call_again": True}, ""),
        ({"reached": "could not be called"}, ""),
        ({"may_call_again": "nee"}, "analysis"),
        ({"can_call_again": True}, ""),
        ({"can_call_again": "ja"}, ""),
        ({"can_call_again": "maybe"}, "unclear"),
        ({"do_not_call": "no"}, ""),
        ({"wants_callback": False}, ""),
        ({"interested": "no"}, ""),
        ({"opt_out_reason": "none given"}, ""),
        ({"call_again": False}, ""),
        ({"outcome": "do_not_call"}, "analysis"),
        ({"disposition": "DNC"}, "analysis"),
        ({"callOutcome": "Opted out"}, "analysis"),
        ({"tags": ["angry", "do not call"]}, "analysis"),
        ({"result": {"status": "niet meer bellen"}}, "analysis"),
        ({"disposition": "not opted out"}, ""),
        ({"disposition": "no answer"}, ""),
        ({"outcome": "opted out of email"}, ""),
        ({"summary": "He asked what do not call means."}, ""),
        (["do_not_call"], ""),
        (None, ""),
    ],
)
def test_false_friends_are_not_taken_for_a_plain_no(analysis: Any, expected: str) -> None:
    assert source(DEFAULT, analysis) == expected


@pytest.mark.parametrize(
    ("end_reason", "learnt"),
    [
        *(
            (it, True)
            for it in ("user_requested_dnc", "do_not_call", "Do-Not-Call", "customer-opted-out", "opt_out")
        ),
        *((it, True) for it in ("dnc", "remove_from_list", "caller requested removal, do not call")),
        *(
            (it, False)
            for it in ("", "user_hangup", "no_answer", "silence_timeout", "assistant_ended_call", "busy")
        ),
        *(
            (it, False)
            for it in ("not_opted_out", "dnc_check_passed", "customer-did-not-answer", "call_completed")
        ),
    ],
)
def test_an_end_reason_that_asks_for_no_calls_is_learnt(end_reason: str, learnt: bool) -> None:
    assert source(DEFAULT, None, end_reason) == ("outcome" if learnt else "")
    assert source(CallingPolicy(do_not_call_words=False), None, end_reason) == ""
