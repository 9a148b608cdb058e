"""What outlives the process: the file, the registry that it seeds, and what a platform is told of others' changes."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.broker.policy import Login, Refused
from jinqiao.gateway.platform.devices.device_log import LogEntry
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import OPERATOR, AccessKey
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Application, ConsumerGroup, Device, Product, Registry
from jinqiao.gateway.storage import keeper as keeper_module
from jinqiao.gateway.storage.applications import application_row, deleted_row
from jinqiao.gateway.storage.keeper import Keeper, attach, restore
from jinqiao.gateway.storage.registry import load_kept, product_row, seed, take_over
from jinqiao.gateway.storage.sqlite import FILE, MOST_OF_STRANGERS, Row, Storage
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.signature import client_content, sign
from support.carrier import NotingCarrier

PK = "a1carPK0001"


def registry(**devices: str) -> Registry:
    product = Product(PK, "T-Box", ev_thing_model(PK), ListedDevices(devices), "ps", True, "gateway")
    return Registry(
        [product],
        [Application("app", "pw", frozenset({PK}))],
        access_keys=[AccessKey("id", "secret")],
        consumer_groups=[ConsumerGroup("group", frozenset({PK}))],
    )


def platform_of(folder: Path, file: Registry | None = None) -> Platform:
    storage = Storage(folder)
    known = seed(storage, file) if file is not None else load_kept(storage)
    platform = Platform(known, clock_ms=lambda: 1_795_333_508_413)
    attach(platform, storage)
    return platform


def device_of(platform: Platform, name: str) -> Device:
    device = platform.registry.device(PK, name)
    assert device is not None
    return device


# The file.


def test_values_come_back(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "new" / "folder")
    storage.keep("tags", f"{PK}/d", {"vin": "金", "n": 1})
    storage.keep("tags", f"{PK}/gone", {})
    storage.keep("tags", f"{PK}/gone", None)
    storage.close()
    assert list(Storage(tmp_path / "new" / "folder").rows()) == [("tags", f"{PK}/d", {"vin": "金", "n": 1}, "")]


def test_it_is_written_before_keep_returns(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    pragmas = {name: storage._base.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    storage.keep("tags", f"{PK}/d", [1])
    other = sqlite3.connect(tmp_path / FILE)
    assert other.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def test_all_or_nothing(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    with pytest.raises(EnvironmentFault, match="cannot keep tags"):
        storage.keep_all([Row("tags", f"{PK}/d", {}), Row("tags", f"{PK}/e", object())])
    assert list(storage.rows()) == []
    storage.keep("tags", f"{PK}/d", {})


def test_with_a_deleted_device_goes_what_was_kept_of_it(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    for kind in ("device", "record", "shadow"):
        storage.keep(kind, f"{PK}/d", {"x": 1})
        storage.keep(kind, f"{PK}/e", {"x": 1})
    storage.keep("device", f"{PK}/d", {"deleted": True})
    assert {(row.kind, row.device_name) for row in storage.rows()} == {
        ("device", "d"),
        *((kind, "e") for kind in ("device", "record", "shadow")),
    }


def test_another_process_is_noticed(tmp_path: Path) -> None:
    mine, other = Storage(tmp_path), Storage(tmp_path)
    mine.keep("tags", f"{PK}/d", 1)
    assert not mine.changed_elsewhere()
    other.keep("tags", f"{PK}/d", 2)
    assert mine.changed_elsewhere()
    assert not mine.changed_elsewhere()


def test_the_log_is_bounded_and_told_by_device(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    entries = [LogEntry(n, PK, f"d{n % 2}", "t", 460, "why") for n in range(10_100)]
    storage.write_log(entries[:6_000])
    storage.write_log(entries[6_000:])
    assert list(storage.log()) == entries[100:]
    assert list(storage.log(PK, "d1"))[-1] == entries[-1]
    assert list(storage.log("other")) == []


def test_strangers_do_not_wash_out_what_devices_did(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    storage.write_log([LogEntry(1, PK, "d1", "t", 460, "real")])
    for _ in range(6):
        storage.write_log([LogEntry(2, PK, "d1", "CONNECT", 6287, "wrong")] * 2_000, strangers=True)
    entries = list(storage.log())
    assert len(entries) == MOST_OF_STRANGERS + 1
    assert entries[0].message == "real"
    storage.write_log([LogEntry(3, PK, "d1", "t", 460, "real")] * 10_100)
    assert len(list(storage.log())) == MOST_OF_STRANGERS + 10_000


def test_a_refused_login_is_a_strangers_whatever_name_it_gives(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    platform = Platform(seed(storage, registry(d1="s1")))
    keeper = attach(platform, storage)
    platform.log.record(PK, "d1", "topic", 460, "the device's own")
    for name in ["d1", "nobody"] * 700:
        with pytest.raises(Refused):
            platform.authenticate(Login("c||", f"{name}&{PK}", b"wrong", 4, True, 60))
    assert len(platform.log) == 1_001
    assert next(iter(platform.log)).message == "the device's own"
    keeper.round()
    entries = list(storage.log())
    assert (len(entries), entries[0].message) == (MOST_OF_STRANGERS + 1, "the device's own")


def test_folder_and_files_are_their_owners_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "new" / "data"
    umask = os.umask(0o022)
    try:
        storage = Storage(folder)
        storage.keep("tags", f"{PK}/d1", {"a": "b"})
        modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
        assert modes == {"data": 0o700, FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
        assert caplog.text == ""
        storage.close()
        folder.chmod(0o755)
        (folder / FILE).chmod(0o644)
        Storage(folder).close()
        assert f"chmod 700 {folder}" in caplog.text
    finally:
        os.umask(umask)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("record", f"{PK}/d1", b"5"),
        ("record", f"{PK}/d1", b"not json"),
        ("record", f"{PK}/d1", None),
        ("shadow", f"{PK}/d1", b"[]"),
        ("properties", f"{PK}/d1", b'{"a":5}'),
        ("desired", f"{PK}/d1", b'"x"'),
        ("config", PK, b"{}"),
        ("firmware", f"{PK}#f", b'{"odd":1}'),
        ("device", f"{PK}/d1", b"7"),
        ("product", PK, b"[]"),
        ("product", PK, b"{}"),
        ("house", "", b"{}"),
    ],
)
def test_an_odd_row_is_named_with_its_file(tmp_path: Path, kind: str, key: str, value: bytes | None) -> None:
    platform_of(tmp_path, registry(d1="s1"))
    Storage(tmp_path)._base.execute("REPLACE INTO kept VALUES ('', ?, ?, ?)", (kind, key, value or 5))
    with pytest.raises(EnvironmentFault) as fault:
        platform_of(tmp_path)
    assert (str(tmp_path / FILE) in str(fault.value)) or f"{key!r} cannot be read" in str(fault.value)
    assert repr(key) in str(fault.value)
    assert fault.value.exit_code == 3


def test_a_damaged_page_is_named_with_its_file(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    for number in range(2_000):
        storage._base.execute("INSERT INTO kept VALUES ('', 'tags', ?, ?)", (f"{PK}/d{number}", b'{"a":"b"}'))
    storage._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    storage.close()
    whole = bytearray((tmp_path / FILE).read_bytes())
    whole[3 * 4_096 : -4_096] = b"\x5a" * (len(whole) - 4 * 4_096)
    (tmp_path / FILE).write_bytes(whole)
    damaged = Storage(tmp_path)
    with pytest.raises(EnvironmentFault, match=rf"{FILE} is damaged: .*; restore it from a backup"):
        list(damaged.rows())


def test_what_keys_and_applications_may_is_kept(tmp_path: Path) -> None:
    file = registry()
    file.access_keys = {
        key: AccessKey(key, "s", products, read_only=key != "one") for key, products in PRODUCTS.items()
    }
    file.applications = {name: Application(name, "s", products) for name, products in PRODUCTS.items()}
    platform_of(tmp_path, file)
    kept = platform_of(tmp_path).registry
    assert (kept.access_keys, kept.applications) == (file.access_keys, file.applications)


PRODUCTS = {"all": None, "one": frozenset({PK}), "none": frozenset[str]()}


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    storage._base.execute("PRAGMA query_only=1")
    for write in (lambda: storage.keep("tags", f"{PK}/d", 1), lambda: storage.write_log([])):
        with pytest.raises(EnvironmentFault, match="cannot keep"):
            write()


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    Storage(tmp_path)._base.execute("PRAGMA user_version=99")
    with pytest.raises(EnvironmentFault, match="version 99"):
        Storage(tmp_path)


def test_a_file_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """As cbe1541 wrote it: product key and device name in two columns, a firmware's id in the second."""
    base = sqlite3.connect(tmp_path / FILE)
    base.executescript(
        """CREATE TABLE kept (kind TEXT NOT NULL, product_key TEXT NOT NULL, device_name TEXT NOT NULL,
            value BLOB NOT NULL, PRIMARY KEY (kind, product_key, device_name)) WITHOUT ROWID;
        CREATE TABLE log (number INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL,
            product_key TEXT NOT NULL, device_name TEXT NOT NULL, topic TEXT NOT NULL, code INTEGER NOT NULL,
            message TEXT NOT NULL);
        INSERT INTO log VALUES (NULL, 5, 'pk', 'd', 't', 460, 'why');
        PRAGMA user_version=1;"""
    )
    firmware = {"version": "2", "size": 1, "url": "u", "sign": "s"}
    rows = [
        ("house", "", "", {"access_keys": {"id": "secret"}, "applications": [], "consumer_groups": []}),
        ("device", PK, "d1", {"secret": "s1"}),
        ("tags", PK, "d1", {"vin": "LSV"}),
        ("config", PK, "", {"enabled": True, "content": "{}"}),
        ("firmware", PK, "f" * 32, firmware),
    ]
    value = product_row(registry().products[PK]).value
    rows.append(("product", PK, "", value))
    for kind, product_key, device_name, value in rows:
        base.execute("INSERT INTO kept VALUES (?, ?, ?, ?)", (kind, product_key, device_name, json.dumps(value)))
    base.commit()
    base.close()
    platform = platform_of(tmp_path)
    assert platform.parts.states.of(device_of(platform, "d1")).tags == {"vin": "LSV"}
    assert (package := platform.parts.catalogue.package("f" * 32)) is not None
    assert (package.product_key, package.firmware.version) == (PK, "2")
    assert platform.parts.configs[PK].content == b"{}"
    assert platform.registry.access_keys["id"].secret == "secret"
    assert [entry.code for entry in Storage(tmp_path).log()] == [460]


def test_of_simulated_vehicles_nothing_is_kept(tmp_path: Path) -> None:
    """The next run would begin with what the last one left."""
    storage = Storage(tmp_path)
    known = seed(storage, registry(d1="s1"))
    known.products["ev"] = simulated_product("ev", np.array([b"LBV00000000000001"]), fleet_secret="fleet")
    platform = Platform(known)
    keeper = attach(platform, storage)
    for product_key, name in (("ev", "LBV00000000000001"), (PK, "d1")):
        device = platform.registry.device(product_key, name)
        assert device is not None
        platform.operations.things.set_desired(OPERATOR, device, {"charging:ChargeLimit": 80})
        platform.parts.states.take_properties(device, {"VehicleSpeed": 1.0}, {}, 5)
    keeper.close()
    kinds = {(row.kind, row.product_key) for row in storage.rows()} - {("house", "")}
    assert kinds == {(kind, PK) for kind in ("product", "product_of_file", "device", "desired", "properties")}


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(EnvironmentFault, match=r"cannot keep data in .*jinqiao\.sqlite"):
        Storage(tmp_path)


# The registry.


def test_a_file_seeds_the_folder(tmp_path: Path) -> None:
    platform_of(tmp_path, registry(d1="s1", d2="s2"))
    known = platform_of(tmp_path).registry
    product = known.products[PK]
    assert (product.name, product.secret, product.dynamic_registration, product.node_type) == (
        "T-Box",
        "ps",
        True,
        "gateway",
    )
    assert {name: product.devices.secret(name) for name in product.devices} == {"d1": "s1", "d2": "s2"}
    assert product.thing_model.tsl == json.loads(json.dumps(ev_thing_model(PK).tsl))
    assert known.access_keys == {"id": AccessKey("id", "secret")}
    assert known.applications["app"].products == {PK}
    assert known.consumer_groups["group"].products == {PK}


def test_what_was_registered_is_added_and_what_was_deleted_stays_so(tmp_path: Path) -> None:
    platform = platform_of(tmp_path, registry(d1="s1", d2="s2"))
    platform.parts.provisioning.register(platform.registry.products[PK], "new", secret="s3")
    platform.parts.provisioning.delete(device_of(platform, "d1"))
    devices = platform_of(tmp_path, registry(d1="s1", d2="changed")).registry.products[PK].devices
    assert {name: devices.secret(name) for name in devices} == {"d2": "changed", "new": "s3"}
    again = platform_of(tmp_path, registry(d1="s1", d2="changed"))
    again.parts.provisioning.register(again.registry.products[PK], "d1", secret="back")
    assert platform_of(tmp_path).registry.products[PK].devices.secret("d1") == "back"


def test_an_application_goes_with_the_file_that_named_it_and_stays_deleted_when_a_command_said_so(
    tmp_path: Path,
) -> None:
    storage = Storage(tmp_path)
    storage.keep_all([application_row(Application("mine", "pw")), deleted_row("unwanted")])
    file = registry(d1="s1")
    file.applications = {name: Application(name, "pw") for name in ("one", "unwanted")}
    assert set(platform_of(tmp_path, file).registry.applications) == {"one", "mine"}
    file.applications = {"two": Application("two", "pw"), "mine": Application("mine", "of the file")}
    known = platform_of(tmp_path, file).registry.applications
    assert {name: known[name].password for name in known} == {"two": "pw", "mine": "of the file"}
    assert platform_of(tmp_path).registry.applications == known


def test_state_comes_back(tmp_path: Path) -> None:
    platform = platform_of(tmp_path, registry(d1="s1"))
    device = device_of(platform, "d1")
    message: dict[str, Any] = {"method": "update", "state": {"desired": {"mode": "sport"}}, "version": 7}
    assert (
        platform.operations.things.update_shadow(OPERATOR, device, json.dumps(message).encode())["payload"]["status"]
        == "success"
    )
    states = platform.parts.states
    with states.changing(device, "desired") as draft:
        draft.desired.set({"charging:ChargeLimit": 80}, None, 5)
    with states.changing(device, "tags") as draft:
        draft.tags["vin"] = "LSV"
    with states.changing(device, "versions") as draft:
        draft.versions["default"] = "1.0"
    platform.parts.records.note(device, nickname="car", activated_ms=3)
    before = states.of(device).dump()
    platform = platform_of(tmp_path)
    assert platform.parts.states.of(device_of(platform, "d1")).dump() == before
    assert platform.parts.records.of(device_of(platform, "d1")).nickname == "car"
    status = platform.parts.presence.status(PK, "d1")
    assert status is not None
    assert status.state == "offline"


# A running platform and the command line.


def test_a_platform_takes_over_what_another_process_did(tmp_path: Path) -> None:
    running = platform_of(tmp_path, registry(d1="s1", d2="s2", d3="s3"))
    carrier = NotingCarrier()
    running.carried_by(carrier)
    ended = carrier.closed
    other = platform_of(tmp_path)
    other.parts.provisioning.register(other.registry.products[PK], "new", secret="s4")
    other.parts.provisioning.delete(device_of(other, "d1"))
    other.parts.provisioning.set_disabled(device_of(other, "d2"), True)
    take_over(running, Storage(tmp_path))
    assert set(running.registry.products[PK].devices) == {"d2", "d3", "new"}
    assert sorted(ended) == [f"{PK}/d1", f"{PK}/d2"]
    assert running.parts.records.is_disabled(f"{PK}/d2")
    other.parts.provisioning.set_disabled(device_of(other, "d2"), False)
    take_over(running, Storage(tmp_path))
    assert not running.parts.records.is_disabled(f"{PK}/d2")


def login_of(name: str, secret: str) -> Login:
    return Login("c||", f"{name}&{PK}", sign("hmacmd5", secret, client_content("c", name, PK)).encode(), 4, True, 60)


class Looking:
    """A platform with a clock, another process's view of its folder, and how often the platform took changes over."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        storage = Storage(folder)
        self.platform = Platform(seed(storage, registry(d1="s1")))
        restore(self.platform, storage)
        self.now_s = 100.0
        self.keeper = Keeper(self.platform, storage, lambda: self.now_s)
        self.other = Storage(folder)
        self.count, self.broken = 0, False
        monkeypatch.setattr(keeper_module, "take_over", self.take_over)

    def take_over(self, platform: Platform, storage: Storage) -> None:
        self.count += 1
        self.now_s += 0.01
        if self.broken:
            raise EnvironmentFault("the disk is gone")
        take_over(platform, storage)

    def add(self, name: str) -> None:
        self.other.keep("device", f"{PK}/{name}", {"secret": "new"})

    def refused(self, name: str) -> bool:
        try:
            self.platform.authenticate(login_of(name, "new"))
        except Refused:
            return True
        return False


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looking:
    return Looking(tmp_path, monkeypatch)


def test_who_was_registered_a_moment_ago_may_log_in(looking: Looking) -> None:
    looking.add("new")
    assert not looking.refused("new")
    looking.other.keep_all([application_row(Application("backend", "pw"))])
    looking.now_s += 1
    principal = looking.platform.authenticate(Login("any", "backend", b"pw", 4, True, 60))
    assert (principal.kind, looking.count) == ("application", 2)


def test_strangers_do_not_have_the_folder_read_again_and_again(looking: Looking) -> None:
    for _ in range(100):
        assert looking.refused("nobody")
    assert looking.count == 0
    for number in range(50):  # others do change something, and nothing that helps
        looking.add(f"d{number}")
        assert looking.refused("nobody")
        looking.now_s += 0.001
    assert 1 <= looking.count <= 6


def test_what_could_not_be_taken_over_is_tried_again(looking: Looking, caplog: pytest.LogCaptureFixture) -> None:
    looking.broken = True
    looking.add("new")
    assert looking.refused("new")
    assert "the disk is gone" in caplog.text
    looking.broken = False
    looking.keeper.round()
    assert not looking.refused("new")


def test_who_has_another_secret_from_now_on_is_put_out_and_has_no_session(tmp_path: Path) -> None:
    running, storage = platform_of(tmp_path, registry(d1="s1", d2="s2")), Storage(tmp_path)
    carrier = NotingCarrier()
    running.carried_by(carrier)
    storage.keep("device", f"{PK}/d1", {"secret": "another"})
    take_over(running, storage)
    assert carrier.closed == [f"{PK}/d1"]
    assert running.registry.products[PK].devices.secret("d1") == "another"


def test_a_platform_takes_over_products(tmp_path: Path) -> None:
    running, storage = platform_of(tmp_path, registry(d1="s1")), Storage(tmp_path)
    storage.keep_all([product_row(Product("a1new", "New", ev_thing_model("a1new"), ListedDevices({})))])
    storage.delete_product(PK)
    take_over(running, storage)
    assert set(running.registry.products) == {"a1new"}
