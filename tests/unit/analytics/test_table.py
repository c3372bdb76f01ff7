"""One row a lead: which columns, in which order, of which type."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.analytics.results import results_table
from tests.support.analytics.people import NOT_RUNG, Person
from tests.support.analytics.strategies import ANALYSES, COLUMNS

HEADER = [
    *("phone", "name", "state", "outcome", "attempts", "call_id", "duration_seconds", "summary"),
    "reason",
]


def analysed(*analyses: Mapping[str, object] | None) -> pd.DataFrame:
    return results_table([Person(analysis=analysis) for analysis in analyses])


def test_no_leads_make_a_header_and_no_rows() -> None:
    table = results_table([])
    assert list(table.columns) == HEADER
    assert len(table) == 0


def test_the_columns_stand_in_the_agreed_order() -> None:
    person = Person(
        analysis={"wants": {"demo": True}, "budget": 5},
        columns={
            "phone": "06 1",
            "city": "Utrecht",
            "name": "x",
            "state": "UT",
            "analysis.budget": "low",
            "reason": "x",
        },
    )
    assert list(results_table([person]).columns) == [
        *HEADER[:-1],
        *("analysis.wants.demo", "analysis.budget"),
        *("city", "lead.state", "lead.analysis.budget", "lead.reason", "reason"),
    ]


def test_keys_come_in_order_of_first_appearance() -> None:
    table = analysed({"b": 1}, {"a": 1, "b": 2}, {"c": 1})
    assert [name for name in table.columns if name.startswith("analysis.")] == [
        "analysis.b",
        "analysis.a",
        "analysis.c",
    ]


@pytest.mark.parametrize(
    ("values", "dtype", "cells"),
    [
        pytest.param([True, None, False], "boolean", [True, pd.NA, False], id="booleans"),
        pytest.param([2**62 + 1, None], "Int64", [2**62 + 1, pd.NA], id="whole numbers"),
        pytest.param([1.5, None], "Float64", [1.5, pd.NA], id="fractions"),
        pytest.param([1, 2.5], "Float64", [1.0, 2.5], id="whole numbers and fractions"),
        pytest.param(
            [2**53 + 1, 0.5], "string", [str(2**53 + 1), "0.5"], id="too large for a fraction's column"
        ),
        pytest.param([2**63], "string", [str(2**63)], id="too large for 64 bits"),
        pytest.param([1, "1", True, None], "string", ["1", "1", "true", pd.NA], id="mixed"),
        pytest.param([True, 1], "string", ["true", "1"], id="a boolean is not a number"),
        pytest.param([float("nan"), 1.0], "string", ["NaN", "1.0"], id="not a number is not nothing"),
        pytest.param([["a", {"b": 1}]], "string", ['["a", {"b": 1}]'], id="lists"),
        pytest.param([{}], "string", ["{}"], id="an empty object"),
        pytest.param([None], "string", [pd.NA], id="nothing at all"),
        pytest.param(["\ud83d"], "string", ["\ufffd"], id="half a surrogate pair"),
    ],
)
def test_a_key_has_the_narrowest_type_that_keeps_its_values(
    values: list[object], dtype: str, cells: list[object]
) -> None:
    column = analysed(*({"key": value} for value in values))["analysis.key"]
    assert str(column.dtype) == dtype
    assert [str(cell) for cell in column] == [str(cell) for cell in cells]


def test_two_keys_that_flatten_to_one_name_are_both_kept() -> None:
    table = analysed({"a.b": 1, "a": {"b": 2}, "a.b (2)": 3}, {"a": {"b": 4}})
    assert table["analysis.a.b"].tolist() == [1, pd.NA]
    assert table["analysis.a.b (2)"].tolist() == [2, 4]
    assert table["analysis.a.b (2) (2)"].tolist() == [3, pd.NA]


def test_a_key_that_is_now_an_object_and_then_a_text_keeps_both() -> None:
    table = analysed({"plan": {"size": "S"}}, {"plan": "none"})
    assert table["analysis.plan.size"].tolist() == ["S", pd.NA]
    assert table["analysis.plan"].tolist() == [pd.NA, "none"]


def test_objects_nested_too_deep_stay_json_text() -> None:
    nested: object = 1
    for _ in range(10):
        nested = {"k": nested}
    (column,) = (name for name in analysed({"top": nested}).columns if name.startswith("analysis."))
    assert column == "analysis.top" + ".k" * 7


def test_leads_columns_are_text_and_keep_their_zeros() -> None:
    table = results_table([Person(columns={"postcode": "0123"}), Person(columns={"city": "Gent"})])
    assert table["postcode"].tolist() == ["0123", pd.NA]
    assert table["city"].tolist() == [pd.NA, "Gent"]


def test_a_lead_not_called_has_no_duration_and_a_reason() -> None:
    table = results_table([NOT_RUNG])
    assert table[["duration_seconds", "attempts", "reason"]].values.tolist() == [[pd.NA, 0, "outside_hours"]]


@given(st.lists(st.tuples(ANALYSES, COLUMNS), max_size=4))
def test_no_column_is_ever_lost_or_doubled(
    leads: list[tuple[Mapping[str, object] | None, Mapping[str, str]]],
) -> None:
    people = [Person(analysis=analysis, columns=columns) for analysis, columns in leads]
    table = results_table(people)
    assert table.columns.is_unique
    assert len(table) == len(people)
    own = {header for person in people for header in person.columns} - {"phone", "name"}
    with_analysis_only = results_table([replace(person, columns={}) for person in people])
    assert len(table.columns) == len(with_analysis_only.columns) + len(own)
