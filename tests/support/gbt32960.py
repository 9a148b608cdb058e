"""Values of GB/T 32960 for hypothesis, made from the forms themselves, and rtm-con as an independent reader."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from jinqiao.sandbox.bench.peers import Peer
from jinqiao.wire.gbt32960.commands import EDITIONS, PackNumbers2016, PackNumbers2025, RealTime
from jinqiao.wire.gbt32960.forms import BEIJING, Bits, Blob, Choice, Flags, Form, Listing, Number, Record, Text, Time
from jinqiao.wire.gbt32960.frame import Frame

from .peers import require

__all__ = ["frames", "read_with_rtm_con", "values"]

#: rtm-con 1.0.4 (GPL-2.0): a process of its own, in tests only. It does not import without its `excel` extra.
RTM_CON = Peer("rtm-con-1.0.4", ("rtm-con[excel]==1.0.4",))
_READER = """
import json, sys
from rtm_con import con_to_pyobj, msg_checked
for line in sys.stdin:
    try:
        print(json.dumps(con_to_pyobj(msg_checked.parse(bytes.fromhex(line))), default=str))
    except Exception as error:
        print(json.dumps({"error": repr(error)}))
"""
_ASCII = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
#: What a number or a count says in place of a value.
MARKS = st.sampled_from(["abnormal", "invalid"])
#: Items that rtm-con does not know.
_NOT_RTM_CON = {"fuel_cell", "fuel_cell_stacks", "capacitors", "capacitor_extremes"}
_FIRST = int(datetime(2000, 1, 1, tzinfo=BEIJING).timestamp())
_LAST = int(datetime(2255, 12, 31, tzinfo=BEIJING).timestamp())
_MOMENTS = st.integers(_FIRST, _LAST).map(lambda second: Time.at_ms(1000 * second))


def read_with_rtm_con(frames: list[bytes]) -> list[dict[str, Any]]:
    """What rtm-con makes of each frame; `{"error": …}` where it makes nothing of it."""
    peer = require(RTM_CON, "python -m venv and pip install 'rtm-con[excel]==1.0.4', see tests/support/gbt32960.py")
    done = subprocess.run(
        [peer.python, "-c", _READER],
        input="".join(frame.hex() + "\n" for frame in frames),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TZ": "Asia/Shanghai"},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def values(form: Form, *, plain: bool = False) -> st.SearchStrategy[Any]:
    """Everything a form can say; `plain` is what rtm-con reads of it (no marks for counts, one item of a kind)."""
    no_list = st.nothing() if plain else MARKS
    match form:
        case Number():
            return st.integers(0, form.most).map(form.value) | (MARKS if form.marks else st.nothing())
        case Choice():
            return st.sampled_from([*form.words.values(), "abnormal", "invalid"])
        case Flags():
            return st.sets(st.sampled_from(range(len(form.names)))).map(
                lambda bits: [form.names[bit] for bit in sorted(bits)]
            )
        case Bits():
            return st.fixed_dictionaries(
                {
                    name: st.booleans() if part.words is None else st.sampled_from(list(part.words.values()))
                    for name, part in form.parts.items()
                }
            )
        case Text():
            return st.text(_ASCII, max_size=form.length)
        case Time():
            return _MOMENTS
        case Blob():
            size = form.fixed
            return st.binary(min_size=size or 0, max_size=40 if size is None else size)
        case Listing():
            return st.lists(values(form.form, plain=plain), max_size=min(form.most or 6, 6)) | no_list
        case Record():
            return st.fixed_dictionaries({name: values(inner, plain=plain) for name, inner in form.fields.items()})
        case PackNumbers2016():
            return st.integers(0, 30).flatmap(
                lambda length: st.lists(st.text(_ASCII, min_size=length, max_size=length), max_size=4) | no_list
            )
        case PackNumbers2025():
            return st.lists(st.lists(st.text(_ASCII, max_size=24), max_size=3) | no_list, max_size=3) | no_list
        case RealTime():
            return _real_time(form, plain)
    raise AssertionError(form)


def _real_time(form: RealTime, plain: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Every item, some of them more than once."""
    known = [item for item in form.items.values() if not (plain and item.name in _NOT_RTM_CON)]
    items = {item.name: values(item.form, plain=plain) for item in known}
    own = {"own_82": st.binary(max_size=30), "own_FE": st.binary(max_size=3)}
    again = {"own_82_2": st.binary(max_size=3), "motors_2": items["motors"], "motors_3": items["motors"]}
    found = st.fixed_dictionaries({"time": _MOMENTS}, optional={**items, **own, **({} if plain else again)})
    return found.map(_counted_up)


def _counted_up(data: dict[str, Any]) -> dict[str, Any]:
    """Without a second of a kind that has no first, and in order of the names: so they are numbered when read."""
    firsts = {"own_82_2": "own_82", "motors_2": "motors", "motors_3": "motors_2"}
    kept = {"time": data["time"]}
    for name in sorted(data):
        if firsts.get(name, "time") in kept:
            kept[name] = data[name]
    return kept


def frames(edition: str, *, plain: bool = False) -> st.SearchStrategy[Frame]:
    """Commands of an edition with everything they can carry; `plain` as in `values`."""
    return st.sampled_from(list(EDITIONS[edition].data.items())).flatmap(
        lambda row: st.builds(
            Frame,
            st.just(edition),
            st.just(row[0]),
            st.text(st.sampled_from("0123456789ABCDEFGHJKLMNPRSTUVWXYZ"), min_size=17, max_size=17),
            st.just({}) if row[1] is None else values(row[1], plain=plain),
        )
    )
