"""A real S3 server for whoever asks: SeaweedFS, from PyPI, with signatures on."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from app.core.s3 import Credentials, Store, store_at
from app.domain.errors import Unavailable

PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"),
    *("s3.port", "s3.port.grpc", "admin.port", "admin.port.grpc", "metricsPort"),
)


class S3Server(NamedTuple):
    endpoint: str
    bucket: str
    credentials: Credentials

    def store(self, prefix: str = "") -> Store:
        """Its bucket, or a prefix in it."""
        url = f"s3://{self.bucket}/{prefix}"
        return store_at(url, endpoint=self.endpoint, region="sa-east-1", credentials=self.credentials)


@contextmanager
def s3_running(folder: Path) -> Iterator[S3Server]:
    """A server with an empty bucket, on free ports of the loopback."""
    server, process, ports = start(folder)
    try:
        yield server
    finally:
        process.kill()  # a polite end can take it 25 seconds
        process.wait()
        for name in ("master", "volume", "filer", "s3", "admin"):
            Path(f"/tmp/seaweedfs-{name}-grpc-{ports[f'{name}.port.grpc']}.sock").unlink(missing_ok=True)  # noqa: S108 - its choice


def start(folder: Path) -> "tuple[S3Server, subprocess.Popen[bytes], dict[str, int]]":
    """A server that answers. A port may be taken between our choice and its start, so there are three tries."""
    for attempt in range(3):
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", "lake", Credentials("loja", "segredo-da-loja"))
        process = launch(folder / str(attempt), server, ports)
        if answers(server, process):
            return server, process, ports
    raise AssertionError(f"the S3 server does not start; its words are in {folder}")


def launch(folder: Path, server: S3Server, ports: dict[str, int]) -> "subprocess.Popen[bytes]":
    folder.mkdir()
    names = {"AWS_ACCESS_KEY_ID": server.credentials.key_id, "AWS_SECRET_ACCESS_KEY": server.credentials.secret}
    with (folder / "weed.log").open("wb") as log:
        return subprocess.Popen(
            [
                *(str(Path(sys.executable).with_name("weed")), "mini", f"-dir={folder}", f"-bucket={server.bucket}"),
                *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-admin.ui=false", "-webdav=false"),
                *("-s3.port.iceberg=0", "-s3.port.lance=0"),
                *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),  # relative: a socket's path is short
                *(f"-{name}={port}" for name, port in ports.items()),
            ],
            cwd=folder,
            env={**os.environ, **names},
            stdout=log,
            stderr=log,
        )


def answers(server: S3Server, process: "subprocess.Popen[bytes]") -> bool:
    """Whether it comes to have its bucket, before it ends or a minute has passed."""
    lake = server.store()
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        try:
            lake.check()
        except Unavailable:
            time.sleep(0.1)
        else:
            return True
    process.kill()
    process.wait()
    return False


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
