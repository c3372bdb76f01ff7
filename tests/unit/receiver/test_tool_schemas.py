"""Tools as they are registered: their schemas, what cannot be one, and where an agent's tools differ."""

import threading
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import Field

from flireo_flows.api.agents import read_agent
from flireo_flows.api.tools import FunctionConfig
from flireo_flows.receiver import Receiver


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver("sqlite:///never-opened.db", [])


def test_a_schema_is_fit_for_a_tool_template(receiver: Receiver) -> None:
    @receiver.tool("book_table")
    def book_table(
        day: Annotated[date, Field(description="The day, YYYY-MM-DD.")],
        size: Size,
        notes: list[str] | None = None,
    ) -> str:
        """Book a table
        for a day.

        More that the model need not know.
        """
        return "booked"

    config = receiver.tool_schemas()["book_table"]
    assert config == {
        "name": "book_table",
        "description": "Book a table for a day.",
        "parameters": {
            "$defs": {"Size": {"enum": ["small", "large"], "title": "Size", "type": "string"}},
            "additionalProperties": False,
            "properties": {
                "day": {"description": "The day, YYYY-MM-DD.", "format": "date", "type": "string"},
                "size": {"$ref": "#/$defs/Size"},
                "notes": {
                    "anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}],
                    "default": None,
                },
            },
            "required": ["day", "size"],
            "type": "object",
        },
    }
    assert FunctionConfig.model_validate(config).name == "book_table"
    assert receiver.mismatches([FunctionConfig.model_validate(config)]) == []


def test_what_cannot_be_a_tool_is_refused_when_it_is_registered(receiver: Receiver) -> None:
    def several(*words: str) -> None: ...
    def by_place(word: str, /) -> None: ...
    def of_no_json(thing: threading.Lock) -> None: ...

    for function, reported in ((several, "'words' cannot be given by its name"), (by_place, "'word' cannot be given"),
                           (of_no_json, "an annotation has no JSON form")):  # fmt: skip
        with pytest.raises(TypeError, match=reported):
            receiver.tool("tool")(function)
    receiver.tool("tool")(lambda: 1)
    with pytest.raises(ValueError, match="a function of that name already"):
        receiver.tool("tool")(lambda: 2)
    for name in ("9lives", "with space", "x" * 65):
        with pytest.raises(ValueError, match="a name has letters"):
            receiver.tool(name)(lambda: 1)


def test_where_an_agent_and_the_functions_disagree_is_reported(receiver: Receiver) -> None:
    @receiver.tool("find")
    def find(query: str, limit: int = 5) -> str:
        return ""

    @receiver.tool("book")
    def book(day: date, people: int) -> str:
        return ""

    @receiver.tool("forgotten_by_the_agent")
    def alone() -> str:
        return ""

    def described(name: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
        parameters = {"type": "object", "properties": properties, "required": required}
        return {"name": name, "description": "d", "parameters": parameters}

    text, number = {"type": "string"}, {"type": "number"}
    tools = [
        described("find", {"query": text, "limit": number, "colour": text}, ["query"]),
        {"type": "function", "function": described("book", {"people": {"type": "integer"}}, [])},
        described("open_results_of", {}, []),
        {**described("of_another_system", {}, []), "url": "https://crm.example.com/hook"},
        {"type": "endCall"},
    ]
    agent = read_agent(
        {"agent": {"id": "a", "name": "A", "llm_config": {"provider": "openai", "tools": tools}}}
    )
    assert receiver.mismatches(agent) == [
        "tool 'find': the agent may send the argument 'colour', which the function does not take",
        "tool 'find': the argument 'limit' is integer for the function and number for the agent",
        "tool 'book': the function needs the argument 'day', which the agent does not know",
        "tool 'book': the function needs the argument 'people', which the agent may leave out",
        "tool 'open_results_of': no function is registered for it, so each call of it fails",
        "tool 'forgotten_by_the_agent': the agent does not know it, so it is never called",
    ]
