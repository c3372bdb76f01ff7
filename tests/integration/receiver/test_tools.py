"""Tools: registered by name, checked by their annotations, answered in time and in the case that was received."""

import asyncio
import dataclasses
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field

from flireo_flows.receiver import Receiver, ToolContext, ToolError
from flireo_flows.receiver.function_call import THREADS
from flireo_flows.receiver.logs import JsonFormatter
from tests.support.calling.incoming import webhook
from tests.support.receiver.relay import inbox_of, post, served, signed
from tests.support.sandbox.running import ANNA, until

SECRET = "whsec_tools"
PRIVATE = "Jan de Vries, +442079460001"


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Contact(BaseModel):
    name: str
    born: date
    worth: Decimal


@dataclasses.dataclass
class Order:
    sizes: list[Size]
    note: str | None = None


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def receiver(ledger: str) -> Receiver:
    return Receiver(ledger, [SECRET], tool_seconds=60)


@pytest.fixture
def url(receiver: Receiver) -> Iterator[str]:
    with served(receiver.app) as running:
        yield running


def call(name: str, arguments: Any, identity: str = "tool-1") -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def ask(url: str, *calls: dict[str, Any], key: str = "toolCallList", **more: Any) -> list[dict[str, Any]]:
    """Have tools called. Returns the results."""
    asked: dict[str, Any] = {key: list(calls), **more}
    body = webhook("tool-calls", call_type="outboundPhoneCall", status="in-progress", **asked)
    answer = post(url, body, signed(SECRET, body, event="tool-calls"))
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_sync_and_async_functions_answer_each_call_of_a_request(receiver: Receiver, url: str) -> None:
    where: list[str] = []

    @receiver.tool("find")
    async def find(query: str) -> Contact:
        where.append(threading.current_thread().name)
        return Contact(name=query, born=date(1990, 1, 2), worth=Decimal("1.50"))

    @receiver.tool()
    def order(size: Size, count: int = 2) -> Order:
        where.append(threading.current_thread().name)
        return Order([size] * count)

    results = ask(url, call("find", {"query": "Jan"}), call("order", {"size": "small"}, "tool-2"))
    assert results == [
        {"toolCallId": "tool-1", "result": {"name": "Jan", "born": "1990-01-02", "worth": "1.50"}},
        {"toolCallId": "tool-2", "result": {"sizes": ["small", "small"], "note": None}},
    ]
    assert len(set(where)) == 2  # the sync one held up no one


@pytest.mark.parametrize(
    ("key", "kind", "spelled"),
    [
        ("toolCallList", "inboundPhoneCall", "toolCallId"),
        ("tool_call_list", "inbound_phone_call", "tool_call_id"),
    ],
)
def test_the_answer_has_the_case_of_the_question(
    receiver: Receiver, ledger: str, key: str, kind: str, spelled: str
) -> None:
    receiver.tool("echo")(lambda: "said")
    message = {"type": "tool-calls", "call": {"id": "call-1", "type": kind}, key: [call("echo", {})]}
    body = json.dumps({"message": message}).encode()
    with served(receiver.app) as url:
        answer = post(url, body, signed(SECRET, body))
        assert answer.json() == {"results": [{spelled: "tool-1", "result": "said"}]}
    assert [row.body for row in inbox_of(ledger)] == [body]  # kept before it was answered


def test_a_tool_gets_its_call_by_a_parameter_that_asks_for_it(receiver: Receiver, url: str) -> None:
    @receiver.tool("whose")
    def whose(context: ToolContext, word: str = "x") -> dict[str, Any]:
        return {**dataclasses.asdict(context), "word": word}

    (result,) = ask(url, call("whose", {"word": "y"}), assistant={"metadata": {"their": "own"}})
    assert result["result"] == {
        "call_id": "call-1",
        "tool_call_id": "tool-1",
        "tool": "whose",
        "customer_number": ANNA,
        "platform_number": "+31850835037",
        "metadata": {"their": "own"},
        "word": "y",
    }
    assert list(receiver.tool_schemas()["whose"]["parameters"]["properties"]) == ["word"]


def test_what_is_wrong_is_reported_to_the_model_by_call_and_field_without_the_value(
    receiver: Receiver, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "flireo_flows.receiver")

    @receiver.tool("book")
    async def book(day: date, people: Annotated[int, Field(ge=1)], size: Literal["a", "b"] = "a") -> str:
        raise AssertionError

    @receiver.tool("broken")
    def broken(query: str) -> str:
        raise RuntimeError(f"no row for {query}")

    @receiver.tool("closed")
    def closed() -> str:
        raise ToolError("The office is closed on Sundays.")

    @receiver.tool("circle")
    def circle() -> object:
        return object()

    results = ask(
        url,
        call("book", {"day": PRIVATE, "people": 0, "size": PRIVATE}, "1"),
        call("book", {"people": "2", "pets": PRIVATE}, "2"),
        call("broken", {"query": PRIVATE}, "3"),
        call("closed", {}, "4"),
        call("nothing_of_the_kind", {}, "5"),
        call("circle", {}, "6"),
        {"id": "7", "type": "function"},
        call("closed", json.dumps({"why": PRIVATE}), "8"),
    )
    assert [result["toolCallId"] for result in results] == list("12345678")
    assert all(result["result"] == {"error": result["error"]} for result in results)
    reported = [result["error"] for result in results]
    for part in ("argument 'day': Input should be a valid date", "argument 'people': Input should be greater",
                 "argument 'size': Input should be 'a' or 'b'"):  # fmt: skip
        assert part in reported[0]
    assert reported[1] == "argument 'day': it is required; argument 'pets': there is no such argument"
    assert reported[2:6] == [
        "the function failed",
        "The office is closed on Sundays.",
        "there is no function 'nothing_of_the_kind' here",
        "the function's result could not be sent",
    ]
    assert reported[6] == "there is no function '' here"
    assert reported[7] == "argument 'why': there is no such argument"  # arguments as text are read as well
    said = " ".join(record.getMessage() + str(vars(record)) for record in caplog.records)
    for private in ("Jan", "2079460001", ANNA, SECRET, "no row"):
        assert private not in " ".join(reported) + said
    metrics = httpx.get(f"{url}/metrics", trust_env=False).text
    for handler, outcome in (
        ("book", "invalid_arguments"),
        ("broken", "failed"),
        ("unknown", "unknown_tool"),
    ):
        labels = f'{{handler="tool:{handler}",outcome="{outcome}"}}'
        assert f"flireo_webhook_handler_seconds_count{labels} " in metrics


def test_the_log_has_the_names_of_a_functions_arguments_and_no_word_of_the_models(
    receiver: Receiver, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    @receiver.tool("save")
    def save(contacts: dict[str, int]) -> str:
        raise AssertionError

    first, second = ask(
        url, call("save", {"contacts": {PRIVATE: "x"}}, "1"), call("save", {PRIVATE: 1, "contacts": {}}, "2")
    )
    # The model sees its own words.
    assert "argument 'contacts.Jan" in first["error"] and "argument 'Jan" in second["error"]
    lines = [JsonFormatter().format(it) for it in caplog.records if it.getMessage() == "invalid arguments"]
    assert [json.loads(line)["fields"] for line in lines] == [["contacts"], ["<unknown>"]]


def test_who_is_too_slow_is_cut_off_and_the_others_are_answered(ledger: str) -> None:
    receiver = Receiver(ledger, [SECRET], tool_seconds=2)
    cancelled, stop = threading.Event(), threading.Event()

    @receiver.tool("sleeps")
    async def sleeps() -> str:
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()
        return "late"

    @receiver.tool("stubborn")
    async def stubborn() -> str:
        while not stop.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return "late"

    @receiver.tool("blocks")
    def blocks() -> str:
        stop.wait(60)
        return "late"

    receiver.tool("quick")(lambda: "in time")
    names = ("sleeps", "stubborn", "blocks", "quick")
    try:
        with served(receiver.app) as url:
            results = ask(url, *(call(name, {}, name) for name in names))
            assert [result.get("result") for result in results][3] == "in time"
            for result in results[:3]:
                assert "took too long and was cut off" in result["error"]
            assert cancelled.wait(60)
            metrics = httpx.get(f"{url}/metrics", trust_env=False).text
            for name in names[:3]:
                assert (
                    f'flireo_webhook_handler_seconds_count{{handler="tool:{name}",outcome="too_slow"}} 1.0'
                    in metrics
                )
            stop.set()
    finally:
        stop.set()


@pytest.mark.parametrize("end", [SystemExit(2), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_a_function_that_wants_to_end_the_process_ends_only_itself(
    receiver: Receiver, url: str, end: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    @receiver.tool("sync")
    def sync() -> str:
        raise end

    @receiver.tool("waiting")
    async def waiting() -> str:
        raise end

    results = ask(url, call("sync", {}, "1"), call("waiting", {}, "2"))
    assert [result["error"] for result in results] == ["the function failed"] * 2
    assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
    places = [vars(record)["file"] for record in caplog.records if "a tool failed" in record.getMessage()]
    assert places == [__file__] * 2


def test_what_a_function_gives_is_made_in_its_own_time_and_not_in_that_of_the_others(ledger: str) -> None:
    receiver, stop = Receiver(ledger, [SECRET], tool_seconds=2), threading.Event()

    @receiver.tool("rows")
    def rows() -> Any:
        return (stop.wait(600) or n for n in range(3))  # as a cursor gives them

    @receiver.tool("lazy")
    def lazy() -> Any:
        return (n for n in range(3))

    try:
        with served(receiver.app) as url:
            late, lazily = ask(url, call("rows", {}, "1"), call("lazy", {}, "2"))
            assert "took too long and was cut off" in late["error"]
            assert lazily["result"] == [0, 1, 2]
            stop.set()
    finally:
        stop.set()


def test_functions_that_hang_take_no_more_threads_than_there_are_and_the_next_is_refused_at_once(
    ledger: str,
) -> None:
    receiver, stop = Receiver(ledger, [SECRET], tool_seconds=5), threading.Event()
    hanging: list[threading.Thread] = []

    @receiver.tool("hang")
    def hang() -> str:
        hanging.append(threading.current_thread())
        stop.wait(600)
        return "at last"

    @receiver.tool("waiting")
    async def waiting() -> str:
        return "here"

    try:
        with served(receiver.app) as url:
            calls = [call("hang", {}, str(n)) for n in range(THREADS + 10)]
            results = ask(url, *calls)
            reported = Counter(result["error"].partition(";")[0] for result in results)
            assert reported == {
                "the function took too long and was cut off": THREADS,
                "too much is going on here": 10,
            }
            again, fine = ask(url, call("hang", {}, "1"), call("waiting", {}, "2"))
            assert again["error"] == "too much is going on here; the function was not called"
            assert fine["result"] == "here"
            assert (len(hanging), all(thread.daemon for thread in hanging)) == (THREADS, True)
            metrics = httpx.get(f"{url}/metrics", trust_env=False).text
            labels = '{handler="tool:hang",outcome="too_busy"}'
            assert f"flireo_webhook_handler_seconds_count{labels} 11.0" in metrics
            stop.set()
            until(lambda: not any(thread.is_alive() for thread in hanging), 60)
            assert ask(url, call("hang", {}))[0]["result"] == "at last"
    finally:
        stop.set()


def test_a_doubled_request_calls_nothing_again_and_gets_the_same_answer(receiver: Receiver, url: str) -> None:
    times: list[float] = []
    go = threading.Event()

    @receiver.tool("count")
    def count() -> int:
        times.append(time.monotonic())
        go.wait(60)
        return len(times)

    body = webhook("tool-calls", toolCallList=[call("count", {})])
    answers: list[Any] = []
    senders = [
        threading.Thread(target=lambda: answers.append(post(url, body, signed(SECRET, body)).json()))
        for _ in "12"
    ]
    for sender in senders:
        sender.start()
    until(lambda: "doubled" in httpx.get(f"{url}/health", trust_env=False).text or len(times) > 0, 60)
    go.set()
    for sender in senders:
        sender.join()
    assert post(url, body, signed(SECRET, body, age=5)).json() == answers[0] == answers[1]
    assert answers[0] == {"results": [{"toolCallId": "tool-1", "result": 1}]}


def test_no_figure_that_json_lacks_is_sent(receiver: Receiver, url: str) -> None:
    receiver.tool("ratio")(lambda: {"good": 0.5, "bad": float("nan"), "half": "\ud800"})
    assert ask(url, call("ratio", {}))[0]["toolCallId"] == "tool-1"


# In an app of one's own


def own_app(receiver: Receiver, how: str) -> FastAPI:
    app = FastAPI()
    if how == "included":
        app.include_router(receiver.router, prefix="/flireo")
    else:
        app.mount("/flireo", receiver.app)

    @app.get("/mine")
    async def mine() -> str:
        return "mine"

    return app


@pytest.mark.parametrize("how", ["included", "mounted"])
def test_a_receiver_works_within_an_app_of_ones_own(receiver: Receiver, ledger: str, how: str) -> None:
    receiver.tool("echo")(lambda: "said")
    body = webhook("tool-calls", toolCallList=[call("echo", {})])
    with served(own_app(receiver, how)) as url:
        assert httpx.get(f"{url}/mine", trust_env=False).json() == "mine"
        assert httpx.get(f"{url}/flireo/health", trust_env=False).json()["status"] == "ok"
        assert post(f"{url}/flireo", body, {}).status_code == 401
        assert (
            post(f"{url}/flireo", body, signed(SECRET, body), "reference").json()["results"][0]["result"]
            == "said"
        )
    assert [row.reference for row in inbox_of(ledger)] == ["reference"]
