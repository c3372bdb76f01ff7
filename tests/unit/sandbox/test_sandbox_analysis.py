"""Analyses fit their schema, whatever it is, and are the same each time."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flireo_flows.sandbox.call_content import analysis_of
from flireo_flows.sandbox.seeded_random import SeededRandom

ORDERED = {
    "type": "object",
    "properties": {
        "booked": {"type": "boolean"},
        "interest": {"enum": ["low", "medium", "high"]},
        "sentiment": {"type": "integer", "minimum": 1, "maximum": 10},
        "price": {"type": "number", "minimum": 0.5, "maximum": 2.5},
        "note": {"type": ["string", "null"]},
        "when": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        "person": {"type": "object", "properties": {"age": {"type": "integer", "exclusiveMinimum": 17}}},
        "kind": {"const": "call"},
        "reason": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Reason"}]},
    },
    "required": ["booked", "interest", "sentiment", "price", "when", "tags", "person", "kind", "reason"],
    "$defs": {"Reason": {"type": "string", "enum": ["moved", "price"]}},
}


@pytest.mark.parametrize("mood", [0, 0.3, 0.7, 1])
@pytest.mark.parametrize("call", range(5))
def test_an_analysis_fits_its_schema(mood: float, call: int) -> None:
    analysis = analysis_of(ORDERED, mood, SeededRandom(0), call)
    Draft202012Validator(ORDERED).validate(analysis)
    assert analysis == analysis_of(ORDERED, mood, SeededRandom(0), call)


def test_a_good_call_is_good_in_all_of_its_fields() -> None:
    good, bad = analysis_of(ORDERED, 1, SeededRandom(0), 1), analysis_of(ORDERED, 0, SeededRandom(0), 1)
    assert (good["booked"], good["interest"]) == (True, "high")
    assert (bad["booked"], bad["interest"]) == (False, "low")
    assert bad["sentiment"] < 5 < good["sentiment"]


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string"},
        {"type": "object", "properties": []},
        {
            "type": "object",
            "properties": {"a": None, "b": {"type": "unheard-of"}, "c": {"$ref": "#/nowhere"}},
        },
        {"type": "object", "properties": {"a": {"type": "array", "minItems": 10**9}}},
        {"type": "object", "properties": {"self": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": {"anyOf": True}, "b": {"type": "string", "format": []}}},
        {
            "type": "object",
            "properties": {"a": {"type": "integer", "minimum": float("nan"), "maximum": 10**400}},
        },
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}},
        },
    ],
)
def test_a_schema_that_makes_no_sense_still_gives_an_object(schema: dict[str, Any]) -> None:
    assert isinstance(analysis_of(schema, 0.5, SeededRandom(0)), dict)


def test_weights_are_kept_to_over_many_calls() -> None:
    dice, weights = SeededRandom(1), {"often": 3.0, "never": 0.0, "seldom": 1.0}
    drawn = [dice.weighted(weights, n) for n in range(2000)]
    assert 0.70 < drawn.count("often") / 2000 < 0.80
    assert "never" not in drawn
