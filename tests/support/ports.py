"""Ports for servers that have to be told theirs."""

import random
import socket

_SERVERS = range(10_000, 32_000)
"""Below what a system gives to the near end of a connection, which takes a port at any moment."""


def free_port() -> int:
    """Give a port of this machine that nothing listens on, and that no connection takes."""
    chance = random.SystemRandom()  # so that no two processes of the tests try the same ones
    while True:
        port = chance.choice(_SERVERS)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
