"""Messages and hints that commands print are accepted as they stand."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from jinqiao.sandbox.cli import app
from jinqiao.sandbox.credentials import sub_device_messages
from support.alink_house import DN, PK, SUB_DN, SUB_PK, World


def test_what_a_gateway_publishes_for_its_sub_device_is_accepted() -> None:
    world = World()
    gateway = world.connect()
    for topic, payload in sub_device_messages(world.device(SUB_PK, SUB_DN)).items():
        own = topic.replace("GATEWAY_PRODUCT_KEY", PK).replace("GATEWAY_NAME", DN)
        assert world.ask(gateway, own, payload)["code"] == 200
    assert world.platform.parts.topology.speaks_for(f"{SUB_PK}/{SUB_DN}") == f"{PK}/{DN}"


def jinqiao(*arguments: str | Path) -> str:
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False).stdout


def test_a_sub_device_is_shown_with_what_its_gateway_publishes(tmp_path: Path) -> None:
    jinqiao("product", "add", "--data", tmp_path, "--name", "Sensor", "--key", "a1sub", "--node-type", "sub_device")
    shown = jinqiao("device", "add", "a1sub", "s", "--data", tmp_path)
    assert "mosquitto_pub" not in shown
    topics = [line.split()[-1] for line in shown.splitlines() if line.startswith("# its gateway publishes on ")]
    assert [topic.rsplit("/", 2)[1:] for topic in topics] == [["topo", "add"], ["combine", "login"]]
    found = json.loads(jinqiao("device", "show", "a1sub", "s", "--data", tmp_path, "--json"))
    assert list(found["gateway_publishes"]) == topics


def test_a_thing_model_of_another_product_is_taken_with_a_word(tmp_path: Path) -> None:
    model = tmp_path / "model.json"
    tsl = {"profile": {"productKey": "a1other"}, "properties": [], "events": [], "services": []}
    model.write_text(json.dumps(tsl))
    found = CliRunner().invoke(
        app,
        [
            "product",
            "add",
            "--data",
            str(tmp_path / "d"),
            "--name",
            "x",
            "--key",
            "a1mine",
            "--thing-model",
            str(model),
        ],
    )
    assert found.exit_code == 0, found.output
    assert "the thing model belongs to product 'a1other'; using it for 'a1mine'" in found.stderr
