"""Servers that must not outlive who started them, even if that is killed.

A child holds the reading end of a pipe. When its parent is gone, however it went, the pipe ends, and the
child stops itself. That works on every system, needs no rights, and leaves nothing behind.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import httpx

T = TypeVar("T")
CHILD: Final = "FLIREO_FLOWS_CHILD"
STOP_SECONDS: Final = 8.0  # a server's time to close before it is killed


class ChildError(Exception):
    """A server that we started did not come up. Names which, and the end of what it printed."""


def exit_with_parent() -> None:
    """In a child: stop this process when its parent is gone. Does nothing in a process that has no such parent."""
    if os.environ.pop(CHILD, None):
        threading.Thread(target=_watch, daemon=True).start()


def until_exit(context: AbstractContextManager[T]) -> T:
    """Enter a context that is left when the process ends.

    Prefect sends its last logs and events while the interpreter shuts down, before ordinary exit handlers
    run; a server that stopped earlier would cost a minute of waiting and those logs.
    """
    value = context.__enter__()
    _AT_EXIT.callback(_leave, context)
    return value


def _leave(context: AbstractContextManager[object]) -> None:
    context.__exit__(None, None, None)


_AT_EXIT: Final = ExitStack()
atexit.register(_AT_EXIT.close)


@contextmanager
def child_server(
    name: str, arguments: list[str], health: str, seconds: float, log: Path, **env: str
) -> Iterator[None]:
    """Run `python -m ARGUMENTS` until the block ends.

    Args:
        name: What to call it in an error.
        arguments: Module and arguments.
        health: URL that answers 200 once it is up.
        seconds: How long it may take to come up.
        log: File for what it prints.
        env: Added to the environment.

    Raises:
        ChildError: It ended, or did not come up in time.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own modules
            # -P: a file of the user's folder, types.py say, must not stand in for a module.
            [sys.executable, "-P", "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            env={**os.environ, **env, CHILD: "1"},
            start_new_session=True,  # Ctrl-C is for us; we stop it when we are done
        )
    try:
        _wait(process, name, health, seconds, log)
        yield
    finally:
        _stop(process)


def _wait(process: "subprocess.Popen[bytes]", name: str, health: str, seconds: float, log: Path) -> None:
    end = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=2.0) as http:
        while time.monotonic() < end:
            if process.poll() is not None:
                raise ChildError(f"{name} ended at its start: {_tail(log)}")
            try:
                if http.get(health).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass  # not listening yet
            time.sleep(0.1)
    raise ChildError(f"{name} did not answer within {seconds:g} seconds: {_tail(log)}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-3:]) or "it printed nothing"


def _watch() -> None:
    sys.stdin.buffer.read()  # returns when the parent's end of the pipe is closed
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)
