"""Every command of `jinqiao`, in the order of its help."""

from __future__ import annotations

from ..bench.table import BENCH
from .ctl_where import where
from .rows import Command, Group
from .version import with_version

__all__ = ["JINQIAO"]

_PRODUCT = Group(
    "product",
    "The products of a data folder.",
    (
        Command("add", "product:add", "Add a product; prints its key and secret."),
        Command("list", "product:list_", "List the products."),
        Command("show", "product:show", "Show a product with its secret."),
        Command("disable", "product:disable", "Disable every device of a product: none can connect."),
        Command("enable", "product:enable", "Let every device of a product connect again."),
        Command("delete", "product:delete", "Delete a product with all its devices."),
    ),
)

_DEVICE = Group(
    "device",
    "The devices of a data folder.",
    (
        Command(
            "add",
            "device:add",
            "Register a device; prints its credentials, ready to paste. A running server picks it up at once.",
        ),
        Command("list", "device:list_", "List a product's devices."),
        Command("show", "device:show", "Show a device with its credentials, ready to paste."),
        Command("disable", "device:disable", "Disable a device: it is disconnected and cannot connect again."),
        Command("enable", "device:enable", "Let a device connect again."),
        Command("delete", "device:delete", "Delete a device and everything stored about it."),
    ),
)

_APPLICATION = Group(
    "application",
    "The applications of a data folder: the clients that read its devices over MQTT and by cloud call.",
    (
        Command(
            "add",
            "application:add",
            "Add an application; prints its credentials, ready to paste. A running server picks it up at once.",
        ),
        Command("list", "application:list_", "List the applications."),
        Command("show", "application:show", "Show an application with its credentials, ready to paste."),
        Command(
            "delete",
            "application:delete",
            "Delete an application: its open connections can no longer read or write.",
        ),
    ),
)

_CATALOG = Group(
    "catalog",
    "The vehicles that can be simulated.",
    (
        Command(
            "simulate", "catalog_runs:simulate", "Drive one cycle on the dynamometer, warm, and report the consumption."
        ),
        Command(
            "charge",
            "catalog_runs:charge",
            "Charge from one percentage to another and report time, energy and the power curve.",
        ),
        Command(
            "cell",
            "catalog_runs:cell",
            "Apply a current to one reference cell (nmc: Chen2020, 5 Ah; lfp: Prada2013, 2.3 Ah), isothermal.",
        ),
        Command(
            "verify",
            "catalog_verify:verify",
            "Simulate every vehicle on its cycles and its fast charge, and compare the results with published figures.",
        ),
        Command("list", "catalog:list_", "List every vehicle in the catalogue."),
        Command("show", "catalog:show", "Show one vehicle's data, its published figures and their sources."),
    ),
)

_GBT32960 = Group(
    "gbt32960",
    "GB/T 32960: what a vehicle reports to an authority's platform, editions 2016 and 2025.",
    (
        Command(
            "encode",
            "gbt32960:encode",
            "Drive a cycle and write what the car would report: login, real-time data, logout.",
        ),
        Command(
            "decode",
            "gbt32960:decode",
            "Print each frame of a file as one JSON line; report what cannot be read on stderr, with exit code 1 at "
            "the end.",
        ),
    ),
)

_CAN = Group(
    "can",
    "The vehicle's CAN: its DBC, and logs of a drive or a DC charge.",
    (
        Command("dbc", "can:dbc", "Print the message table as a DBC: a synthetic, generic electric car."),
        Command(
            "log", "can:log", "Write a log in candump format: a car on a drive cycle or, with --charge, a DC charge."
        ),
    ),
)

_RULE = Group(
    "rule",
    "Rules: SQL on the platform's messages.",
    (
        Command(
            "try",
            "rule:try_",
            "Show what a rule's SQL makes of messages: one line on stdout for each that it lets through.",
        ),
    ),
)

#: What the commands of `ctl` import when they are called.
_CLIENT = ("jinqiao.testing.client",)

_CTL = Group(
    "ctl",
    "A run from a shell: let it go and stand, break something, ask for verdicts.\n\n"
    "Begin with:  jinqiao run SCENARIO --paused",
    (
        Command(
            "state",
            "ctl:state",
            "Print how the run stands: simulated time, speed, how many vehicles do what, what was published.",
            work=_CLIENT,
        ),
        Command("pause", "ctl:pause", "Let the run stand still.", work=_CLIENT),
        Command("resume", "ctl:resume", "Let the run go on, at the speed that was set.", work=_CLIENT),
        Command("speed", "ctl:speed", "Set the run's speed; a run that stands still goes on standing.", work=_CLIENT),
        Command(
            "advance",
            "ctl:advance",
            "Run for so much simulated time as fast as possible, then stand still; returns when all of it "
            "was forwarded.",
            work=_CLIENT,
        ),
        Command("vehicles", "ctl:vehicles", "List vehicles: VIN, model, state, charge, position.", work=_CLIENT),
        Command("vehicle", "ctl:vehicle", "Print one vehicle with all its signals.", work=_CLIENT),
        Command(
            "stations",
            "ctl:stations",
            "List charging stations: what each connector delivers, and how many vehicles wait.",
            work=_CLIENT,
        ),
        Command("fault", "ctl:fault", "Inject a fault, end one, or list those that are active and past.", work=_CLIENT),
        Command(
            "command",
            "ctl:command",
            "Call a service of vehicles, or set their properties, and print what became of it in each.",
            work=_CLIENT,
        ),
        Command(
            "labels", "ctl:labels", "List the ground truth: every fault that began or ended in a vehicle.", work=_CLIENT
        ),
        Command(
            "detect",
            "ctl:detect",
            "Report a detection of the product under test, to be scored against the ground truth.",
            work=_CLIENT,
        ),
        Command(
            "expect",
            "ctl:expect",
            "Judge an expectation over the run so far, or list the scenario's; exit code 1 when one does not hold.",
            work=_CLIENT,
        ),
        Command(
            "stop", "ctl:stop", "End the run as Ctrl-C does: it prints its summary and its verdicts.", work=_CLIENT
        ),
    ),
    where,
)

_SCENARIO = Group(
    "scenario",
    "The scenarios that come with the program.",
    (
        Command("list", "bundled:list_", "List the bundled scenarios; `jinqiao run NAME` runs one from any folder."),
        Command(
            "copy",
            "bundled:copy",
            "Copy a bundled scenario so that you can change it, and beside it the schema editors check it against.",
        ),
    ),
)

JINQIAO = Group(
    "jinqiao",
    "A connected-car IoT sandbox: fleets of realistic EVs on the topics of a cloud IoT platform.\n\n"
    "Begin with:  jinqiao run jinqiao-morning --for 60s",
    (
        Command(
            "run",
            "run:run",
            "Drive a scenario's fleets and publish their telemetry on an embedded broker.",
            work=("..run.asked", "..run.execute"),
        ),
        Command(
            "serve",
            "serve:serve",
            "Serve the platform for the devices of a registry: MQTT by its rules, and cloud calls over HTTP.",
            work=("..serving",),
        ),
        Command(
            "certs",
            "certs:certs",
            "Create a test authority (ca.pem) and a server certificate for localhost and 127.0.0.1.",
        ),
        _CTL,
        Command("vehicles", "vehicles:vehicles", "List vehicles: VIN, model, fleet, state and state of charge."),
        Command("watch", "watch:watch", "Follow topics and print each message; stop with Ctrl-C."),
        Command(
            "record",
            "record:record",
            "Record live topics byte for byte; Ctrl-C ends the recording and leaves a complete file.",
        ),
        Command(
            "replay",
            "replay:replay",
            "Send a recording to a broker with its original timing, dated now; Ctrl-C ends it and prints the report.",
            work=("..recordings.replay",),
        ),
        Command(
            "convert",
            "convert:convert",
            "Convert a recording; file extensions choose the formats. What cannot be read is reported, the rest is "
            "converted.",
        ),
        Command(
            "new",
            "new:new",
            "Write a commented scenario to start from, and beside it the schema that editors check it against.",
        ),
        _SCENARIO,
        Command("validate", "scenario:validate", "Check scenario files and report every problem as file:line:column."),
        Command(
            "schema",
            "scenario:schema",
            "Print or write the JSON Schema of scenario files, for completion and validation in an editor.",
        ),
        Command(
            "log",
            "inspection:log",
            "Show what was refused or failed, with the platform's code, like the vendor's console.",
        ),
        Command(
            "thing-model", "inspection:thing_model", "Check thing models and report every problem as file:line:column."
        ),
        _PRODUCT,
        _DEVICE,
        _APPLICATION,
        _RULE,
        _CATALOG,
        _GBT32960,
        _CAN,
        BENCH,
    ),
    with_version,
)
