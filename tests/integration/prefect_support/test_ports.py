"""A port for a server that is about to start stays free until it listens."""

import socket
from contextlib import ExitStack, closing

import pytest

from flireo_flows.prefect_support.local_server import free_port

LOWEST_HANDED_OUT = 32768  # by Linux, unless it is told otherwise: net.ipv4.ip_local_port_range of ip(7)


def test_no_port_is_named_twice_is_taken_or_may_go_to_an_outgoing_connection() -> None:
    with ExitStack() as stack:
        ports = []
        for _ in range(100):
            ports.append(free_port())
            server = stack.enter_context(socket.socket())
            server.bind(("127.0.0.1", ports[-1]))
    assert len(set(ports)) == 100
    assert max(ports) < LOWEST_HANDED_OUT


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_another_server_has_is_passed_over(address: str) -> None:
    following = free_port() + 1
    with socket.create_server((address, following)):
        assert free_port() != following


def test_a_port_that_a_connection_of_before_still_has_is_passed_over() -> None:
    """A server that closed first keeps its port for a minute: TIME_WAIT of RFC 9293."""
    following = free_port() + 1
    with (
        socket.create_server(("127.0.0.1", following)) as server,
        closing(socket.create_connection(server.getsockname())) as client,
    ):
        wire, _ = server.accept()
        wire.close()
        assert client.recv(1) == b""
    assert free_port() != following
