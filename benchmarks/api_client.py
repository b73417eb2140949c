"""A load generator of its own process: keep-alive connections that ask one request over and over."""

import asyncio
import json
import sys
import time


class _Connection(asyncio.Protocol):
    """Sends the request as soon as the last answer is whole, until the time is over."""

    def __init__(self, request: bytes, until: float) -> None:
        self._request = request
        self._until = until
        self._buffer = b""
        self._sent = 0.0
        self.seconds: list[float] = []
        self.statuses: set[bytes] = set()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_whole():
            return
        now = time.perf_counter()
        self.seconds.append(now - self._sent)
        self.statuses.add(self._buffer[9:12])
        self._buffer = b""
        if now < self._until:
            self._send()
        else:
            self._transport.close()
            self.over.set_result(None)

    def _is_whole(self) -> bool:
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        at = head.lower().find(b"content-length:")
        length = 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])
        return len(body) >= length

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError("closed half-way"))


async def _load(asked: dict[str, str], *, connections: int, seconds: float) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    lines = [f"GET {asked['path']} HTTP/1.1", f"Host: 127.0.0.1:{asked['port']}"]
    lines += [f"{name}: {value}" for name, value in json.loads(asked["headers"]).items()]
    request = "\r\n".join([*lines, "", ""]).encode()
    until = time.perf_counter() + seconds
    started = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(request, until), "127.0.0.1", int(asked["port"]))
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.over for _, protocol in made))
    took = time.perf_counter() - started
    times = sorted(second for _, protocol in made for second in protocol.seconds)
    statuses = sorted({status.decode() for _, protocol in made for status in protocol.statuses})
    return {"rate": len(times) / took, "p99": times[int(len(times) * 0.99) - 1], "statuses": statuses}


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    outcome = asyncio.run(_load(wanted, connections=int(wanted["connections"]), seconds=float(wanted["seconds"])))
    print(json.dumps(outcome))
