"""Tools and analyses that are kept for later agents."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.api.analysis_templates import (
    AnalysisTemplateChanges,
    NewAnalysisTemplate,
    create_analysis_template,
    get_analysis_template,
    list_analysis_templates,
    update_analysis_template,
)
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Operation
from flireo_flows.api.tool_templates import (
    NewToolTemplate,
    ToolTemplateChanges,
    create_tool_template,
    get_tool_template,
    list_tool_templates,
    update_tool_template,
)
from flireo_flows.api.tools import (
    EndCallTool,
    FunctionConfig,
    PlainConfig,
)
from tests.support.api.speaking import ANNA
from tests.support.api.templates import FIND, HAND_OVER, SCHEMA
from tests.support.api.written_bodies import written

FIND_BODY = {"name": "find", "description": "Find a tenant", "parameters": SCHEMA, "async": True}
HAND_OVER_BODY = {"destinations": [{"type": "number", "number": ANNA, "description": "Sales"}]}


@pytest.mark.parametrize(
    ("kind", "config", "flireo", "later"),
    [
        (
            "function",
            FIND,
            ("function", {**FIND_BODY, "asyncResponse": "One moment."}),
            ("function", {**FIND_BODY, "async_response": "One moment."}),
        ),
        ("endCall", PlainConfig(), ("endCall", {}), ("end_call", {})),
        ("end_call", PlainConfig(), ("endCall", {}), ("end_call", {})),
        ("transferCall", HAND_OVER, ("transferCall", HAND_OVER_BODY), ("transfer_call", HAND_OVER_BODY)),
        ("transfer_call", HAND_OVER, ("transferCall", HAND_OVER_BODY), ("transfer_call", HAND_OVER_BODY)),
    ],
)
def test_a_tool_template_is_written_as_the_dialect_has_it(
    kind: str, config: Any, flireo: tuple[str, Any], later: tuple[str, Any]
) -> None:
    for given_as in (config, config.as_body(Dialect.FLIREO), config.as_body(Dialect.HMSOVEREIGN)):
        template = NewToolTemplate(name="A tool", tool_type=kind, tool_config=given_as, description="For us")
        bodies = written(create_tool_template(template), "ToolTemplateCreate")
        for body, (kind_written, config_written) in zip(bodies, (flireo, later), strict=True):
            assert body == {
                "name": "A tool",
                "description": "For us",
                "tool_type": kind_written,
                "tool_config": config_written,
            }
        changes = ToolTemplateChanges(tool_config=given_as)
        bodies = written(update_tool_template("t", changes), "ToolTemplateUpdate")
        assert [body["tool_config"] for body in bodies] == [flireo[1], later[1]]


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"description": None}, {"description": None}),
        ({"name": "Find"}, {"name": "Find"}),
        ({"tool_type": "endCall", "tool_config": {}}, {"tool_type": "endCall", "tool_config": {}}),
    ],
)
def test_a_change_of_a_tool_template_sends_only_what_is_set(changes: Any, body: dict[str, Any]) -> None:
    assert written(update_tool_template("t", changes), "ToolTemplateUpdate")[0] == body


def test_a_type_that_is_not_known_here_is_sent_as_it_is() -> None:
    template: Any = {"name": "Keys", "tool_type": "dtmf", "tool_config": {"digits": "12"}}
    operation = create_tool_template(template)
    assert operation.sends.writes(Dialect.HMSOVEREIGN) == template


@pytest.mark.parametrize(
    ("template", "param"),
    [
        ({"tool_type": "endCall", "tool_config": {}}, "template.name"),
        ({"name": "", "tool_type": "endCall", "tool_config": {}}, "template.name"),
        ({"name": "F", "tool_type": "function"}, "template.tool_config"),
        (
            {"name": "F", "tool_type": "function", "tool_config": {"name": "f", "parameters": {}}},
            "template.tool_config.description",
        ),
        (
            {"name": "F", "tool_type": "function", "tool_config": {"name": "f", "description": "d"}},
            "template.tool_config.parameters",
        ),
        (
            {"name": "F", "tool_type": "transfer_call", "tool_config": {}},
            "template.tool_config.destinations",
        ),
        (
            {
                "name": "F",
                "tool_type": "transferCall",
                "tool_config": {"destinations": [{"number": "0612345678", "description": "d"}]},
            },
            "template.tool_config.destinations.0.number",
        ),
        ({"name": "F", "tool_type": "function", "tool_config": HAND_OVER}, "template.tool_config"),
        ({"name": "F", "tool_type": "endCall", "tool_config": EndCallTool()}, "template.tool_config"),
        ({"name": "F", "tool_type": "endCall", "tool_config": "none"}, "template.tool_config"),
    ],
)
def test_a_tool_template_that_cannot_be_right_names_the_field(template: Any, param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_tool_template(template)
    assert refused.value.param is not None
    assert refused.value.param == param or refused.value.param.startswith(f"{param}.")
    assert "0612345678" not in repr(refused.value) and ANNA not in repr(refused.value)


def test_an_analysis_template_is_written_alike_in_both_dialects() -> None:
    whole = NewAnalysisTemplate(
        name="Mood",
        data_schema=SCHEMA,
        description="For us",
        system_prompt="Read it.",
        user_prompt="{{transcript}}",
    )
    body = {
        "name": "Mood",
        "schema": SCHEMA,
        "description": "For us",
        "system_prompt": "Read it.",
        "user_prompt": "{{transcript}}",
    }
    assert written(create_analysis_template(whole), "AnalysisTemplateCreate") == (body, body)
    least: Any = {"name": "Mood", "schema": SCHEMA}
    operation = create_analysis_template(least)
    assert written(operation, "AnalysisTemplateCreate") == (least, least)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(min_size=1),
        "description": st.none() | st.text(),
        "system_prompt": st.text(),
        "user_prompt": st.text(),
        "schema": st.just(SCHEMA),
    },
)


@settings(deadline=None)
@given(FIELDS.filter(bool))
def test_a_change_of_an_analysis_template_sends_exactly_what_is_set(fields: dict[str, Any]) -> None:
    operation = update_analysis_template("t", AnalysisTemplateChanges(**fields))
    assert written(operation, "AnalysisTemplateUpdate") == (fields, fields)


@pytest.mark.parametrize(
    ("template", "param"),
    [
        ({"name": "Mood"}, "template.schema"),
        ({"name": "Mood", "schema": None}, "template.schema"),
        ({"name": "Mood", "schema": ["phone"]}, "template.schema"),
        ({"name": "", "schema": {}}, "template.name"),
    ],
)
def test_an_analysis_template_that_cannot_be_right_names_the_field(template: Any, param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_analysis_template(template)
    assert refused.value.param == param


TOOL = {"id": "t", "name": "Find", "tool_type": "function", "tool_config": {"name": "find", "url": 5}}
ANALYSIS = {"id": "t", "name": "Mood", "schema": SCHEMA}
READERS: list[tuple[Callable[[], Operation[Any]], dict[str, Any], str, str]] = [
    (lambda: get_tool_template("t"), TOOL, "toolTemplate", "tool_template"),
    (lambda: get_analysis_template("t"), ANALYSIS, "analysisTemplate", "analysis_template"),
]
LISTS: list[tuple[Callable[[], Operation[Any]], dict[str, Any], str, str]] = [
    (list_tool_templates, TOOL, "toolTemplates", "tool_templates"),
    (list_analysis_templates, ANALYSIS, "analysisTemplates", "analysis_templates"),
]


@pytest.mark.parametrize(("make", "thing", "camel", "snake"), READERS)
def test_a_template_is_read_from_every_envelope_and_from_none(
    make: Callable[[], Operation[Any]], thing: dict[str, Any], camel: str, snake: str
) -> None:
    reads = make().reads
    assert reads({camel: thing}) == reads({snake: thing}) == reads(thing)
    assert reads(thing).id == "t"


@pytest.mark.parametrize(("make", "thing", "camel", "snake"), LISTS)
def test_a_list_of_templates_is_read_from_every_envelope_and_from_none(
    make: Callable[[], Operation[Any]], thing: dict[str, Any], camel: str, snake: str
) -> None:
    reads = make().reads
    assert [one.id for one in reads({camel: [thing]})] == ["t"]
    assert reads({camel: [thing]}) == reads({snake: [thing]}) == reads([thing])
    assert reads({snake: []}) == []


@pytest.mark.parametrize(
    ("fields", "kind", "config"),
    [
        (
            {"tool_type": "function", "tool_config": {**FIND_BODY, "asyncResponse": "One moment."}},
            "function",
            FIND,
        ),
        (
            {"tool_type": "function", "tool_config": {**FIND_BODY, "async_response": "One moment."}},
            "function",
            FIND,
        ),
        ({"tool_type": "transferCall", "tool_config": HAND_OVER_BODY}, "transferCall", HAND_OVER),
        ({"tool_type": "transfer_call", "tool_config": HAND_OVER_BODY}, "transferCall", HAND_OVER),
        ({"tool_type": "end_call", "tool_config": {}}, "endCall", PlainConfig()),
        ({"tool_type": "endCall", "tool_config": None}, "endCall", None),
        ({"tool_type": "endCall"}, "endCall", None),
        ({"tool_type": "endCall", "tool_config": "odd"}, "endCall", None),
        ({"tool_type": "dtmf", "tool_config": {"digits": "12"}}, "dtmf", PlainConfig(digits="12")),
        ({"tool_type": 17, "tool_config": HAND_OVER_BODY}, "", HAND_OVER),
    ],
)
def test_a_tool_template_is_read_by_its_type_in_either_spelling(
    fields: dict[str, Any], kind: str, config: object
) -> None:
    read = get_tool_template("t").reads({"toolTemplate": {"id": "t", "name": "A tool", **fields}})
    assert (read.name, read.tool_type, read.tool_config) == ("A tool", kind, config)


def test_an_odd_setting_does_not_cost_the_rest_of_a_template() -> None:
    read = get_tool_template("t").reads(TOOL)
    assert read.tool_config == FunctionConfig(name="find", description="", parameters={})
    assert get_analysis_template("t").reads({**ANALYSIS, "schema": "none"}).name == "Mood"
    assert get_analysis_template("t").reads(ANALYSIS).data_schema == SCHEMA
