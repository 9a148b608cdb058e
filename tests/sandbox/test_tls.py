"""MQTT over TLS with a certificate of our own, and the command that makes it."""

from __future__ import annotations

import json
import queue
import socket
import ssl
import stat
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.gateway.config import Ports
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.sandbox.certificates import CA, SERVER_KEY, make_certificates
from support.gateway import GatewayThread, running_gateway
from support.programs import Program

Start = Callable[..., Program]


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls") / "certs"
    make_certificates(folder, ("jinqiao.test",))
    return folder


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_paho_over_tls_checks_the_name(certs: Path, host: str) -> None:
    ports = Ports(mqtt=0, mqtts=0, certs=certs)
    heard: queue.Queue[bytes] = queue.Queue()
    with running_gateway(Platform(Registry(anonymous=True)), ports) as gateway:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.tls_set(str(certs / CA))
        client.on_message = lambda _c, _u, message: heard.put(message.payload)
        client.on_connect = lambda c, *_: c.subscribe("t")
        client.on_subscribe = lambda c, *_: c.publish("t", bytes(100_000))
        client.connect(host, gateway.ports["mqtts_port"], 60)
        client.loop_start()
        assert heard.get(timeout=10) == bytes(100_000)
        client.disconnect()
        client.loop_stop()


def test_a_client_without_the_authority_does_not_connect(certs: Path) -> None:
    with running_gateway(Platform(Registry(anonymous=True)), Ports(mqtt=0, mqtts=0, certs=certs)) as gateway:
        with (
            socket.create_connection(("localhost", gateway.ports["mqtts_port"])) as connection,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            ssl.create_default_context().wrap_socket(connection, server_hostname="localhost")
        assert gateway.stats()["connections"] == 0


def test_websocket_over_tls_beside_the_plain_port(certs: Path) -> None:
    heard: queue.Queue[bytes] = queue.Queue()
    ports = Ports(mqtt=0, http=0, https=0, certs=certs)
    with running_gateway(Platform(Registry(anonymous=True)), ports) as gateway:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, transport="websockets")
        client.ws_set_options("/mqtt")
        client.tls_set(str(certs / CA))
        client.on_message = lambda _c, _u, message: heard.put(message.payload)
        client.on_connect = lambda c, *_: c.subscribe("t")
        client.on_subscribe = lambda c, *_: c.publish("t", bytes(100_000))
        client.connect("localhost", gateway.ports["https_port"], 60)
        client.loop_start()
        assert heard.get(timeout=10) == bytes(100_000)
        client.disconnect()
        client.loop_stop()
        assert gateway.get("/health")[0] == 200
        with pytest.raises(ssl.SSLError), socket.create_connection(("localhost", gateway.ports["http_port"])) as plain:
            ssl.create_default_context(cafile=str(certs / CA)).wrap_socket(plain, server_hostname="localhost")


def test_a_cloud_call_is_answered_the_same_on_both_ports(certs: Path) -> None:
    ports = Ports(mqtt=0, http=0, https=0, certs=certs)
    answers = []
    with running_gateway(Platform(Registry()), ports) as gateway:
        trusting = ssl.create_default_context(cafile=str(certs / CA))
        for scheme, context in (("http", None), ("https", trusting)):
            url = f"{scheme}://localhost:{gateway.ports[f'{scheme}_port']}/?Format=JSON&Action=Pub"
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(url, b""), context=context)
            with refused.value as answer:
                answers.append((answer.code, json.load(answer)["Code"]))
    assert answers[0] == answers[1]


def test_the_key_is_the_owners_alone(certs: Path) -> None:
    assert stat.S_IMODE((certs / SERVER_KEY).stat().st_mode) == 0o600


def test_certificates_that_are_missing_or_none_are_explained(tmp_path: Path) -> None:
    platform = Platform(Registry(anonymous=True))
    with pytest.raises(InputError, match="jinqiao certs"):
        GatewayThread(platform, Ports(mqtt=0, mqtts=0, certs=tmp_path))
    for name in ("server.pem", "server-key.pem"):
        (tmp_path / name).write_text("nonsense")
    with pytest.raises(InputError, match="not a certificate"):
        GatewayThread(platform, Ports(mqtt=0, mqtts=0, certs=tmp_path))
    with pytest.raises(EnvironmentFault):
        make_certificates(tmp_path / "server.pem" / "x")


def test_serve_takes_what_certs_made(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    made, _, errors = start("certs", "--dir", str(folder)).finish_text()
    assert made == 0, errors
    ports = [f"--{name}-port=0" for name in ("mqtt", "mqtts", "https")]
    program = start("serve", "--plain-mqtt", *ports, "--certs", str(folder))
    ready = program.ready
    assert {"mqtt_port", "mqtts_port", "http_port", "https_port"} <= set(ready)
    trusting = ssl.create_default_context(cafile=str(folder / CA))
    with urllib.request.urlopen(f"https://localhost:{ready['https_port']}/health", context=trusting) as answer:
        assert json.load(answer)["status"] == "ok"
    program.interrupt()
    assert program.finish()[0] == 0
