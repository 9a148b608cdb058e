"""Thing models: edited as a draft, published as versions. Devices are judged by the last one published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from jinqiao.wire.alink.thing_model import FEATURES
from jinqiao.wire.alink.thing_model_json import features_from_json, json_words
from jinqiao.wire.alink.tsl_document import ModelError, as_module, compiled, is_generated, with_generated

from ..parts import Parts
from ..products.models import ModelVersion
from ..registry.accounts import Account
from ..registry.registry import Product
from .errors import OperationError, Reason
from .products import may_change
from .reach import Reach

__all__ = ["LONGEST_VERSION", "MOST_ADDED", "MOST_BYTES", "ThingModels"]

Json = dict[str, Any]

#: Features that one call adds (CreateThingModel); characters of a version and of its description.
MOST_ADDED, LONGEST_VERSION, _LONGEST_DESCRIPTION = 10, 16, 100
#: Bytes of a whole document: what the platform generates makes it three times what is said.
MOST_BYTES = 1024**2
_VERSION = re.compile(r"[A-Za-z0-9.]{1,16}")


class ThingModels:
    """Changes raise BAD_MODEL, with the place of what is wrong, and NOT_CHANGED for simulated vehicles."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def draft(self, account: Account, product: Product) -> Mapping[str, Any]:
        """The TSL document that is edited."""
        return self._parts.thing_models.draft(self._reach.product(account, product.key))

    def published(
        self, account: Account, product: Product, version: str = ""
    ) -> tuple[Mapping[str, Any], ModelVersion]:
        """The document of a version, of the last one if none is named; raises NO_VERSION.

        A model that came with its product has no version.
        """
        self._reach.product(account, product.key)
        if not version:
            last = next(iter(self._parts.thing_models.versions(product)), ModelVersion("", "", 0, {}))
            return product.thing_model.tsl, last
        found = self._parts.thing_models.version(product, version)
        if found is None:
            raise OperationError(Reason.NO_VERSION, f"no version {version[:LONGEST_VERSION]!r} of the thing model")
        return found.tsl, found

    def versions(self, account: Account, product: Product) -> list[ModelVersion]:
        """Those that are remembered, latest first."""
        return self._parts.thing_models.versions(self._reach.product(account, product.key))

    def add(self, account: Account, product: Product, json: Any, block: str = "", block_name: str = "") -> None:
        """Add features in the form ThingModelJson to a module of the draft, which is made if it is not there."""
        features = _features(json)
        count = sum(map(len, features.values()))
        if count > MOST_ADDED:
            raise OperationError(Reason.BAD_MODEL, f"at most {MOST_ADDED} features in one call, found {count}")
        module = self._module(account, product, block)
        known = {name: {feature["identifier"] for feature in module[name]} for name in FEATURES}
        for name, fresh in features.items():
            if twice := next((f for f in fresh if f["identifier"] in known[name]), None):
                raise OperationError(Reason.BAD_MODEL, f"{name}: {twice['identifier']!r} exists already")
        changed = {name: [*module[name], *features[name]] for name in FEATURES}
        self._put(product, block, changed, block_name, places=features)

    def replace(
        self, account: Account, product: Product, json: Any, identifier: str = "", block: str = "", block_name: str = ""
    ) -> None:
        """Put one feature in the place of the one called `identifier`, or of the one that is called like it."""
        features = _features(json) if json is not None else {name: [] for name in FEATURES}
        found = [(name, feature) for name in FEATURES for feature in features[name]]
        if len(found) != 1 and not (block_name and not found):
            raise OperationError(Reason.BAD_MODEL, f"one feature is changed by a call, found {len(found)}")
        module = self._module(account, product, block, known=True)
        for name, feature in found:
            wanted = identifier or feature["identifier"]
            places = [n for n, known in enumerate(module[name]) if known["identifier"] == wanted]
            if not places:
                raise OperationError(Reason.BAD_MODEL, f"{name}: there is no {wanted!r}")
            module[name] = [feature if n == places[0] else known for n, known in enumerate(module[name])]
        self._put(product, block, module, block_name, places=features)

    def remove(self, account: Account, product: Product, names: Mapping[str, list[str]], block: str = "") -> None:
        """Take features away, by kind: those that are there; a whole module if none is named, without a module all."""
        may_change(self._reach.product(account, product.key))
        draft = self.draft(account, product)
        if not any(names.values()):
            blocks = draft.get("functionBlocks", ())
            others = [each for each in blocks if each["functionBlockId"] != block] if block else []
            own = draft if block else {}
            self._set(product, {**{name: own.get(name, []) for name in FEATURES}, "functionBlocks": others})
            return
        module = self._module(account, product, block, known=True)
        kept = {
            name: [feature for feature in module[name] if feature["identifier"] not in names.get(name, ())]
            for name in FEATURES
        }
        self._put(product, block, kept, "", places={})

    def import_tsl(self, account: Account, product: Product, tsl: Any, block: str = "", block_name: str = "") -> None:
        """Put a TSL document in the place of the draft, or of one module of it."""
        may_change(self._reach.product(account, product.key))
        if block:
            self._put(product, block, _guarded(as_module, tsl), block_name, places=None)
            return
        if type(tsl) is not dict:
            raise OperationError(Reason.BAD_MODEL, "a thing model is a JSON object")
        if not any(name in tsl for name in (*FEATURES, "functionBlocks")):
            found = ", ".join(list(tsl)[:5]) or "nothing"
            raise OperationError(Reason.BAD_MODEL, f"no thing model: found {found}, expected {', '.join(FEATURES)}")
        self._set(product, tsl)

    def publish(self, account: Account, product: Product, version: str, description: str = "") -> None:
        """The draft is what devices are judged by from now on. Raises BAD_VERSION for one not valid, or taken."""
        may_change(self._reach.product(account, product.key))
        if not _VERSION.fullmatch(version):
            why = f"a version has 1 to {LONGEST_VERSION} letters, digits and points, found {version[:50]!r}"
            raise OperationError(Reason.BAD_VERSION, why)
        if self._parts.thing_models.version(product, version) is not None:
            raise OperationError(Reason.BAD_VERSION, f"the version {version!r} exists already")
        if len(description) > _LONGEST_DESCRIPTION:
            raise OperationError(Reason.BAD_VERSION, f"a description has at most {_LONGEST_DESCRIPTION} characters")
        try:
            self._parts.thing_models.publish(product, version, description)
        except ModelError as refused:
            raise OperationError(Reason.BAD_MODEL, str(refused)) from refused

    def copy(self, account: Account, source: Product, version: str, target: Product) -> None:
        """The draft of `target` is as a version of `source`."""
        may_change(self._reach.product(account, target.key))
        tsl, _ = self.published(account, source, version)
        self._set(target, tsl)

    def _module(self, account: Account, product: Product, block: str, *, known: bool = False) -> Json:
        """The features of one module of the draft; raises BAD_MODEL where it has to be there and is not."""
        may_change(self._reach.product(account, product.key))
        draft = self.draft(account, product)
        if not block:
            return as_module(dict(draft))
        for each in draft.get("functionBlocks", ()):
            if each["functionBlockId"] == block:
                return as_module(dict(each))
        if known:
            raise OperationError(Reason.BAD_MODEL, f"there is no module {block!r}")
        return {name: [] for name in FEATURES}

    def _put(
        self, product: Product, block: str, module: Json, block_name: str, *, places: Mapping[str, list[Any]] | None
    ) -> None:
        """Change one module of the draft. `places` are features whose places the caller knows: errors name those."""
        draft = self._parts.thing_models.draft(product)
        if places is not None:
            _judge(with_generated({name: places.get(name, []) for name in FEATURES}, product.key), product, json=True)
        blocks = [dict(each) for each in draft.get("functionBlocks", ())]
        if not block:
            self._set(product, {**module, "functionBlocks": blocks})
            return
        found = next((each for each in blocks if each["functionBlockId"] == block), None)
        if found is None:
            found = {"functionBlockId": block}
            blocks.append(found)
        found.update(module)
        if block_name:
            found["functionBlockName"] = block_name
        self._set(product, {**as_module(dict(draft)), "functionBlocks": blocks})

    def _set(self, product: Product, tsl: Mapping[str, Any]) -> None:
        whole = _guarded(with_generated, tsl, product.key)
        if (size := len(orjson.dumps(whole))) > MOST_BYTES:
            raise OperationError(Reason.BAD_MODEL, f"the thing model has {size:,} bytes, at most {MOST_BYTES:,}")
        _judge(whole, product, json=False)
        self._parts.thing_models.set_draft(product, whole)


def _features(json: Any) -> dict[str, list[Json]]:
    features: dict[str, list[Json]] = _guarded(features_from_json, json)
    return features


def _judge(tsl: Json, product: Product, *, json: bool) -> None:
    try:
        compiled(_without_generated_places(tsl), product.thing_model.validation)
    except ModelError as refused:
        raise OperationError(Reason.BAD_MODEL, json_words(str(refused)) if json else str(refused)) from refused


def _without_generated_places(tsl: Json) -> Json:
    """The document without the generated features, so that places count as the caller's own do."""
    kept = {**tsl, **{name: [f for f in tsl[name] if not is_generated(f)] for name in FEATURES}}
    if "functionBlocks" in tsl:
        kept["functionBlocks"] = [_without_generated_places(each) for each in tsl["functionBlocks"]]
    return kept


def _guarded(read: Any, *args: Any) -> Any:
    try:
        return read(*args)
    except ModelError as refused:
        raise OperationError(Reason.BAD_MODEL, str(refused)) from refused
