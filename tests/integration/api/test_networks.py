"""A proxy and a certificate authority of one's own work as users of httpx expect: by the environment."""

import http.server
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.faulty.server import answer, run_faulty

KEY = "fl_live_of_a_network"
# In a process of its own: the environment is read when a client is made.
ASK = """
import asyncio, sys
from flireo_flows.api.client import Account, AsyncFlireoClient, FlireoClient, Timeouts
from flireo_flows.api.errors import FlireoError
from flireo_flows.api.organization import get_organization

account = Account(sys.argv[1], sys.argv[2], timeouts=Timeouts(connect=2, read=5))

async def ask():
    async with AsyncFlireoClient(account) as client:
        return await client.send(get_organization(), before=__import__("time").time() + 20)

try:
    with FlireoClient(account) as client:
        print(client.send(get_organization(), before=__import__("time").time() + 20).id)
    print(asyncio.run(ask()).id)
except FlireoError as error:
    print(error)
"""


def ask(base_url: str, **environment: str) -> list[str]:
    """What both clients hear at a base URL."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    command = [sys.executable, "-c", ASK, KEY, base_url]
    reported = subprocess.run(
        command, env={**kept, **environment}, capture_output=True, text=True, timeout=60, check=True
    )
    return reported.stdout.splitlines()


def test_requests_go_through_the_proxy_of_the_environment() -> None:
    with run_faulty(answer(200, {"id": "behind"})) as proxy:
        assert ask("http://127.0.0.1:9/api/v1", HTTP_PROXY=proxy.url) == ["behind", "behind"]
    assert [request.target for request in proxy.requests] == ["http://127.0.0.1:9/api/v1/account"] * 2
    assert proxy.requests[0].headers["authorization"] == f"Bearer {KEY}"


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "15")
        self.end_headers()
        self.wfile.write(b'{"id":"secure"}')

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


class Careful(http.server.HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a client that goes away is what is tested."""


@contextmanager
def secured(certificate: Path) -> Iterator[str]:
    """A server whose certificate no one knows."""
    server = Careful(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # Not while it accepts, for then no one closes the socket of a client that does not trust it.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/api/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_a_certificate_authority_of_ones_own_is_trusted_when_the_environment_names_it(
    certificate: Path,
) -> None:
    with secured(certificate) as url:
        assert ask(url, SSL_CERT_FILE=str(certificate)) == ["secure", "secure"]


def test_an_unknown_certificate_is_refused_and_nothing_is_sent(certificate: Path) -> None:
    with secured(certificate) as url:
        (reported,) = ask(url)
    assert reported.startswith("Flireo GET /account: no answer: ConnectError.")
