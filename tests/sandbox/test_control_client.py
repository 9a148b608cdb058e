"""The client of the control API, against a server that answers what a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import InputError
from jinqiao.testing import ControlClient, ControlError, Record, SandboxFailed
from support.control_fake import TOKEN, ControlFake, control_fake


@pytest.fixture
def fake() -> Iterator[ControlFake]:
    with control_fake() as server:
        yield server


@pytest.fixture
def client(fake: ControlFake) -> Iterator[ControlClient]:
    made = ControlClient(fake.url, TOKEN)
    yield made
    made.close()


def test_calls_share_one_connection(fake: ControlFake, client: ControlClient) -> None:
    fake.answer("GET /state", {"state": "paused"})
    fake.answer("POST /advance", {"state": "paused", "elapsed_s": 30})
    assert client.get("state") == {"state": "paused"}
    for _ in range(3):
        assert client.post("advance", body={"for": "30 s"}, patient=True)["elapsed_s"] == 30
    assert fake.connections == 1
    assert fake.asked[-1] == ("POST", "/control/advance", {"for": "30 s"})


def test_a_connection_that_the_server_closed_is_opened_again(fake: ControlFake, client: ControlClient) -> None:
    fake.closes = True
    fake.answer("POST /faults", {"id": "1", "vehicles": []})
    for _ in range(3):
        client.post("faults", body={})
        wait_until_closed(client)
    assert len(fake.asked) == 3, "each was asked once"


def wait_until_closed(client: ControlClient) -> None:
    """The server's end has closed: there is something to read on our side."""
    sock = client._connection.sock
    if sock is not None:
        sock.settimeout(5)
        assert sock.recv(1, socket.MSG_PEEK) == b""


def test_names_are_quoted_and_what_is_not_asked_is_left_out(fake: ControlFake, client: ControlClient) -> None:
    fake.answer("GET /vehicles/a%2Fb%3F", {"vin": "a/b?"})
    fake.answer("GET /vehicles?fleet=the+taxis%26&limit=1", {"vehicles": []})
    assert client.get("vehicles", "a/b?") == {"vin": "a/b?"}
    assert client.get("vehicles", fleet="the taxis&", state=None, limit=1) == {"vehicles": []}


@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_refusal_says_where_what_and_what_fits(fake: ControlFake, client: ControlClient, status: int) -> None:
    error = {"pointer": "/for", "found": "yesterday", "expected": "a time such as 30 s"}
    fake.answer("POST /advance", {"error": error}, status)
    with pytest.raises(ControlError, match=r"^/for: found 'yesterday', expected a time such as 30 s$") as refused:
        client.post("advance", body={"for": "yesterday"})
    assert (refused.value.status, refused.value.pointer, refused.value.found) == (status, "/for", "yesterday")
    assert refused.value.exit_code == 2


def test_a_wrong_token_is_a_refusal(fake: ControlFake) -> None:
    with (
        closing(ControlClient(fake.url, "guessed")) as client,
        pytest.raises(ControlError, match="expected the run's control_token") as refused,
    ):
        client.get("state")
    assert refused.value.status == 401


@pytest.mark.parametrize("answer", [b"<html>", b"\xff", {"detail": "no"}])
def test_a_refusal_of_another_server_is_one_too(fake: ControlFake, client: ControlClient, answer: Any) -> None:
    fake.answer("GET /state", answer, 404)
    with pytest.raises(ControlError, match=r"GET /control/state.*a call of the control API"):
        client.get("state")


@pytest.mark.parametrize(("status", "answer"), [(500, b"broken"), (200, b"<html>"), (503, {"error": "busy"})])
def test_a_server_that_is_none_is_a_fault(fake: ControlFake, client: ControlClient, status: int, answer: Any) -> None:
    fake.answer("GET /state", answer, status)
    with pytest.raises(SandboxFailed, match=f"answers {status}"):
        client.get("state")


def test_nobody_there_is_a_fault_of_the_environment() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SandboxFailed, match="does the run still run") as failed:
        ControlClient(f"http://127.0.0.1:{port}/control", TOKEN).get("state")
    assert failed.value.exit_code == 3


def test_no_answer_in_time_is_a_fault_and_the_connection_is_given_up(fake: ControlFake) -> None:
    released = threading.Event()

    def late(_: Any) -> tuple[int, Any]:
        released.wait(10)
        return 200, {"late": True}

    fake.answers["GET /labels"] = late
    fake.answer("GET /state", {"late": False})
    client = ControlClient(fake.url, TOKEN, patience_s=0.1)
    with pytest.raises(SandboxFailed, match="no answer in time"):
        client.get("labels")
    released.set()
    assert client.get("state") == {"late": False}
    client.close()


@pytest.mark.parametrize("url", ["", "http://", "ftp://host/control", "http://host:port/control", "/control"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="no address of a run"):
        ControlClient(url, TOKEN)


@pytest.mark.parametrize("given", ["{}/control", "{}/control/", "{}", "{}/"])
def test_an_address_may_end_as_it_likes(fake: ControlFake, given: str) -> None:
    fake.answer("GET /state", {})
    root = fake.url.removesuffix("/control")
    for url in (given.format(root), given.format(root).removeprefix("http://")):
        with closing(ControlClient(url, TOKEN)) as client:
            assert client.get("state") == {}


def test_a_record_is_read_by_attribute_and_by_key() -> None:
    car = Record({"vin": "V1", "signals": {"charging:ChargePower": 42.5}, "of": [{"kind": "dc"}]})
    assert car.vin == car["vin"] == "V1"
    assert car.signals["charging:ChargePower"] == 42.5
    assert car.of[0].kind == "dc"
    assert dict(car.signals) == {"charging:ChargePower": 42.5}
    assert ("vin" in car, "vim" in car, car.get("vim"), len(car)) == (True, False, None, 3)
    with pytest.raises(AttributeError, match="no 'vim' \\(did you mean 'vin'"):
        _ = car.vim
    with pytest.raises(KeyError, match="did you mean 'charging:ChargePower'"):
        car.signals["ChargePower"]


@given(
    st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.dictionaries(st.text(), st.none())))
)
def test_a_record_is_the_mapping_that_it_holds(found: dict[str, Any]) -> None:
    record = Record(found)
    assert record == found
    assert all(record[name] == record.get(name) == value for name, value in found.items())
