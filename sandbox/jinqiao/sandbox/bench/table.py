"""The benchmarks, one row each: what `jinqiao bench NAME`, `bench all` and `make bench` run."""

from __future__ import annotations

from ..commands.benchmark import Benchmark, Number, Text
from ..commands.rows import Command, Group

__all__ = ["BENCH", "BENCHMARKS"]

#: Options that several benchmarks have, by what they count.
_SAMPLES = Number("vehicles", 100_000, "Samples per batch.", 1, 1_000_000)
_EACH_SIDE_S = Number("seconds", 5.0, "About how long, for each side.", 0.1, 600)

BENCHMARKS = (
    Benchmark(
        "physics",
        "physics:bench_physics",
        "Vehicle-steps per second of the full car model on one core, beside FASTSim's Rust engine.",
        (
            Number("vehicles", 100_000, "Cars in the fleet.", 1, 2_000_000),
            Text("cycle", "US06", "Drive cycle, driven once by every car."),
        ),
        example="--vehicles 100000 --json",
    ),
    Benchmark(
        "sumo",
        "sumo:bench_sumo",
        "Processor time of a run that writes telemetry to a file, beside SUMO with its battery device.",
        (
            Number("vehicles", 100, "Cars, all driving.", 1, 2_000),
            Number("seconds", 3_600, "Simulated seconds.", 10, 86_400),
            Number("rounds", 3, "Runs of each, in turn; the cheapest counts.", 1, 20),
        ),
        begins="{rounds} times {vehicles:,} cars for {seconds:,} s, ours and SUMO's …",
        example="--vehicles 100 --json",
    ),
    Benchmark(
        "render",
        "render:bench_render",
        "Alink property posts rendered per second on one core, beside orjson once per vehicle.",
        (Number("vehicles", 100_000, "Posts per batch.", 1, 1_000_000), _EACH_SIDE_S),
    ),
    Benchmark(
        "gbt32960",
        "gbt32960:bench_gbt32960",
        "GB/T 32960 real-time frames encoded per second on one core, beside the encoder of single frames.",
        (
            Number("vehicles", 100_000, "Frames per batch.", 1, 1_000_000),
            Number("seconds", 6.0, "About how long, for each edition.", 0.1, 600),
        ),
    ),
    Benchmark(
        "protobuf",
        "protobuf:bench_protobuf",
        "Protobuf telemetry rendered per second on one core, beside google.protobuf once per vehicle.",
        (_SAMPLES, _EACH_SIDE_S),
    ),
    Benchmark(
        "stores",
        "stores:bench_stores",
        "Samples written to Parquet per second, and rendered as line protocol beside influxdb-client's Point.",
        (_SAMPLES, Number("seconds", 5.0, "About how long, for each part.", 0.1, 600)),
    ),
    Benchmark(
        "can",
        "can:bench_can",
        "CAN frames packed per second on one core, counter and checksum included, beside cantools.",
        (
            Number("vehicles", 1_000, "Buses of the whole-second figure.", 1, 20_000),
            Number("seconds", 3.0, "About how long, for each side.", 0.1, 600),
        ),
    ),
    Benchmark(
        "recordings",
        "recordings:bench_recordings",
        "MCAP and Parquet written and read per second, beside mcap's own writer; replays flat out and paced.",
        (
            _SAMPLES,
            Number("batches", 5, "Batches per recording.", 1, 1000),
            Number("seconds", 20, "Length of the paced replay.", 1, 600),
        ),
    ),
    Benchmark(
        "end-to-end",
        "end_to_end:bench_end_to_end",
        "Simulated vehicles through renderer and broker to a subscriber, beside one paho-mqtt client on the same "
        "broker.",
        (
            Number("vehicles", 100_000, "Vehicles, each posting once a second.", 1, 1_000_000),
            Number("seconds", 60, "How long.", 5, 3600),
            Number("peer_seconds", 5.0, "How long the paho-mqtt client publishes.", 1, 600),
        ),
        begins="{vehicles:,} vehicles for {seconds} s, then the peer for {peer_seconds:g} s …",
        example="--vehicles 100000 --json",
    ),
    Benchmark(
        "small-run",
        "small_run:bench_small_run",
        "Simulated seconds per second of processor time of all processes: a small fleet flat out, one subscriber.",
        (
            Number("vehicles", 100, "Vehicles of the bundled morning.", 1, 10_000),
            Number("seconds", 3_600, "Simulated seconds.", 10, 7_200),
        ),
        begins="{vehicles:,} vehicles for {seconds:,} simulated s …",
        example="--vehicles 100 --json",
    ),
    Benchmark(
        "judged",
        "judged:bench_judged",
        "What testing costs: a fleet with network, faults and expectations beside a plain one; advance; the fixture.",
        (
            Number("vehicles", 10_000, "Vehicles of the whole runs, all driving.", 10, 100_000),
            Number("seconds", 120, "Simulated seconds of the whole runs.", 2, 3_600),
            Number("rounds", 2, "Runs of each kind, in turn; the cheapest counts.", 1, 20),
            Number("advances", 200, "Advances of one second, with 200 vehicles.", 2, 10_000),
        ),
        begins="{rounds} times {vehicles:,} cars for {seconds:,} s, plain and judged; then {advances:,} advances …",
        example="--vehicles 10000 --json",
    ),
    Benchmark(
        "backdated",
        "backdated:bench_backdated",
        "Wall time of a past day to Parquet: whole runs at night, in the rush hour and in the afternoon.",
        (
            Number("vehicles", 10_000, "Vehicles, each reporting every ten seconds.", 1, 100_000),
            Number("seconds", 1_200, "Simulated seconds of each part.", 10, 14_400),
        ),
        begins="{vehicles:,} vehicles, three times {seconds:,} simulated s …",
        example="--vehicles 10000 --json",
    ),
    Benchmark(
        "broker",
        "broker:bench_broker",
        "Processor time per message of the embedded broker, beside mosquitto's: floods, permissions, fan-out.",
        (
            Number("seconds", 5.0, "How long each load lasts.", 0.2, 600),
            Number("rounds", 3, "Floods per broker; the cheapest counts.", 1, 20),
            Number("publishers", 1_000, "Publishers of the fan-out to 100.", 1, 15_000),
        ),
        begins="{rounds} rounds of ten floods of {seconds:g} s, then the fan-out …",
    ),
    Benchmark(
        "connections",
        "connections:bench_connections",
        "Memory and processor time of thousands of authenticated connections, beside mosquitto without authentication.",
        (
            Number("connections", 15_000, "Idle connections.", 1, 60_000),
            Number("publishing", 2_000, "Connections that publish.", 1, 15_000),
            Number("seconds", 5.0, "How long they publish.", 0.5, 600),
            # Each is a login of every device, and so is the storm: the platform allows five a minute.
            Number("rounds", 3, "Rounds per broker; the cheapest counts.", 1, 4),
            Number("storm", 1_000.0, "Logins begun per second.", 1, 20_000),
        ),
        begins="{connections:,} logins, then {publishing:,} connections for {seconds:g} s …",
        example="--connections 15000 --json",
    ),
    Benchmark(
        "posts",
        "posts:bench_posts",
        "Property posts of foreign devices per second of one core: through sockets and broker, checked, replied to.",
        (
            Number("connections", 2_000, "Devices, each one post at a time.", 1, 15_000),
            Number("seconds", 10.0, "How long each form of post lasts.", 0.2, 600),
        ),
        begins="{connections:,} devices, twice {seconds:g} s …",
    ),
    Benchmark(
        "rules",
        "rules:bench_rules",
        "Rows per second of a rule's SQL on a simulated fleet's columns, beside each message by itself.",
        (
            Number("vehicles", 10_000, "Rows per batch.", 1, 1_000_000),
            Number("seconds", 2.0, "About how long, for each figure.", 0.05, 600),
        ),
    ),
    Benchmark(
        "amqp",
        "amqp:bench_amqp",
        "A simulated fleet's messages through a consumer group to an AMQP consumer; and to rhea and qpid-proton.",
        (
            Number("vehicles", 1_000, "Vehicles, and messages of each block.", 1, 100_000),
            Number("seconds", 5.0, "How long each load lasts.", 0.2, 600),
        ),
        begins="{vehicles:,} vehicles, up to four loads of {seconds:g} s …",
    ),
    Benchmark(
        "commands",
        "commands:bench_commands",
        "Milliseconds until a simulated car has executed a property set or a cloud call, beside the broker alone.",
        (
            Number("vehicles", 1_000, "Vehicles, each posting once a second.", 1, 100_000),
            Number("commands", 300, "Round trips of each kind.", 10, 100_000),
        ),
        begins="{vehicles:,} vehicles, {commands:,} commands of each kind …",
    ),
    Benchmark(
        "openapi",
        "openapi:bench_openapi",
        "Processor time of a cloud call, SetDeviceProperty, with both signatures; its answer's time beside a fleet.",
        (
            Number("vehicles", 1_000, "Vehicles, each posting once a second, beside the steady rate.", 1, 100_000),
            Number("calls", 20_000, "Calls of each kind, as fast as they are answered.", 100, 200_000),
            Number("per_s", 200, "Calls a second beside the vehicles.", 1, 2_000),
            Number("seconds", 20.0, "How long beside the vehicles.", 0.2, 600),
        ),
        begins="three times {calls:,} calls, then {per_s:,} a second for {seconds:g} s beside {vehicles:,} vehicles …",
        example="--calls 20000 --json",
    ),
)

BENCH = Group(
    "bench",
    "Measure this machine: every figure beside a peer's figure from the same run.",
    (
        *BENCHMARKS,
        Command("all", "bench:all_", "Run every benchmark with its default options, one after the other."),
        Command(
            "install-fastsim",
            "bench:install_fastsim",
            "Install FASTSim 2.1.5, the peer of `bench physics`, into its own environment.",
        ),
        Command(
            "install-amqp-clients",
            "bench:install_amqp_clients",
            "Install rhea 3.0.5 and qpid-proton 0.40.0, the peers of `bench amqp`, into environments of their own.",
        ),
        Command(
            "install-sumo",
            "bench:install_sumo",
            "Install SUMO 1.28.0, the peer of `bench sumo`, into its own environment.",
        ),
    ),
)
