"""A port for a server that is about to start stays free until it listens."""

import socket
from contextlib import ExitStack
from pathlib import Path

from flireo_flows.prefect_support.local_server import free_port

HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_port_is_named_twice_is_taken_or_may_go_to_an_outgoing_connection() -> None:
    lowest = int(HANDED_OUT.read_text().split()[0]) if HANDED_OUT.exists() else 49152
    with ExitStack() as stack:
        ports = []
        for _ in range(100):
            ports.append(free_port())
            server = stack.enter_context(socket.socket())
            server.bind(("127.0.0.1", ports[-1]))
    assert len(set(ports)) == 100
    assert max(ports) < lowest


def test_a_port_that_another_server_has_is_passed_over() -> None:
    following = free_port() + 1
    with socket.socket() as server:
        server.bind(("127.0.0.1", following))
        assert free_port() != following
