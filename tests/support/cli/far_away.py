"""A sandbox behind an address that does not look like this machine, and a terminal to be asked at."""

import asyncio
import contextlib
import os
import pty
import select
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.cli.shell import COMMAND, LONG, Shell

# The resolver takes it for 127.0.0.1; a reader takes it for a name.
HOST = "127.1"


def certificate(folder: Path) -> Path:
    """Key and self-signed certificate of `HOST`, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def encrypted(port: int, file: Path) -> Iterator[str]:
    """A base URL with TLS, in front of a server of this machine.

    Args:
        port: Of that server.
        file: See `certificate`.
    """
    loop = asyncio.new_event_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        target.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(relay, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"https://{HOST}:{server.sockets[0].getsockname()[1]}/api/v1"
    finally:
        server.close()
        loop.call_soon_threadsafe(_stop, loop)
        thread.join()
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    async def wind_down() -> None:
        tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        loop.stop()

    loop.create_task(wind_down())


@dataclass(frozen=True)
class Talk:
    """What a command and a person at a terminal wrote to each other."""

    status: int
    text: str


def at_terminal(shell: Shell, answer: bytes | None, *arguments: str, question: str = "[y/N]") -> Talk:
    """Run `flireo-flows ARGUMENTS` at a terminal, and type `answer` once it asks.

    Args:
        shell: The folder and environment.
        answer: Keys, such as `b"y\\n"`, `b"\\x03"` for Ctrl-C or `b"\\x04"` for the end of input; None hangs up.
        arguments: Of the command.
        question: By which it is known to ask; it may also end without.
    """
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [str(COMMAND), *arguments],
        cwd=shell.folder,
        env=shell._environment({}),
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - so that Ctrl-C typed here reaches it
    )
    os.close(inner)
    said, answered, end = b"", False, time.monotonic() + LONG
    while time.monotonic() < end:
        ready, _, _ = select.select([outer], [], [], 0.1)
        if ready:
            try:
                said += os.read(outer, 65_536)
            except OSError:  # it has ended
                break
        elif process.poll() is not None:
            break
        if not answered and question.encode() in said:
            answered = True
            if answer is None:
                break
            os.write(outer, answer)
    os.close(outer)
    try:
        status = process.wait(LONG)
    finally:
        process.kill()
        process.wait()
    return Talk(status, said.decode(errors="replace"))


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
