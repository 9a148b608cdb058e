"""`jinqiao gbt32960 encode | decode`, `jinqiao can log --charge`, and both ends of reporting as programs."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from jinqiao.base.errors import ExpectationFailed, InputError
from jinqiao.sandbox.bench.gbt32960 import bench_gbt32960
from jinqiao.sandbox.cli import app
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World
from support.programs import Program
from support.terminals import FakePlatform

CAR = "bmw-i4-edrive40-2022"
VIN = "LBV1Z3102JMK12345"
SCENARIO = Path(__file__).parents[2] / "scenarios" / "jinqiao-morning.yaml"


def jinqiao(*arguments: str | Path) -> str:
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False).stdout


def encoded(folder: Path, *more: str | Path) -> list[bytes]:
    """The frames of a drive of 60 s."""
    out = folder / "drive.gb"
    jinqiao("gbt32960", "encode", "--vehicle", CAR, "--cycle", "CLTC-P", "--seconds", "60", "--out", out, *more)
    data, frames = out.read_bytes(), []
    while data:
        size = int.from_bytes(data[:4], "big")
        frames.append(data[4 : 4 + size])
        data = data[4 + size :]
    return frames


def test_a_stream_of_records(tmp_path: Path) -> None:
    frames = encoded(tmp_path, "--version", "2016", "--every", "20", "--vin", VIN)
    assert [(frame[:2].hex(), frame[2], frame[3], frame[21]) for frame in frames] == [
        ("2323", command, 0xFE, 1) for command in (1, 2, 2, 2, 2, 4)
    ]
    assert {frame[4:21] for frame in frames} == {VIN.encode()}
    assert [frame[29] for frame in frames[1:5]] == [0, 20, 40, 0]  # seconds of the time of collection
    assert encoded(tmp_path, "--version", "2016", "--every", "20", "--vin", VIN) == frames


def test_the_key_that_is_written_verifies_the_signatures(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    frames = encoded(tmp_path, "--version", "2025", "--public-key", pem)
    key = serialization.load_pem_public_key(pem.read_bytes())
    assert isinstance(key, rsa.RSAPublicKey)
    for frame in frames[1:-1]:
        tail = 1 + 1 + 2 + 256 + 2 + 1  # FF, algorithm, length and R, length of S, check code
        signed, block = frame[24:-tail], frame[-tail:]
        assert block[:4].hex() == "ff020100"
        key.verify(block[4:260], signed, padding.PKCS1v15(), hashes.SHA256())


def test_decode_tells_frames_and_faults(tmp_path: Path) -> None:
    encoded(tmp_path, "--version", "2016", "--vin", VIN)
    file = tmp_path / "drive.gb"
    lines = [json.loads(line) for line in jinqiao("gbt32960", "decode", file).splitlines()]
    assert [line["command"] for line in lines] == ["login", *["real_time"] * 7, "logout"]
    assert lines[1]["data"]["vehicle"]["state"] == "on"
    data = bytearray(file.read_bytes())
    at = lines[3]["offset"]
    data[at + 50] ^= 0x10
    file.write_bytes(data)
    result = CliRunner().invoke(app, ["gbt32960", "decode", str(file)])
    assert isinstance(result.exception, ExpectationFailed)
    assert str(result.exception).endswith("8 frames read, 1 faults (see above)")
    wrong_at = lines[4]["offset"] - 4 - 1
    assert f"offset {wrong_at}: check code: found" in result.stderr
    assert len(result.stdout.splitlines()) == 8


def test_a_file_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    encoded(tmp_path, "--version", "2025")
    file = tmp_path / "drive.gb"
    lines = [json.loads(line) for line in jinqiao("gbt32960", "decode", file).splitlines()]
    for cut, readable, what in (
        (lines[4]["offset"] + 100, 4, "length: found"),
        (lines[4]["offset"] + 3, 4, "frame: found 3 bytes"),
        (lines[4]["offset"] - 2, 4, "start"),
    ):
        short = tmp_path / "short.gb"
        short.write_bytes(file.read_bytes()[:cut])
        result = CliRunner().invoke(app, ["gbt32960", "decode", str(short)])
        assert isinstance(result.exception, ExpectationFailed)
        assert len(result.stdout.splitlines()) == readable
        assert what in result.stderr
        assert len(result.stderr.splitlines()) == 1


BAD = {
    "cycle": (["--cycle", "WLTX", "--seconds", "10"], "WLTX"),
    "seconds": (["--cycle", "CLTC-P", "--seconds", "1801"], "found 1801, expected 1 to 1800"),
    "vin": (["--cycle", "CLTC-P", "--seconds", "10", "--vin", "SHORT"], "found 'SHORT' with 5 characters"),
    "key": (
        ["--cycle", "CLTC-P", "--seconds", "10", "--version", "2016", "--public-key", "k"],
        "only the 2025 edition",
    ),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=list(BAD))
def test_bad_options_are_named(options: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        jinqiao("gbt32960", "encode", "--vehicle", CAR, "--out", tmp_path / "x", *options)


def test_files_that_hold_no_frames_are_named(tmp_path: Path) -> None:
    file = tmp_path / "foreign"
    with pytest.raises(InputError, match="foreign: cannot be read"):
        jinqiao("gbt32960", "decode", file)
    file.write_bytes(b"")
    with pytest.raises(InputError, match="found 0 bytes without a frame"):
        jinqiao("gbt32960", "decode", file)


def test_a_charge_is_logged(tmp_path: Path) -> None:
    out = tmp_path / "charge.log"
    jinqiao(
        "can", "log", "--vehicle", CAR, "--charge", "--from", "50", "--to", "50.5", "--power-kw", "60", "--out", out
    )
    lines = out.read_text().splitlines()
    assert lines[0].endswith(" can0 1826F456#010100")
    assert lines[0].startswith("(1700000000.")
    assert lines[-1].split("#")[0].endswith("can0 181DF456")


@pytest.mark.long
def test_the_benchmark_counts_both_editions() -> None:
    figures = bench_gbt32960(2_000, 0.3)
    editions = figures["editions"]
    # 25 bytes of frame and 6 of time, then items with a byte of type each: GB/T 32960.3, tables of both editions.
    assert {edition: editions[edition]["bytes_per_frame"] for edition in editions} == {"2016": 101, "2025": 84}
    assert figures["frames_per_s"] == min(found["frames_per_s"] for found in editions.values())
    for found in editions.values():
        assert found["with_all_cells_bytes"] > found["bytes_per_frame"] + 2 * 108
        assert found["ratio"] == pytest.approx(found["frames_per_s"] / found["single_frames_per_s"], rel=1e-3)


def test_a_run_reports_to_a_platform(start: type[Program]) -> None:
    """`--to`: every vehicle over its own connection, and what came of it in the summary."""
    platform = FakePlatform()
    ready, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        await platform.start()
        ready.set()
        await done.wait()
        await platform.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    to = f"gbt32960://127.0.0.1:{platform.port}?version=2016&every=2s"
    options = ("--vehicles", "20", "--seed", "7", "--for", "6s", "--mqtt-port", "0", "--quiet", "--to", to)
    program = start("run", str(SCENARIO), *options)
    code, out, err = program.finish()
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()
    assert code == 0, err
    report = out[-1]["summary"]["outlets"]["gbt32960"]
    assert report["logins"] == 20 == len(platform.of("logout"))
    assert report["sent"] == report["acknowledged"] == len(platform.of("real_time")) > 20
    assert "20 logins" in err


def test_serve_forwards_what_a_run_reports(start: type[Program], tmp_path: Path) -> None:
    world = World(load_scenario(SCENARIO), seed=7, vehicles=20)
    vins = [vin.decode() for vin in world.fleet.vins.tolist()]
    devices = "".join(f"  - {{device_name: {vin}, device_secret: s}}\n" for vin in vins)
    registry = tmp_path / "registry.yaml"
    registry.write_text(
        f"products:\n- product_key: a1carPK0001\n  name: EV\n  devices:\n{devices}"
        "applications:\n- {username: app, password: pw, products: [a1carPK0001]}\n"
    )
    served = start("serve", "--registry", str(registry), "--mqtt-port", "0", "--gbt32960-port", "0")
    ports = served.ready
    heard: list[tuple[str, dict[str, object]]] = []
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("app", "pw")
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _, __, message: heard.append((message.topic, json.loads(message.payload)))
    client.connect("127.0.0.1", ports["mqtt_port"])
    client.subscribe("/sys/a1carPK0001/+/device/message/uplink")
    client.loop_start()
    assert subscribed.wait(10)
    to = f"gbt32960://127.0.0.1:{ports['gbt32960_port']}?every=2s&sign=no"
    options = ("--vehicles", "20", "--seed", "7", "--for", "4s", "--mqtt-port", "0", "--quiet", "--sink", to)
    code, out, err = start("run", str(SCENARIO), *options).finish()
    assert code == 0, err
    report = out[-1]["summary"]["outlets"]["gbt32960"]
    served.interrupt()
    code, _, err = served.finish()
    client.disconnect()
    client.loop_stop()
    assert code == 0
    assert report["acknowledged"] == report["sent"] > 0
    logins = {body["header"]["vin"] for _, body in heard if body["header"]["command"] == 1}  # type: ignore[index]
    assert logins == set(vins)
    data = [body for _, body in heard if body["header"]["command"] == 2]  # type: ignore[index]
    assert len(data) == report["sent"]
    assert {topic for topic, _ in heard} == {f"/sys/a1carPK0001/{vin}/device/message/uplink" for vin in vins}
    assert "20 login" in err
