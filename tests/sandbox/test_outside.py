"""Publishing to brokers of others: a real mosquitto, and a platform that knows device triples."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jinqiao.base.errors import InputError
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.sandbox.certificates import CA, make_certificates
from jinqiao.sandbox.run.outside import OutsideBroker, load_triples, parse_broker
from support import peers
from support.gateway import running_gateway
from support.programs import Program

Start = Callable[..., Program]

FAST = ("--speed", "5", "--seed", "7", "-q")

REGISTRY = """\
products:
  - product_key: a1realPK001
    name: real
    devices:
      - {device_name: car1, device_secret: secret0123456789abcdef}
      - {device_name: car2, device_secret: secret9876543210fedcba}
applications:
  - {username: backend, password: change-me, products: [a1realPK001]}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mqtt://broker.example", OutsideBroker("broker.example", 1883, False)),
        ("mqtts://broker.example", OutsideBroker("broker.example", 8883, True)),
        ("mqtt://u:p%40ss@10.0.0.1:11883/", OutsideBroker("10.0.0.1", 11883, False, "u", "p@ss")),
        ("mqtt://[::1]:1884", OutsideBroker("::1", 1884, False)),
    ],
)
def test_a_broker_is_an_address_with_credentials(text: str, expected: OutsideBroker) -> None:
    assert parse_broker(text) == expected


@pytest.mark.parametrize("text", ["broker:1883", "http://broker", "mqtt://", "mqtt://h:99999", "mqtt://h/topic"])
def test_anything_else_is_explained(text: str) -> None:
    with pytest.raises(InputError, match="--broker"):
        parse_broker(text)


def test_triples_come_from_a_registry_with_one_product(tmp_path: Path) -> None:
    path = tmp_path / "devices.yaml"
    path.write_text(REGISTRY)
    triples = load_triples(path)
    assert (triples.product_key, triples.names.tolist()) == ("a1realPK001", [b"car1", b"car2"])
    assert triples.secret("car2") == "secret9876543210fedcba"
    path.write_text("products: []\n")
    with pytest.raises(InputError, match="found 0 products"):
        load_triples(path)


def test_a_run_publishes_to_mosquitto(start: Start, scenarios: Path, tmp_path: Path, mosquitto_sub: str) -> None:
    with peers.mosquitto(tmp_path, "fleet", "p@ss") as port:
        topic = "/sys/+/+/thing/event/property/post"
        listen = [mosquitto_sub, "-p", str(port), "-u", "fleet", "-P", "p@ss", "-t", topic, "-C", "5", "-W", "30"]
        listener = subprocess.Popen(listen, stdout=subprocess.PIPE, text=True)
        url = f"mqtt://fleet:p%40ss@127.0.0.1:{port}"
        program = start("run", str(scenarios / "two-cars.yaml"), "--broker", url, "--for", "10s", *FAST)
        assert program.ready["broker"] == f"127.0.0.1:{port}"
        heard, _ = listener.communicate(timeout=40)
        code, lines, errors = program.finish()
    assert code == 0, errors
    assert len(heard.splitlines()) == 5
    assert "VehicleSpeed" in heard
    assert all(json.loads(line)["version"] == "1.0" for line in heard.splitlines())
    assert lines[-1]["summary"]["messages"] >= 5
    assert "delivered" not in errors


def test_a_run_publishes_to_mosquitto_over_tls(
    start: Start, scenarios: Path, tmp_path: Path, mosquitto_sub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    certs = tmp_path / "certs"
    make_certificates(certs)
    with peers.mosquitto(tmp_path, "fleet", "p", certs) as port:
        two_cars = [str(scenarios / "two-cars.yaml"), "--broker", f"mqtts://fleet:p@localhost:{port}"]
        code, _, errors = start("run", *two_cars, "--for", "5s", *FAST).finish()
        assert code == 3
        assert "certificate verify failed" in errors
        assert "Traceback" not in errors
        monkeypatch.setenv("SSL_CERT_FILE", str(certs / CA))
        listen = [
            mosquitto_sub,
            "-p",
            str(port),
            "-u",
            "fleet",
            "-P",
            "p",
            "-h",
            "localhost",
            "--cafile",
            str(certs / CA),
        ]
        listen += ["-t", "/sys/+/+/thing/event/property/post", "-C", "5", "-W", "30"]
        listener = subprocess.Popen(listen, stdout=subprocess.PIPE, text=True)
        program = start("run", *two_cars, "--for", "10s", *FAST)
        heard, _ = listener.communicate(timeout=40)
        code, _, errors = program.finish()
    assert code == 0, errors
    assert len(heard.splitlines()) == 5
    assert all(json.loads(line)["version"] == "1.0" for line in heard.splitlines())


def test_a_refused_login_ends_with_3(start: Start, scenarios: Path, tmp_path: Path) -> None:
    with peers.mosquitto(tmp_path, "fleet", "right") as port:
        url = f"mqtt://fleet:wrong@127.0.0.1:{port}"
        code, _, errors = start("run", str(scenarios / "two-cars.yaml"), "--broker", url, "--for", "5s").finish()
    assert code == 3
    assert "refused" in errors
    assert "Traceback" not in errors


def test_real_devices_publish_on_their_own_connections(start: Start, scenarios: Path, tmp_path: Path) -> None:
    path = tmp_path / "devices.yaml"
    path.write_text(REGISTRY)
    with running_gateway(Platform(load_registry(path))) as platform:
        url = f"mqtt://127.0.0.1:{platform.ports['mqtt_port']}"
        arguments = ["--broker", url, "--devices", str(path), "--for", "5s", *FAST]
        program = start("run", str(scenarios / "two-cars.yaml"), *arguments)
        assert program.ready["product_key"] == "a1realPK001"
        code, lines, errors = program.finish()
        assert code == 0, errors
        stats = platform.stats()
    assert stats["connections_total"] == 2
    assert stats["received"]["property_post"] == lines[-1]["summary"]["published"]["property_post"] > 0
    assert lines[-1]["summary"]["not_sent"] == 0


def test_devices_alone_make_no_sense(start: Start, scenarios: Path, tmp_path: Path) -> None:
    code, _, errors = start("run", str(scenarios / "two-cars.yaml"), "--devices", str(tmp_path / "d.yaml")).finish()
    assert code == 2
    assert "--broker" in errors
