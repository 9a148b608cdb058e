"""Fetching from servers that are slow, or lead elsewhere."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from jinqiao.device.agent.fetching import fetch
from jinqiao.device.agent.files import RemoteFile

HEAD = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[int]]]:
    """A server that lets `answer` write to each connection; its address, and when each was closed by the client."""
    asked: list[int] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(4096)
            asked.append(1)
            answer(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)


def drip(data: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(0.2)

    return answer


def file_at(url: str) -> RemoteFile:
    return RemoteFile(url, 100_000, "md5", "")


@pytest.mark.parametrize("slow", [HEAD, b"x" * 500], ids=["in its head", "in its body"])
def test_a_server_that_drips_holds_no_fetch_that_is_to_stop(slow: bytes) -> None:
    stop = threading.Event()
    body = slow != HEAD

    def answer(connection: socket.socket) -> None:
        if body:
            connection.sendall(HEAD)
        drip(slow)(connection)

    with answering(answer) as (address, _):
        threading.Timer(0.5, stop.set).start()
        began = time.monotonic()
        assert fetch(file_at(f"http://{address}/f"), stop) == ("unreachable", b"")
        assert 0.4 < time.monotonic() - began < 3


def test_a_fetch_as_a_whole_has_a_deadline() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD)
        drip(b"x" * 500)(connection)

    with answering(answer) as (address, _):
        began = time.monotonic()
        assert fetch(file_at(f"http://{address}/f"), patience_s=0.5) == ("unreachable", b"")
        assert time.monotonic() - began < 3


def test_a_server_that_says_nothing_is_left_when_the_fetch_is_to_stop() -> None:
    stop = threading.Event()
    with answering(lambda _: time.sleep(30)) as (address, asked):
        threading.Timer(0.5, stop.set).start()
        began = time.monotonic()
        assert fetch(file_at(f"http://{address}/f"), stop) == ("unreachable", b"")
        assert time.monotonic() - began < 3
        assert asked


def redirect(to: str) -> Callable[[socket.socket], None]:
    reply = f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    return lambda connection: connection.sendall(reply.encode())


@pytest.mark.parametrize("scheme", ["ftp", "https", "file"])
def test_a_redirect_to_another_scheme_is_not_followed(scheme: str) -> None:
    with (
        answering(lambda _: None) as (internal, asked),
        answering(redirect(f"{scheme}://{internal}/f")) as (address, _),
    ):
        assert fetch(file_at(f"http://{address}/f")) == ("unreachable", b"")
        assert not asked


def test_a_redirect_within_http_is_followed() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    with (
        answering(lambda connection: connection.sendall(whole)) as (mirror, _),
        answering(redirect(f"http://{mirror}/f")) as (address, _),
    ):
        file = RemoteFile(f"http://{address}/f", 5, "md5", "5d41402abc4b2a76b9719d911017c592", keep=True)
        assert fetch(file) == ("good", b"hello")
