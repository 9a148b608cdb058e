"""Rules of a registry file on the simulated cars of a run: republished, written to segments, posted to a web server."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jinqiao.sandbox.product import PRODUCT_KEY
from support.back_end import back_end
from support.programs import Program

pytestmark = [pytest.mark.program, pytest.mark.long]

Start = Callable[..., Program]

PORTS = ("--mqtt-port", "0", "--http-port", "0", "--amqp-port", "0")
SQL = (
    f'SELECT deviceName() AS car, items.VehicleSpeed.value AS speed FROM "/{PRODUCT_KEY}/+/thing/event/property/post" '
    "WHERE items.VehicleSpeed.value > 5"
)


def registry(path: Path, *actions: dict[str, str]) -> Path:
    path.write_text("rules:\n  - name: moving\n    sql: |\n      " + SQL + f"\n    actions: {json.dumps(actions)}\n")
    return path


@contextmanager
def web_server(port: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def figure(port: int, name: str) -> float:
    """The sum of a counter of /metrics over all rules."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))


def test_a_rule_on_simulated_cars_is_heard_on_another_topic_and_kept_in_segments(
    start: Start, scenarios: Path, tmp_path: Path
) -> None:
    rules = registry(
        tmp_path / "rules.yaml",
        {"type": "REPUBLISH", "topic": f"/{PRODUCT_KEY}/${{car}}/user/moving"},
        {"type": "PARQUET", "folder": "moving"},
    )
    data = tmp_path / "data"
    fleet = (str(scenarios / "two-cars.yaml"), "--registry", str(rules), "--data", str(data), "--speed", "10", "-q")
    run = start("run", *fleet, *PORTS)
    ready = run.ready
    with back_end(ready["mqtt_port"], ready["app_user"], ready["app_password"], PRODUCT_KEY) as heard:
        heard.follow(f"/{PRODUCT_KEY}/+/user/moving")
        found = [heard.wait_on("/user/moving") for _ in range(3)]
    assert all(set(one) == {"car", "speed"} and one["speed"] > 5 for one in found)
    run.interrupt()
    assert run.finish()[0] == 130
    rows = [row for file in (data / "rules/moving").glob("*.parquet") for row in pq.read_table(file).to_pylist()]
    assert {(one["car"], one["speed"]) for one in found} <= {(row["car"], row["speed"]) for row in rows}
    assert {row["product_key"] for row in rows} == {PRODUCT_KEY}


def test_outputs_for_a_web_server_that_is_gone_are_tried_again_then_dropped_and_counted(
    start: Start, scenarios: Path, tmp_path: Path
) -> None:
    with web_server() as (port, got):
        rules = registry(tmp_path / "rules.yaml", {"type": "HTTP", "url": f"http://127.0.0.1:{port}/"})
        # Hundreds of posts a second fill a queue of a thousand while each output is tried for a quarter of a minute.
        fleet = (str(scenarios / "jinqiao-morning.yaml"), "--vehicles", "400", "--registry", str(rules), "-q")
        run = start("run", *fleet, "--speed", "30", *PORTS)
        deadline = time.monotonic() + 60
        while not got and time.monotonic() < deadline:
            time.sleep(0.05)
    assert set(json.loads(got[0])) == {"car", "speed"}
    http = run.ready["http_port"]
    while not figure(http, "jinqiao_rule_dropped_total") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert figure(http, "jinqiao_rule_retried_total") > 0
    assert figure(http, "jinqiao_rule_dropped_total") > 0
    hits = figure(http, "jinqiao_rule_hits_total")
    assert hits > 0
    run.interrupt()
    assert run.finish()[0] == 130
