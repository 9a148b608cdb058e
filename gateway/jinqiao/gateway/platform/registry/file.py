"""The registry file (`--registry FILE.yaml`): its form, and the registry it describes.

Strict: unknown keys, duplicate names and references to unknown products are refused, all at once,
each with its place. Paths of thing models are relative to the registry file.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from jinqiao.base.document import Document, did_you_mean
from jinqiao.base.errors import Problem, RegistryError
from jinqiao.gateway.platform.converters.base import Converter
from jinqiao.gateway.platform.converters.layout import Field as RawField
from jinqiao.gateway.platform.converters.layout import Layout
from jinqiao.gateway.platform.converters.script_converter import ScriptConverter, fault_of
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.thing_model import ThingModel
from jinqiao.wire.alink.thing_model_file import load_thing_model, load_thing_models
from jinqiao.wire.alink.topics import RESERVED_KEYS

from ..rules.judge import ActionFault, Judge, SqlFault
from ..rules.rule import Rule, RuleAction
from .accounts import OPERATOR, AccessKey
from .devices import ListedDevices
from .registry import Application, ConsumerGroup, Product, Registry

__all__ = ["RegistryFile", "load_registry"]

_logger = logging.getLogger(__name__)

Place = tuple[str | int, ...]


def _not_a_system_root(key: str) -> str:
    if key in RESERVED_KEYS:
        raise ValueError(f"{key!r} is the root of system topics; no product can be called so")
    return key


def _not_zero(scale: float) -> float:
    if scale == 0 or not math.isfinite(scale):
        raise ValueError("a scale is a finite number other than 0")
    return scale


ProductKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,32}$"), AfterValidator(_not_a_system_root)]
DeviceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:@-]{1,32}$")]
Secret = Annotated[str, Field(min_length=1, max_length=128)]
#: `&` parts a device's name from its product key in MQTT user names.
Username = Annotated[str, Field(pattern=r"^[^&\x00]{1,128}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DeviceEntry(_Strict):
    device_name: DeviceName
    device_secret: Secret = Field(repr=False)


class RawFieldEntry(_Strict):
    identifier: str
    format: Literal["u8", "i8", "u16", "i16", "u32", "i32", "f32", "f64"]
    scale: Annotated[int | float, AfterValidator(_not_zero)] = 1
    offset: int | float = 0


class ProductEntry(_Strict):
    product_key: ProductKey
    name: str
    #: A TSL file beside the registry, or several of one module each; without one the product is an EV like the
    #: simulated ones.
    thing_model: str | Annotated[list[str], Field(min_length=1)] | None = None
    product_secret: Secret | None = Field(default=None, repr=False)
    dynamic_registration: bool = False
    node_type: Literal["device", "gateway", "sub_device"] | None = None
    #: As the platform's products have it: type and range, identifier and type alone, or nothing.
    validation: Literal["strong", "weak", "none"] = "strong"
    #: What turns raw data into Alink and back: a Python script beside the registry, or the fields of one frame.
    raw_script: str | None = None
    raw_layout: list[RawFieldEntry] = Field(default_factory=list)
    devices: list[DeviceEntry] = Field(default_factory=list)


class AccessKeyEntry(_Strict):
    id: Annotated[str, Field(min_length=1)]
    secret: Secret = Field(repr=False)
    #: Absent: all.
    products: list[str] | None = None
    #: Whether it may make only the calls that change nothing.
    read_only: bool = False


class ApplicationEntry(_Strict):
    username: Username
    password: Secret = Field(repr=False)
    #: Absent: all.
    products: list[str] | None = None


class ConsumerGroupEntry(_Strict):
    id: Annotated[str, Field(min_length=1)]
    products: list[str] = Field(default_factory=list)


class RuleActionEntry(BaseModel):
    """`type` and, beside it, what is the action's configuration."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: Annotated[str, Field(min_length=1)]
    #: It gets what the other actions failed to send.
    error_action: bool = False


class RuleEntry(_Strict):
    name: Annotated[str, Field(min_length=1, max_length=30)]
    sql: str
    actions: Annotated[list[RuleActionEntry], Field(min_length=1)]


class RegistryFile(_Strict):
    """The whole file."""

    products: list[ProductEntry] = Field(default_factory=list)
    access_keys: list[AccessKeyEntry] = Field(default_factory=list)
    applications: list[ApplicationEntry] = Field(default_factory=list)
    consumer_groups: list[ConsumerGroupEntry] = Field(default_factory=list)
    #: They run as long as the file names them.
    rules: list[RuleEntry] = Field(default_factory=list)
    anonymous: bool = False
    deny_subscribe: list[str] = Field(default_factory=list)


def load_registry(path: Path | str, known: Iterable[str] = (), judge: Judge | None = None) -> Registry:
    """The registry that `path` describes; raises RegistryError.

    `known` are product keys that are there without it, such as those of a data folder: it may name them. `judge` says
    what is wrong with a rule.
    """
    document = Document.load(path, error=RegistryError)
    file = document.check(RegistryFile)
    folder = Path(path).parent
    models, model_problems = _thing_models(document, file, folder)
    found = [
        *_repeats(document, file),
        *_strangers(document, file, known),
        *_converter_problems(document, file, folder),
        *(_rule_problems(document, file, judge) if judge is not None else ()),
    ]
    problems = list(document.refusal(found).problems)
    if problems or model_problems:
        raise RegistryError([*problems, *model_problems])
    return Registry(
        (_product(entry, model, folder) for entry, model in zip(file.products, models, strict=True)),
        (Application(a.username, a.password, _named(a.products)) for a in file.applications),
        access_keys=(AccessKey(key.id, key.secret, _named(key.products), key.read_only) for key in file.access_keys),
        consumer_groups=(ConsumerGroup(group.id, frozenset(group.products)) for group in file.consumer_groups),
        anonymous=file.anonymous,
        deny_subscribe=file.deny_subscribe,
        rules=_rules(file),
    )


def _rules(file: RegistryFile) -> Iterator[Rule]:
    """Those of the file run from the start, for whoever runs the sandbox."""
    number = 0
    for at, entry in enumerate(file.rules, 1):
        actions = []
        for action in entry.actions:
            number += 1
            configuration = orjson.dumps(_configuration(action)).decode()
            actions.append(RuleAction(number, action.type, configuration, action.error_action))
        yield Rule(at, entry.name, OPERATOR.name, text=entry.sql, running=True, actions=tuple(actions))


def _configuration(action: RuleActionEntry) -> dict[str, Any]:
    return dict(action.model_extra or {})


def _rule_problems(document: Document, file: RegistryFile, judge: Judge) -> Iterator[Problem]:
    for row, entry in enumerate(file.rules):
        try:
            judge.topic_of(entry.sql)
        except SqlFault as fault:
            why = f"line {fault.line}, column {fault.column} of the statement: {fault.message}"
            yield document.problem(("rules", row, "sql"), why)
        for index, action in enumerate(entry.actions):
            where: Place = ("rules", row, "actions", index)
            try:
                judge.check(action.type, _configuration(action))
            except ActionFault as refused:
                known = refused.key in (action.model_extra or {})
                yield document.problem((*where, refused.key if known else "type"), refused.message)
        if all(action.error_action for action in entry.actions):
            yield document.problem(("rules", row, "actions"), "a rule needs an action beside its error action")


def _named(products: list[str] | None) -> frozenset[str] | None:
    return None if products is None else frozenset(products)


def _product(entry: ProductEntry, model: ThingModel, folder: Path) -> Product:
    return Product(
        key=entry.product_key,
        name=entry.name,
        thing_model=model,
        devices=ListedDevices({device.device_name: device.device_secret for device in entry.devices}),
        secret=entry.product_secret,
        dynamic_registration=entry.dynamic_registration,
        node_type=entry.node_type or "unstated",
        converter=_converter(entry, folder),
    )


def _converter(entry: ProductEntry, folder: Path) -> Converter | None:
    if entry.raw_script is not None:
        return ScriptConverter(folder / entry.raw_script)
    if entry.raw_layout:
        return Layout([RawField(f.identifier, f.format, f.scale, f.offset) for f in entry.raw_layout])
    return None


def _converter_problems(document: Document, file: RegistryFile, folder: Path) -> Iterator[Problem]:
    for row, entry in enumerate(file.products):
        if entry.raw_script is not None:
            script = folder / entry.raw_script
            if not script.is_file():
                yield document.problem(("products", row, "raw_script"), f"no file {entry.raw_script!r}")
            elif (fault := fault_of(script)) is not None:
                line, why = fault
                hint = "a script defines raw_data_to_protocol(raw) and protocol_to_raw_data(message)"
                yield Problem(str(script), line, 1, "", why, hint)
        if entry.raw_script is not None and entry.raw_layout:
            yield document.problem(("products", row, "raw_layout"), "a product has a raw_script or a raw_layout")


def _thing_models(document: Document, file: RegistryFile, folder: Path) -> tuple[list[ThingModel], list[Problem]]:
    models: list[ThingModel] = []
    problems: list[Problem] = []
    for row, entry in enumerate(file.products):
        if entry.thing_model is None:
            models.append(ev_thing_model(entry.product_key))
            continue
        where: Place = ("products", row, "thing_model")
        one = isinstance(entry.thing_model, str)
        names = [entry.thing_model] if isinstance(entry.thing_model, str) else entry.thing_model
        absent = [index for index, name in enumerate(names) if not (folder / name).is_file()]
        if absent:
            places = [(where if one else (*where, index), names[index]) for index in absent]
            problems += [document.problem(place, f"no file {name!r}") for place, name in places]
            continue
        paths = [folder / name for name in names]
        try:
            model = (
                load_thing_model(paths[0], validation=entry.validation)
                if one
                else load_thing_models(paths, validation=entry.validation)
            )
        except RegistryError as refused:
            problems += refused.problems
            continue
        if model.hollow:
            named = ", ".join(map(repr, model.hollow))
            _logger.warning("%s: refers to the modules %s, which are in none of its files", ", ".join(names), named)
        models.append(model)
    return models, problems


def _repeats(document: Document, file: RegistryFile) -> Iterator[Problem]:
    """Names that appear twice where they must be unique."""
    yield from _repeated(document, ("products",), "product_key", (p.product_key for p in file.products))
    for row, product in enumerate(file.products):
        names = (device.device_name for device in product.devices)
        yield from _repeated(document, ("products", row, "devices"), "device_name", names)
    yield from _repeated(document, ("access_keys",), "id", (key.id for key in file.access_keys))
    yield from _repeated(document, ("applications",), "username", (a.username for a in file.applications))
    yield from _repeated(document, ("rules",), "name", (rule.name for rule in file.rules))
    yield from _repeated(document, ("consumer_groups",), "id", (group.id for group in file.consumer_groups))


def _repeated(document: Document, where: Place, key: str, names: Iterable[Hashable]) -> Iterator[Problem]:
    seen: set[Hashable] = set()
    for row, name in enumerate(names):
        if name in seen:
            yield document.problem((*where, row, key), f"{name!r} appears twice; it must be unique")
        seen.add(name)


def _strangers(document: Document, file: RegistryFile, others: Iterable[str]) -> Iterator[Problem]:
    """References to products that are not there."""
    known = {*(product.product_key for product in file.products), *others}
    lists = (
        *((("access_keys", row), key.products or ()) for row, key in enumerate(file.access_keys)),
        *((("applications", row), a.products or ()) for row, a in enumerate(file.applications)),
        *((("consumer_groups", row), group.products) for row, group in enumerate(file.consumer_groups)),
    )
    for where, products in lists:
        for index, key in enumerate(products):
            if key not in known:
                message = f"no product {key!r} in this registry{did_you_mean(key, known)}"
                yield document.problem((*where, "products", index), message)
