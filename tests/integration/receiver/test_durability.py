"""What was answered 2xx is in the ledger: with several processes, with a ledger that fails, and after SIGKILL."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from flireo_flows.ledger import Database, Inbox, LedgerError
from flireo_flows.ledger.inbox import Delivery, read_delivery
from flireo_flows.lifecycle.states import InboxReason
from flireo_flows.prefect_support.local_server import free_port
from flireo_flows.receiver.storage import NotStoredError, Storage
from tests.support.calling.incoming import report
from tests.support.postgres import Postgres
from tests.support.receiver.relay import inbox_of, post, receiver, signed
from tests.support.sandbox.running import until

SECRET = "whsec_durable"
HANDS = 8  # senders at the same time


class Process:
    """A real `flireo-flows webhooks`."""

    def __init__(self, ledger_url: str, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"webhooks-{self.port}.txt"
        command = [sys.executable, "-m", "flireo_flows.cli", "webhooks", "--port", str(self.port)]
        env = {**os.environ, "FLIREO_WEBHOOK_SECRET": SECRET, "FLIREO_LEDGER_URL": ledger_url}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, env=env, stdout=out, stderr=out)

    def until_it_answers(self) -> None:
        until(self._answers, 240)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/health", trust_env=False).is_success
        except httpx.HTTPError:
            return False


@contextmanager
def running(ledger_url: str, folder: Path) -> Iterator[Process]:
    process = Process(ledger_url, folder)
    try:
        process.until_it_answers()
        yield process
    finally:
        process.process.kill()
        process.process.wait()


class Senders:
    """Many that send distinct reports as fast as they are answered, until no one answers any more."""

    def __init__(self, url: str) -> None:
        self.acknowledged: set[str] = set()
        self._url = url
        self._threads = [threading.Thread(target=self._send, args=(hand,)) for hand in range(HANDS)]
        for thread in self._threads:
            thread.start()

    def _send(self, hand: int) -> None:
        number = 0
        with httpx.Client(trust_env=False, timeout=60) as http:
            while True:
                call_id = f"call-{hand}-{number}"
                number += 1
                body = report(call_id)
                try:
                    answer = http.post(
                        f"{self._url}/webhooks/flireo", content=body, headers=signed(SECRET, body)
                    )
                except httpx.HTTPError:
                    return
                if answer.is_success:
                    self.acknowledged.add(call_id)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()


def test_what_was_answered_before_a_sigkill_is_in_the_ledger(ledger_url: str, tmp_path: Path) -> None:
    with running(ledger_url, tmp_path) as server:
        senders = Senders(server.url)
        until(lambda: len(senders.acknowledged) >= 300, 240)
        server.process.send_signal(signal.SIGKILL)
        senders.join()
    kept = {row.call_id for row in inbox_of(ledger_url)}
    assert len(senders.acknowledged) >= 300
    assert senders.acknowledged <= kept


def test_a_server_that_stops_answers_what_it_began(ledger_url: str, tmp_path: Path) -> None:
    with running(ledger_url, tmp_path) as server:
        senders = Senders(server.url)
        until(lambda: len(senders.acknowledged) >= 100, 240)
        server.process.send_signal(signal.SIGTERM)
        senders.join()
        assert server.process.wait(60) in (0, -signal.SIGTERM)
    assert senders.acknowledged <= {row.call_id for row in inbox_of(ledger_url)}
    assert "Traceback" not in server.log.read_text()


def test_two_processes_keep_the_same_report_once_and_each_its_own(ledger_url: str, tmp_path: Path) -> None:
    same = [report(f"call-both-{number}") for number in range(60)]
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        servers = [stack.enter_context(running(ledger_url, tmp_path)) for _ in range(2)]

        def send(server: Process, name: str, bodies: list[bytes]) -> None:
            own = [report(f"call-{name}-{number}") for number in range(60)]
            with httpx.Client(trust_env=False, timeout=60) as http:
                for pair in zip(bodies, own, strict=True):
                    for body in pair:
                        address = f"{server.url}/webhooks/flireo"
                        assert http.post(address, content=body, headers=signed(SECRET, body)).is_success

        # One in the other direction, so that they meet, and would wait for each other's rows.
        orders: list[tuple[Process, str, list[bytes]]] = [
            (servers[0], "a", same),
            (servers[1], "b", same[::-1]),
            (servers[0], "c", same[::-1]),
            (servers[1], "d", same),
        ]
        for sent in [pool.submit(send, *order) for order in orders]:
            sent.result()
    deliveries = {row.call_id: row.deliveries for row in inbox_of(ledger_url)}
    assert len(deliveries) == 60 + 4 * 60
    assert all(count == (4 if "both" in call_id else 1) for call_id, count in deliveries.items())


@pytest.mark.postgres
def test_a_store_that_is_down_is_answered_503_and_taken_again_when_it_is_back(
    postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    body, late = report("call-1"), report("call-2")
    with receiver(postgres_url, SECRET) as url:
        assert post(url, body, signed(SECRET, body)).status_code == 200
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        answer = post(url, late, signed(SECRET, late))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_stored")
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 503
        metrics = httpx.get(f"{url}/metrics", trust_env=False)
        assert metrics.is_success and "flireo_inbox_rows{" not in metrics.text
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert post(url, late, signed(SECRET, late)).status_code == 200
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
    assert [row.call_id for row in inbox_of(postgres_url)] == ["call-1", "call-2"]


# The storage itself


def deliveries(count: int) -> list[Delivery]:
    return [read_delivery(report(f"call-{number}"), "", time.time()) for number in range(count)]


async def test_deliveries_that_come_together_share_a_commit(ledger_url: str) -> None:
    commits: list[float] = []
    storage = Storage(ledger_url, 60, commits.append)
    came = deliveries(150)
    reported = await asyncio.gather(*(storage.store(delivery) for delivery in came + came))
    assert [delivered.is_new for delivered in reported] == [True] * 150 + [False] * 150
    assert len(commits) <= 3
    await storage.close(60)
    assert {row.deliveries for row in inbox_of(ledger_url)} == {2}


async def test_a_request_that_is_given_up_takes_no_one_else_with_it(ledger_url: str) -> None:
    storage = Storage(ledger_url, 60, lambda seconds: None)
    tasks = [asyncio.create_task(storage.store(delivery)) for delivery in deliveries(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    reported = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in reported] == [True, False] * 10
    await storage.close(60)
    assert len(inbox_of(ledger_url)) == 20


async def test_one_that_the_database_refuses_does_not_cost_the_others(ledger_url: str) -> None:
    storage = Storage(ledger_url, 60, lambda seconds: None)
    good = deliveries(5)
    bad = Delivery(b"{}", "no-digest-1", None, "no_such_state", InboxReason.NONE, "", "", 0.0)  # type: ignore[arg-type]
    reported = await asyncio.gather(*(storage.store(one) for one in [*good, bad]), return_exceptions=True)
    assert [isinstance(one, NotStoredError) for one in reported] == [False] * 5 + [True]
    await storage.close(60)
    assert len(inbox_of(ledger_url)) == 5


async def test_a_ledger_that_is_held_up_for_long_is_answered_in_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    storage = Storage(url, 0.2, lambda seconds: None)
    async with await Database.open(url) as other, other.write():
        with pytest.raises(NotStoredError):
            await storage.store(deliveries(1)[0])
    await storage.close(60)
    # It was not known to be kept, and is: the sender may send it again, and it counts once.
    assert len(inbox_of(url)) == 1


async def test_a_ledger_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.write_text("no folder")
    storage = Storage(f"sqlite:///{folder / 'ledger.db'}", 60, lambda seconds: None)
    reported = await asyncio.gather(*(storage.store(one) for one in deliveries(3)), return_exceptions=True)
    assert [type(one) for one in reported] == [NotStoredError] * 3
    with pytest.raises(LedgerError):
        await storage.database()
    folder.unlink()
    assert (await storage.store(deliveries(1)[0])).is_new
    await storage.close(60)


async def test_of_several_rows_of_any_number_each_is_kept(local_inbox: Inbox) -> None:
    for count in (1, 2, 3, 7, 130, 200):
        reported = await local_inbox.store_all(
            [read_delivery(json.dumps([count, number]).encode(), "", 0.0) for number in range(count)]
        )
        assert [delivered.is_new for delivered in reported] == [True] * count


@pytest.fixture
async def local_inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with await Database.open(f"sqlite:///{tmp_path / 'ledger.db'}") as database:
        yield Inbox(database)
