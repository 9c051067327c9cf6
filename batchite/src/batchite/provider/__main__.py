"""`python -m batchite.provider`: the provider as a process.

Its first line on stdout is the port, as the engine expects it of a plugin. It ends quietly on SIGTERM and SIGINT and
when the process that started it is gone.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from batchite.provider.client import ArmClient
from batchite.provider.operations import Operations
from batchite.provider.servicer import Provider

_MAX_MESSAGE = 400 * 1024 * 1024  # bytes: the engine's own limit
_WORKERS = 64
_PARENT_CHECK = 1.0  # seconds between two looks at the parent process
_GRACE = 1.0  # seconds for running requests at the end


def main() -> None:
    """Serve until told to end."""
    parent, stop = os.getppid(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server, port = _server(_arguments())
    server.start()
    print(port, flush=True)
    while not stop.wait(_PARENT_CHECK) and os.getppid() == parent:
        pass
    server.stop(_GRACE).wait()


def _server(arguments: argparse.Namespace) -> tuple[grpc.Server, int]:
    client = ArmClient(arguments.arm, arguments.credentials, arguments.ca)
    provider = Provider(Operations(client, arguments.subscription), arguments.subscription)
    limits = [("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.max_send_message_length", _MAX_MESSAGE)]
    alone = [("grpc.so_reuseport", 0)]  # a port that another provider holds must be an error, not be shared
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=[*limits, *alone])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    return server, server.add_insecure_port(f"127.0.0.1:{arguments.port}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m batchite.provider", description=__doc__)
    parser.add_argument("--arm", required=True, metavar="URL", help="base address of ARM")
    parser.add_argument("--credentials", required=True, type=Path, metavar="FILE", help="the server's env file")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificates to trust (PEM)")
    parser.add_argument("--subscription", required=True, metavar="ID", help="the subscription to serve")
    parser.add_argument("--port", type=int, default=0, help="0 = any free one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
