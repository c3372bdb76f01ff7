"""Ten thousand reports over a bad road: dropped, doubled, late, forged and replayed. The truth remains, once each."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.ledger import AttemptBook, Database, Inbox, Views
from flireo_flows.ledger.schema import attempts, inbox, leads, outbox
from flireo_flows.lifecycle.states import AttemptState, LeadState
from tests.support.calling.bad_line import BadLine, bad_line
from tests.support.calling.campaign import Campaign
from tests.support.calling.incoming import ANALYSED
from tests.support.receiver.relay import receiver, signed

CALLS = 10_000
SECRET = "whsec_of_the_agent"
AT_ONCE = 24  # requests under way


@dataclass(frozen=True)
class Sent:
    """One request to the receiver, and what it has to answer."""

    body: bytes
    headers: dict[str, str]
    expects: int


@dataclass
class Road:
    """What becomes of each report on its way; drawn once, so that a failure can be repeated."""

    at_once: list[Sent] = field(default_factory=list)
    late: list[Sent] = field(default_factory=list)
    fates: Counter[str] = field(default_factory=Counter)


def phone(n: int) -> str:
    return f"+3120123{n:04d}"  # no subscriber has these


def truth(n: int) -> dict[str, Any]:
    return {
        "summary": f"What was said in call {n}.",
        "analysis": {"number_of_call": f"no. {n}", "booked": n % 3 == 0},
    }


def report(n: int, **changes: Any) -> bytes:
    call = {"id": f"call-{n}", "type": "outboundPhoneCall", "status": "ended"}
    talk = [{"role": "assistant", "content": "Hello?"}, {"role": "user", "content": f"Hello {n}."}]
    reported = {**truth(n), "durationSeconds": 60 + n % 7, "messages": talk, **changes}
    message = {"type": "end-of-call-report", "timestamp": datetime.now(UTC).isoformat(), "call": call}
    return json.dumps({"message": {**message, "customer": {"number": phone(n)}, **reported}}).encode()


def sent(body: bytes, age: float = 0.0, secret: str = SECRET, expects: int = 200) -> Sent:
    headers = {"Content-Type": "application/json", **signed(secret, body, age)}
    return Sent(body, headers, expects)


def lay_out(seed: int) -> Road:
    """10 % dropped, 10 % doubled, 10 % late; beside them 5 % forged and 5 % replayed ones."""
    draw, road = random.Random(seed), Road()
    for n in range(CALLS):
        fate = draw.choices(["sound", "dropped", "doubled", "late"], [70, 10, 10, 10])[0]
        road.fates[fate] += 1
        true = sent(report(n))
        if fate == "late":
            road.late.append(true)
        elif fate != "dropped":
            road.at_once += [true] * (2 if fate == "doubled" else 1)
        if draw.random() < 0.05:
            road.fates["forged"] += 1
            lie = report(n, summary="They gave us all their money.", analysis={"booked": "forged"})
            road.at_once.append(sent(lie, secret="whsec_guessed", expects=401))
        if draw.random() < 0.05 and fate != "dropped":
            road.fates["replayed"] += 1
            old = draw.random() < 0.5  # overheard long ago, or just now
            road.late.append(sent(true.body, age=600, expects=401) if old else true)
    draw.shuffle(road.at_once)
    draw.shuffle(road.late)
    return road


async def deliver(url: str, deliveries: list[Sent]) -> Counter[bool]:
    """Send them, some at once. Returns how many were answered as they should be."""
    right: Counter[bool] = Counter()
    left = iter(deliveries)
    port = int(url.rpartition(":")[2])

    async def send() -> None:
        # By hand, for a client of ten thousand requests would take most of the time.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for it in left:
            headers = {"Host": "127.0.0.1", **it.headers, "Content-Length": str(len(it.body))}
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"POST /webhooks/flireo HTTP/1.1\r\n{head}\r\n".encode() + it.body)
            reported = (await reader.readuntil(b"\r\n\r\n")).decode()
            await reader.readexactly(
                int(reported.lower().partition("content-length: ")[2].partition("\r\n")[0])
            )
            right[int(reported.split()[1]) == it.expects] += 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    return right


async def placed(campaign: Campaign) -> AttemptBook:
    """Everyone was called, and the call ids came back."""
    now = campaign.database.now()
    people = [
        {"campaign": campaign.name, "phone": phone(n), "batch": "b", "state": LeadState.CALLING, "tries": 1}
        for n in range(CALLS)
    ]
    async with campaign.database.write() as db:
        await db.execute(insert(leads), people)
        ids = {row.phone: row.id for row in await db.execute(select(leads.c.id, leads.c.phone))}
        same = {
            "campaign": campaign.name,
            "number": 1,
            "state": AttemptState.PLACED,
            "runner": "r",
            "began_at": now,
        }
        called = [
            {**same, "lead_id": ids[phone(n)], "phone": phone(n), "call_id": f"call-{n}"}
            for n in range(CALLS)
        ]
        await db.execute(insert(attempts), called)
    return await campaign.runner()


def listed(line: BadLine) -> None:
    """The same calls as the list shows them."""
    now = datetime.now(UTC).isoformat()
    for n in range(CALLS):
        reported = truth(n)
        line.place(
            phone(n),
            id=f"call-{n}",
            status="ended",
            started_at=now,
            ended_at=now,
            duration_seconds=60 + n % 7,
            summary=reported["summary"],
            analysis_result=reported["analysis"],
        )


async def hear_all(database: Database, campaign: Campaign) -> None:
    """Read the inbox to its end."""
    while (await Inbox(database).apply(campaign.name, campaign.policy, ANALYSED))[0]:
        pass


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_ten_thousand_reports_over_a_bad_road_leave_the_truth_once_each(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    road = lay_out(seed=5)
    assert min(road.fates.values()) > 300, road.fates
    async with await Database.open(url) as database:
        with bad_line() as line, receiver(url, SECRET) as hooks:
            campaign = Campaign(database, line.url)
            await placed(campaign)
            assert await deliver(hooks, road.at_once) == {True: len(road.at_once)}
            await hear_all(database, campaign)
            # What did not come by webhook is in the list, before the late ones come.
            listed(line)
            async with AsyncFlireoClient(campaign.account) as client:
                await campaign.collector(client).poll()
            assert await deliver(hooks, road.late) == {True: len(road.late)}
            await hear_all(database, campaign)
        results = {result.phone: result for result in await Views(database).results(campaign.name)}
        wrong = [n for n in range(CALLS) if not _is_true(n, results[phone(n)])]
        assert not wrong, (len(wrong), results[phone(wrong[0])])
        async with database.read() as db:
            reported = select(outbox.c.event, func.count()).group_by(outbox.c.event)
            assert {event: count for event, count in await db.execute(reported)} == {
                "flireo.call.ended": CALLS
            }
            by_list = select(func.count()).where(attempts.c.channel == "list")
            missing = road.fates["dropped"] + road.fates["late"]
            assert (await db.execute(by_list)).scalar_one() == missing
            kept = select(func.count()).select_from(inbox)
            assert (await db.execute(kept)).scalar_one() == CALLS - road.fates["dropped"]
            assert not (await db.execute(kept.where(inbox.c.state != "applied"))).scalar_one()


def _is_true(n: int, result: Any) -> bool:
    reported = truth(n)
    return (result.state, result.outcome, result.summary, result.analysis, result.attempts) == (
        "done",
        "answered",
        reported["summary"],
        reported["analysis"],
        1,
    )
