"""Who calls in: recognised from the ledger and greeted, or asked of a function; else the saved agent answers."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from flireo_flows.api.agent_config import AgentOverride, AnalysisPlan, LLMConfig
from flireo_flows.api.webhooks import AssistantRequest
from flireo_flows.leads import Lead
from flireo_flows.ledger import Database, Inbox, LeadBook
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.lifecycle.states import InboxReason
from flireo_flows.receiver import AssistantAnswer, KnownCaller, Receiver
from flireo_flows.script import ScriptError
from tests.support.calling.campaign import Campaign
from tests.support.calling.incoming import ANALYSED, report, webhook
from tests.support.receiver.relay import in_thread, inbox_of, post, served, signed
from tests.support.sandbox.running import ANNA, BEN, CARLA

SECRET = "whsec_assistant"
GREETING = "Hi {{ name | first_word }}, is it about your {{ product }}?"


@pytest.fixture
def ledger(ledger_url: str) -> str:
    """A ledger that knows Anna, and Ben without a product."""

    async def fill() -> None:
        async with await Database.open(ledger_url) as database:
            leads = [
                Lead(
                    ANNA, name="Anna Smith", columns={"product": "boiler"}, zones=("Europe/London",), line=2
                ),
                Lead(BEN, name="Ben", columns={"product": ""}, zones=("Europe/London",), line=3),
            ]
            await LeadBook(database.campaign("spring")).take_in(leads)

    in_thread(fill)
    return ledger_url


def change(ledger: str, what: Callable[[Database], Any]) -> None:
    async def do() -> None:
        async with await Database.open(ledger) as database:
            await what(database)

    in_thread(do)


def request(phone: str, snake: bool = False) -> bytes:
    if snake:
        call = {"id": "call-in", "type": "inbound_phone_call", "status": "ringing"}
        message = {"type": "assistant-request", "call": call, "customer": {"number": phone}}
        return json.dumps({"message": message}).encode()
    return webhook("assistant-request", "call-in", phone, "ringing", call_type="inboundPhoneCall")


def ask(url: str, phone: str = ANNA, snake: bool = False) -> Any:
    body = request(phone, snake)
    answer = post(url, body, signed(SECRET, body, event="assistant-request"))
    assert answer.status_code == 200, answer.text
    return answer.json()


def greeting(ledger: str) -> Receiver:
    receiver = Receiver(ledger, [SECRET], assistant_seconds=60)
    receiver.greet_callers(GREETING)
    return receiver


def test_a_lead_who_calls_in_is_greeted_by_name_in_the_case_of_the_question(ledger: str) -> None:
    words = "Hi Anna, is it about your boiler?"
    with served(greeting(ledger).app) as url:
        for written in (ANNA, ANNA.replace("+", "00"), ANNA.removeprefix("+")):
            assert ask(url, written) == {"assistant": {"firstMessage": words}}
        assert ask(url, snake=True) == {"assistant_override": {"first_message": words}}
    assert {(row.state, row.reason) for row in inbox_of(ledger)} == {("applied", InboxReason.ANSWERED)}


def test_callers_that_are_unknown_lack_a_variable_or_were_forgotten_get_the_saved_agent(ledger: str) -> None:
    with served(greeting(ledger).app) as url:
        for phone in (CARLA, BEN, "", "anonymous", "+0", "1" * 40):
            assert ask(url, phone) == {}
        change(ledger, lambda database: Suppressions(database).suppress([ANNA], "asked for it"))
        assert ask(url) == {}
        change(ledger, lambda database: forget(database, ANNA))
        assert ask(url) == {}
    assert ANNA.encode() not in b"".join(row.body for row in inbox_of(ledger)[-1:])


def test_a_function_is_given_what_the_ledger_knows(ledger: str) -> None:
    receiver = Receiver(ledger, [SECRET], assistant_seconds=60)
    seen: list[tuple[AssistantRequest, KnownCaller | None]] = []

    @receiver.assistant_request
    def answer(event: AssistantRequest, caller: KnownCaller | None) -> AssistantAnswer | None:
        seen.append((event, caller))
        if caller is None:
            return AssistantAnswer(refusal="We only talk to friends.")
        plan = AnalysisPlan(min_messages_threshold=3)
        override = AgentOverride(llm_config=LLMConfig(provider="openai"), analysis_plan=plan)
        return AssistantAnswer(
            first_message="Hello again.", max_duration_seconds=300, override=override, agent_id="agent-2",
            metadata={"lead": 1},
        )  # fmt: skip

    async def call_anna(database: Database) -> None:
        campaign = Campaign(database, name="spring")
        campaign.batch = await LeadBook(database.campaign("spring")).take_in(
            [Lead(ANNA, name="Anna Smith", zones=("UTC",))]
        )
        book = await campaign.runner()
        await campaign.placed(book)
        await Inbox(database).store(report("call-1", ANNA))
        await Inbox(database).apply("spring", campaign.policy, ANALYSED)

    change(ledger, call_anna)
    with served(receiver.app) as url:
        assert ask(url) == {
            "assistant": {
                "firstMessage": "Hello again.",
                "llm_config": {"provider": "openai"},
                "analysisPlan": {"minMessagesThreshold": 3},
            },
            "maxDurationSeconds": 300,
        }
        assert ask(url, snake=True) == {
            "assistant_id": "agent-2",
            "assistant_override": {
                "first_message": "Hello again.",
                "llm_config": {"provider": "openai"},
                "analysis_plan": {"min_messages_threshold": 3},
                "max_duration_seconds": 300,
            },
            "metadata": {"lead": 1},
        }
        assert ask(url, CARLA) == {"error": "We only talk to friends."}
    event, caller = seen[0]
    assert event.call_id == "call-in"
    assert caller is not None
    assert (caller.phone, caller.campaign, caller.outcome) == (ANNA, "spring", "answered")
    assert (caller.summary, caller.is_suppressed) == ("Anna wants an offer.", False)
    assert caller.called_at is not None
    assert ANNA not in repr(caller)


@pytest.mark.parametrize("given", [None, {}, {"assistant": {"firstMessage": "Hi."}}])
def test_a_function_may_be_async_and_give_a_mapping_or_nothing(ledger: str, given: Any) -> None:
    receiver = Receiver(ledger, [SECRET], assistant_seconds=60)

    @receiver.assistant_request
    async def answer(event: AssistantRequest, caller: KnownCaller | None) -> Any:
        return given

    with served(receiver.app) as url:
        assert ask(url) == (given or {})


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_no_figure_that_json_lacks_is_answered(ledger: str, figure: float) -> None:
    receiver = Receiver(ledger, [SECRET])

    @receiver.assistant_request
    async def answer(event: AssistantRequest, caller: KnownCaller | None) -> Any:
        return {"maxDurationSeconds": figure, "assistant": {"firstMessage": "Hi!"}}

    with served(receiver.app) as url:
        assert ask(url) == {"maxDurationSeconds": None, "assistant": {"firstMessage": "Hi!"}}


def test_who_is_too_slow_or_fails_is_cut_off_and_reported(tmp_path: Path) -> None:
    receiver = Receiver(f"sqlite:///{tmp_path / 'l.db'}", [SECRET], assistant_seconds=1)
    stop = threading.Event()

    @receiver.assistant_request
    def answer(event: AssistantRequest, caller: KnownCaller | None) -> Any:
        if event.customer_number == ANNA:
            stop.wait(60)
        if event.customer_number == BEN:
            raise RuntimeError(ANNA)
        return "no mapping"

    try:
        with served(receiver.app) as url:
            for phone in (ANNA, BEN, CARLA):
                assert ask(url, phone) == {}
            metrics = httpx.get(f"{url}/metrics", trust_env=False).text
            stop.set()
    finally:
        stop.set()
    labels = '{handler="assistant-request",outcome="%s"}'
    assert f"flireo_webhook_handler_seconds_count{labels % 'too_slow'} 1.0" in metrics
    assert f"flireo_webhook_handler_seconds_count{labels % 'failed'} 2.0" in metrics


def test_a_ledger_that_is_held_up_leaves_the_call_to_the_saved_agent(tmp_path: Path) -> None:
    receiver = Receiver(f"sqlite:///{tmp_path / 'l.db'}", [SECRET], assistant_seconds=1, store_seconds=1)
    receiver.greet_callers(GREETING)
    url_of_ledger = f"sqlite:///{tmp_path / 'l.db'}"
    held, go = threading.Event(), threading.Event()

    async def hold() -> None:
        async with await Database.open(url_of_ledger) as database, database.write():
            held.set()
            await asyncio.to_thread(go.wait, 60)

    with served(receiver.app) as url:
        assert ask(url) == {}
        holder = threading.Thread(target=lambda: asyncio.run(hold()))
        holder.start()
        try:
            assert held.wait(60)
            body = request(BEN)
            answer = post(url, body, signed(SECRET, body))
            # Not stored is never answered 2xx; on a refusal the saved agent answers, too (contract section 18.3).
            assert answer.status_code == 503
        finally:
            go.set()
            holder.join()


@contextmanager
def held(ledger: Path) -> Iterator[None]:
    """Another process writes to the ledger, for as long as the block takes."""
    other = sqlite3.connect(ledger, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.parametrize("kind", ["assistant-request", "tool-calls"])
@pytest.mark.parametrize("is_open", [True, False])
def test_a_sender_that_waits_is_answered_in_time_when_the_ledger_is_held_up(
    tmp_path: Path, kind: str, is_open: bool
) -> None:
    patient: dict[str, Any] = {"store_seconds": 3600, "assistant_seconds": 1, "tool_seconds": 1}
    receiver = Receiver(f"sqlite:///{tmp_path / 'l.db'}", [SECRET], **patient)
    app = FastAPI()
    app.mount("", receiver.app)  # so that the first delivery opens the ledger
    with served(app) as url:
        if is_open:
            reported = report()
            assert post(url, reported, signed(SECRET, reported)).status_code == 200
        body = webhook(kind, toolCallList=[])
        with held(tmp_path / "l.db"):
            answer = post(url, body, signed(SECRET, body))
        assert answer.status_code == 503
        assert answer.elapsed.total_seconds() < 20  # SQLite itself waits for half a minute


def test_a_template_that_is_none_is_refused_when_it_is_given(tmp_path: Path) -> None:
    receiver = Receiver(f"sqlite:///{tmp_path / 'l.db'}", [SECRET])
    with pytest.raises(ScriptError, match="first_message, line 1"):
        receiver.greet_callers("Hi {{ name")
    receiver.greet_callers("Hi!")
    with pytest.raises(ValueError, match="a function for it already"):
        receiver.greet_callers("Hello!")
