"""What is to be stored, made ready to go: bytes, a file of any size, or a stream, in bounded memory."""

import mmap
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

CHUNK = 1024 * 1024
_LETS_GO_FROM = 16 * CHUNK  # bytes of a file
_LETS_GO_EVERY_S = 0.01


class Readable(Protocol):
    """A binary stream; all that is asked of it is to be read in pieces."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end."""


@contextmanager
def ready_to_send(content: bytes | Path | Readable) -> Iterator[bytes | mmap.mmap]:
    """Bytes as they are; a file mapped, so that its pages come from the disk as they are sent and go again."""
    if isinstance(content, bytes):
        yield content
        return
    with _on_disk(content) as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield b""
            return
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with _letting_go(mapped):
            yield mapped


@contextmanager
def _letting_go(mapped: mmap.mmap) -> Iterator[None]:
    """The pages of a large file, once read, stay in the disk's cache alone, and are not counted as ours."""
    if len(mapped) < _LETS_GO_FROM or not hasattr(mmap, "MADV_DONTNEED"):
        yield
        return
    over = threading.Event()

    def let_go() -> None:
        while not over.wait(_LETS_GO_EVERY_S):
            mapped.madvise(mmap.MADV_DONTNEED)

    thread = threading.Thread(target=let_go, name="letting-go")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _on_disk(content: Path | Readable) -> Iterator[IO[bytes]]:
    if isinstance(content, Path):
        with content.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as file:  # not the stream's own descriptor: a GzipFile has the compressed file's
        file.writelines(in_pieces(content))
        file.flush()
        yield file


@contextmanager
def opened(content: Path | Readable) -> Iterator[Readable]:
    """The content as a stream."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            yield file
    else:
        yield content


def in_pieces(content: Readable) -> Iterator[bytes]:
    """Its bytes, about a megabyte at a time."""
    while piece := content.read(CHUNK):
        yield piece
