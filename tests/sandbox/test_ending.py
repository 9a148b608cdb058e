"""How programs end: by a signal at any moment, without standard streams, on a full disk, with a peer that stands."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.programs import JINQIAO, Program

pytestmark = pytest.mark.program

Start = Callable[..., Program]
REGISTRY = Path(__file__).parents[1] / "golden" / "acceptance" / "registry.yaml"
COMMAND = shlex.join(JINQIAO)


def shell(line: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=timeout_s, check=False)


def gateway_of(program: Program) -> int:
    """The process id of a run's gateway, once there is one."""
    children = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for child in children.read_text().split():
            if "gateway_process" in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
        time.sleep(0.005)
    pytest.fail("the run has started no gateway")


ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize(
    ("after_s", "number"), list(zip((0.25, 0.5, 0.7, 0.9, 1.2, 1.4, 1.7, 2.0), [*ENDING * 2, *ENDING[1:]], strict=True))
)
def test_a_signal_in_the_first_seconds_of_a_run_ends_it_with_a_word(
    start: Start, scenarios: Path, after_s: float, number: signal.Signals
) -> None:
    program = start("run", str(scenarios / "jinqiao-morning.yaml"), "--mqtt-port", "0", "--quiet")
    time.sleep(after_s)  # the interpreter itself is up after 0.1 s, and what comes before it is not ours
    program.process.send_signal(number)
    code, _, errors = program.finish_text()
    assert code == 128 + number
    assert "interrupted" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(("after_s", "number"), list(zip((0.25, 0.5, 0.75), ENDING, strict=True)))
def test_a_signal_to_a_server_that_is_not_up_ends_it_with_a_word(
    start: Start, after_s: float, number: signal.Signals
) -> None:
    program = start("serve", "--plain-mqtt", "--mqtt-port", "0")
    time.sleep(after_s)
    program.process.send_signal(number)
    code, out, errors = program.finish_text()
    assert code == (0 if out else 128 + number)  # once it is up, a signal is how a server ends
    assert ("served" if out else "interrupted") in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_any_command_with_its_code_and_a_word(start: Start, number: signal.Signals) -> None:
    program = start("bench", "physics", "--vehicles", "300000")
    time.sleep(2.0)
    program.process.send_signal(number)
    code, _, errors = program.finish_text()
    assert code == 128 + number
    assert errors.endswith(f"jinqiao: interrupted{'' if number == signal.SIGINT else ' by ' + number.name}\n")
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_run_with_summary_and_a_closed_recording(
    start: Start, scenarios: Path, tmp_path: Path, number: signal.Signals
) -> None:
    pytest.importorskip("mcap")
    from mcap.reader import make_reader

    recording, out = tmp_path / "run.mcap", tmp_path / "out.json"
    scenario = str(scenarios / "two-cars.yaml")
    program = start("run", scenario, "--mqtt-port", "0", "--record", str(recording), "--summary", str(out))
    assert program.ready
    time.sleep(1.5)
    program.process.send_signal(number)
    code, lines, errors = program.finish()
    assert code == 128 + number
    assert "Traceback" not in errors
    summary = lines[-1]["summary"]
    assert summary == json.loads(out.read_text())
    assert (summary["ended"], summary["reason"]) == ("interrupted", number.name)
    with recording.open("rb") as file:
        found = make_reader(file).get_summary()
    assert found is not None
    assert found.statistics is not None
    assert summary["messages"] in found.statistics.channel_message_counts.values()


def test_a_run_that_is_not_to_be_hung_up_goes_on(scenarios: Path) -> None:
    run = f"{COMMAND} run {scenarios / 'two-cars.yaml'} --mqtt-port 0 --http-port 0 --for 4s"
    done = shell(f"trap '' HUP; {run} & sleep 3; kill -HUP $!; wait $!")
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stderr


def test_a_gateway_that_stands_still_does_not_hold_the_end(start: Start, scenarios: Path) -> None:
    program = start("run", str(scenarios / "jinqiao-morning.yaml"), "--mqtt-port", "0", "--quiet")
    assert program.ready
    os.kill(gateway_of(program), signal.SIGSTOP)
    time.sleep(0.5)
    program.interrupt()
    began = time.monotonic()
    code, lines, errors = program.finish()
    assert time.monotonic() - began < 15
    assert code == 3
    assert "not confirmed" in errors or "were not accepted within" in errors
    assert lines[-1]["summary"]["ended"] == "failed"


def test_a_gateway_that_stands_still_does_not_hold_the_natural_end_and_what_is_unconfirmed_is_said(
    start: Start, scenarios: Path
) -> None:
    program = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--quiet", "--for", "3s")
    assert program.ready
    time.sleep(0.5)
    os.kill(gateway_of(program), signal.SIGSTOP)
    began = time.monotonic()
    code, lines, errors = program.finish()
    assert time.monotonic() - began < 3 + 10
    assert code == 3
    assert "it is not confirmed that the messages published in the last" in errors
    summary = lines[-1]["summary"]
    assert summary["ended"] == "failed"
    assert summary["reason"] in errors
    assert summary["simulated_s"] == 3


def test_a_signal_ends_a_run_whose_gateway_stands_still_before_it_is_ready(start: Start, scenarios: Path) -> None:
    program = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--quiet")
    os.kill(gateway_of(program), signal.SIGSTOP)
    time.sleep(4.0)  # the fleet is built, the gateway is asked to serve it
    program.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    code, _, errors = program.finish_text()
    assert time.monotonic() - began < 15
    if code != 143:  # a busy machine is still building the fleet
        assert code == 3
        assert "the run was not ready within" in errors


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ("--mqtt-port {taken}", 3, "--mqtt-port"),
        ("--mqtt-port 0 --http-port {taken}", 3, "--http-port"),
        ("--broker mqtt://127.0.0.1:{closed}", 3, "does not answer"),
        ("--broker mqtt://nobody:wrong@127.0.0.1:{strict}", 3, "refused the simulator"),
        ("--mqtt-port 0 --registry {folder}/broken.yaml", 2, "broken.yaml:1:1"),
        ("--mqtt-port 0 --mqtts-port 0 --certs {folder}", 2, "certs"),
        ("--mqtt-port 0 --sink parquet:{folder}/broken.yaml", 2, "broken.yaml"),
    ],
)
def test_whatever_ends_a_run_that_has_begun_writes_the_summary_with_the_reason(
    start: Start, scenarios: Path, tmp_path: Path, arguments: str, code: int, reason: str
) -> None:
    out = tmp_path / "out.json"
    (tmp_path / "broken.yaml").write_text("nonsense: 1\n")
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as closed:
        ports = {"taken": taken.getsockname()[1], "closed": closed.getsockname()[1]}
        closed.close()
        if "{strict}" in arguments:
            ports["strict"] = start("serve", "--registry", str(REGISTRY), "--mqtt-port", "0").ready["mqtt_port"]
        given = arguments.format(folder=tmp_path, **ports).split()
        found, _, errors = start("run", str(scenarios / "two-cars.yaml"), *given, "--summary", str(out)).finish()
    assert found == code, errors
    summary = json.loads(out.read_text())
    assert summary["ended"] == "failed"
    assert reason in summary["reason"]
    assert summary["reason"] in errors
    assert (summary["messages"], summary["scenario"]) == (0, "Two cars")


def test_a_gateway_that_dies_is_the_reason_in_the_summary(start: Start, scenarios: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    program = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--summary", str(out))
    assert program.ready
    os.kill(gateway_of(program), signal.SIGKILL)
    assert program.finish()[0] == 3
    assert "the gateway process ended" in json.loads(out.read_text())["reason"]


def test_a_signal_before_the_first_second_is_the_reason_in_the_summary(
    start: Start, scenarios: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    scenario = str(scenarios / "jinqiao-morning.yaml")
    program = start("run", scenario, "--mqtt-port", "0", "--vehicles", "400000", "--summary", str(out))
    gateway_of(program)
    time.sleep(3.0)  # the run has been imported, and builds its fleet
    program.process.send_signal(signal.SIGTERM)
    code, _, errors = program.finish_text()
    assert code == 143, errors
    summary = json.loads(out.read_text())
    assert (summary["ended"], summary["reason"]) == ("interrupted", "SIGTERM")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_run_without_standard_streams_goes_to_its_end(scenarios: Path, closed: str) -> None:
    done = shell(f"{COMMAND} run {scenarios / 'two-cars.yaml'} --for 2s --mqtt-port 0 --http-port 0 {closed}")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_whose_output_nobody_reads_any_more_is_no_failed_expectation(scenarios: Path) -> None:
    run = f"{COMMAND} run {scenarios / 'two-cars.yaml'} --for 2s --mqtt-port 0 --http-port 0"
    done = shell(f'{run} | head -1; echo "code ${{PIPESTATUS[0]}}"')
    assert done.stdout.splitlines()[-1] == "code 0"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["</dev/null >&-", "2>&-", "<&- >&- 2>&-"])
def test_a_server_without_standard_streams_ends_as_always(closed: str) -> None:
    serve = f"{COMMAND} serve --plain-mqtt --mqtt-port 0 --http-port 0 {closed}"
    done = shell(f"{serve} & sleep 5; kill -INT $!; wait $!")
    assert done.returncode in {0, 130}, done.stderr  # 130 where it was not up yet
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", ["run {scenarios}/two-cars.yaml --for 2s", "serve --plain-mqtt", "schema", "catalog list", "--help"]
)
def test_a_full_disk_behind_standard_output_is_named(scenarios: Path, command: str) -> None:
    command = command.format(scenarios=scenarios)
    ports = "--mqtt-port 0 --http-port 0" if command.startswith(("run", "serve")) else ""
    done = shell(f"{COMMAND} {command} {ports} >/dev/full")
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("files", [12, 20])
@pytest.mark.parametrize("command", ["run {scenarios}/two-cars.yaml --for 2s", "serve --plain-mqtt"])
def test_too_few_files_are_named(scenarios: Path, command: str, files: int) -> None:
    command = command.format(scenarios=scenarios)
    done = shell(f"ulimit -n {files}; {COMMAND} {command} --mqtt-port 0 --http-port 0")
    assert done.returncode in {0, 3}, done.stderr
    if done.returncode:
        assert "open files" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_is_closed_ends_the_run_it_showed(scenarios: Path, tmp_path: Path) -> None:
    pytest.importorskip("mcap")
    recording, out = tmp_path / "run.mcap", tmp_path / "out.json"
    files = ["--record", str(recording), "--summary", str(out)]
    child, terminal = pty.fork()
    if not child:
        os.execv(
            JINQIAO[0],
            [*JINQIAO, "run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--http-port", "0", *files],
        )
    shown = b""
    while b"driving" not in shown:  # the live table is there
        shown += os.read(terminal, 65_536)
    time.sleep(1.0)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert json.loads(out.read_text())["ended"] == "interrupted"
    assert recording.read_bytes()[-8:] == b"\x89MCAP0\r\n"  # the magic that a closed file ends with
