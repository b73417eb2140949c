"""A real S3 server for whoever asks: SeaweedFS, from PyPI, with signatures on."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from app.core.s3 import Credentials

PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"),
    *("s3.port", "s3.port.grpc", "admin.port", "admin.port.grpc", "metricsPort"),
)


class S3Server(NamedTuple):
    endpoint: str
    bucket: str
    credentials: Credentials


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One server a session, on free ports of the loopback."""
    folder = tmp_path_factory.mktemp("s3")
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", "lake", Credentials("loja", "segredo-da-loja"))
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            command(folder, server.bucket, ports),
            env={**os.environ, "AWS_ACCESS_KEY_ID": "loja", "AWS_SECRET_ACCESS_KEY": "segredo-da-loja"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(server, process)
        yield server
    finally:
        process.kill()  # a polite end can take it 25 seconds
        process.wait()
        for name in ("master", "volume", "filer", "s3", "admin"):
            Path(f"/tmp/seaweedfs-{name}-grpc-{ports[f'{name}.port.grpc']}.sock").unlink(missing_ok=True)  # noqa: S108 - its choice


def command(folder: Path, bucket: str, ports: dict[str, int]) -> list[str]:
    return [
        *(str(Path(sys.executable).with_name("weed")), "mini", f"-dir={folder}", f"-bucket={bucket}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
        *("-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0"),
        *(f"-filer.localSocket={folder}/filer.sock", f"-s3.localSocket={folder}/s3.sock"),
        *(f"-{name}={port}" for name, port in ports.items()),
    ]


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(server: S3Server, process: "subprocess.Popen[bytes]") -> None:
    """It refuses us, who sign nothing, as soon as it listens; its bucket may come a moment later."""
    end = time.monotonic() + 60
    while status(server.endpoint) != 403:
        assert process.poll() is None, "the S3 server ended"
        assert time.monotonic() < end, "the S3 server did not listen within 60 s"
        time.sleep(0.1)


def status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http on the loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None
