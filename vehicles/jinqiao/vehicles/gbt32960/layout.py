"""Real-time frames of many vehicles at once: one template row, each field written per column.

A layout is made from the edition's own tables of items, so it cannot differ from what single frames are made of. All
its frames have one length: counts of motors and cells are fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jinqiao.wire.gbt32960.commands import COMMANDS, EDITIONS, ENCRYPTION, REPLIES, RealTime
from jinqiao.wire.gbt32960.forms import Bits, Choice, Flags, Form, Listing, Number, Record
from jinqiao.wire.gbt32960.frame import HEAD
from jinqiao.wire.gbt32960.items import SIGNATURE

__all__ = ["CELLS_AT_MOST", "FrameLayout", "Slot", "beijing_time"]

Bytes = NDArray[np.uint8]
#: Cells of one sub-record of item 08 (2016, table B.6).
CELLS_AT_MOST = 200
#: Rows written together: what is between template and check code stays in the cache.
_BLOCK_ROWS = 4096
_UNSIGNED: Mapping[int, str] = {1: "u1", 2: ">u2", 4: ">u4"}
_VIN_AT, _VIN = 4, 17
_EIGHT_HOURS_MS = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of the row: `path` as in the item tables, `at` its first byte, `count` values (0: a single one)."""

    path: str
    at: int
    form: Number | Choice | Bits | Flags
    count: int = 0

    @property
    def size(self) -> int:
        return self.form.size if isinstance(self.form, Number | Flags) else 1

    @property
    def dtype(self) -> Any:
        kind = _UNSIGNED[self.size]
        return (kind, (self.count,)) if self.count else kind

    def raw(self, values: ArrayLike) -> NDArray[Any]:
        """Raw numbers of a column: what is out of range becomes the nearest value there is, NaN the mark `invalid`."""
        given = np.asarray(values)
        if not isinstance(self.form, Number):
            return given
        form = self.form
        scaled = given.astype(np.float64) if self.size == 4 or given.dtype != np.float32 else given.copy()
        scaled -= form.offset
        scaled *= form.per
        np.rint(scaled, out=scaled)
        unknown = np.isnan(scaled)
        np.clip(scaled, 0, form.most, out=scaled)
        if unknown.any():
            scaled[unknown] = form.most + 2 if form.marks else form.most
        return scaled.astype(np.uint32)


class FrameLayout:
    """The frame of one edition with these items, in this order.

    `counts` gives the length of each list by its path without numbers (`motors`, `cells`, `cells.cells_v`, …): a
    number, or one for each entry above it; lists not named are empty. `signature_bytes` leaves room for the R of an RSA
    signature (2025 only); None leaves the signature out.
    """

    def __init__(
        self,
        edition: str,
        items: Sequence[str],
        counts: Mapping[str, int | Sequence[int]],
        *,
        command: str = "real_time",
        signature_bytes: int | None = None,
    ) -> None:
        self.edition, self.items = EDITIONS[edition], tuple(items)
        self._counts = counts
        self.slots: list[Slot] = []
        row = bytearray(self.edition.start)
        row += bytes((COMMANDS[command], REPLIES["command"])) + bytes(_VIN) + bytes((ENCRYPTION["none"],)) + bytes(2)
        self.time_at = len(row)
        row += bytes(6)
        form = self.edition.data["real_time"]
        assert isinstance(form, RealTime)
        types = {item.name: (kind, item.form) for kind, item in form.items.items()}
        for name in items:
            kind, item_form = types[name]
            row.append(kind)
            self._place(row, item_form, name, name, 0)
        self.signed_until = len(row)
        self.signature_at: int | None = None
        if signature_bytes is not None:
            row += bytes((SIGNATURE, 2)) + signature_bytes.to_bytes(2, "big")
            self.signature_at = len(row)
            row += bytes(signature_bytes) + bytes(2)
        self.signature_bytes = signature_bytes or 0
        row[HEAD - 2 : HEAD] = (len(row) - HEAD).to_bytes(2, "big")
        row.append(0)
        self.size = len(row)
        self._template = np.frombuffer(bytes(row).ljust(-(-self.size // 8) * 8, b"\0"), dtype=np.uint8)
        self._dtype = np.dtype(
            {
                "names": [slot.path for slot in self.slots],
                "formats": [slot.dtype for slot in self.slots],
                "offsets": [slot.at for slot in self.slots],
                "itemsize": len(self._template),
            }
        )

    def _place(self, row: bytearray, form: Form, path: str, name: str, entry: int) -> None:
        """Append a form to the row, and its fields to the slots."""
        if isinstance(form, Record):
            for field, inner in form.fields.items():
                self._place(row, inner, f"{path}.{field}", f"{name}.{field}", entry)
        elif isinstance(form, Listing):
            given = self._counts.get(name, 0)
            count = given if isinstance(given, int) else given[entry]
            row += count.to_bytes(form.count_size, "big")
            if isinstance(form.form, Number) and count:
                self.slots.append(Slot(path, len(row), form.form, count))
                row += bytes(form.form.size * count)
            else:
                for number in range(count):
                    self._place(row, form.form, f"{path}[{number}]", name, number)
        else:
            assert isinstance(form, Number | Choice | Bits | Flags)
            self.slots.append(Slot(path, len(row), form))
            row += bytes(self.slots[-1].size)

    def fill(self, vins: NDArray[np.bytes_], time_ms: ArrayLike, columns: Mapping[str, ArrayLike]) -> Bytes:
        """Rows without check code, shape (n, at least `size`), from VINs (dtype S17), UTC ms, and a column per slot.

        A column is a single value for all, or has shape (n,), or (n, count) where the slot is a list. KeyError for a
        missing one.
        """
        n = len(vins)
        matrix = np.empty((n, len(self._template)), dtype=np.uint8)
        for start in range(0, n, _BLOCK_ROWS):
            block = matrix[start : start + _BLOCK_ROWS]
            block[:] = self._template
            rows = block.view(self._dtype)[:, 0]
            for slot in self.slots:
                values = np.asarray(columns[slot.path])
                part = values[start : start + _BLOCK_ROWS] if values.ndim else values
                rows[slot.path] = slot.raw(part)
        matrix[:, _VIN_AT : _VIN_AT + _VIN] = np.ascontiguousarray(vins, dtype="S17").view(np.uint8).reshape(n, _VIN)
        matrix[:, self.time_at : self.time_at + 6] = beijing_time(time_ms)
        return matrix

    def signed_part(self, matrix: Bytes, row: int) -> bytes:
        """What a row's signature is over: from the time of collection to before FF (2025, 7.2.1)."""
        return matrix[row, self.time_at : self.signed_until].tobytes()

    def sign(self, matrix: Bytes, signatures: Iterator[bytes]) -> None:
        """Write the signature of each row."""
        assert self.signature_at is not None
        for row, signature in enumerate(signatures):
            matrix[row, self.signature_at : self.signature_at + self.signature_bytes] = np.frombuffer(
                signature, dtype=np.uint8
            )

    def finish(self, matrix: Bytes) -> Bytes:
        """Write the check codes; frames, shape (n, size)."""
        words = matrix.view(np.uint64)
        code = np.empty(len(matrix), dtype=np.uint64)
        for start in range(0, len(matrix), _BLOCK_ROWS):
            block = words[start : start + _BLOCK_ROWS]
            folded = code[start : start + _BLOCK_ROWS]
            folded[:] = block[:, 0]
            for column in range(1, words.shape[1]):
                folded ^= block[:, column]
        for bits in (32, 16, 8):
            code ^= code >> np.uint64(bits)
        # The two bytes of the start are alike: they cancel out, and so does what fills the row up with zeros.
        matrix[:, self.size - 1] = code.astype(np.uint8)
        return matrix[:, : self.size]

    def encode(self, vins: NDArray[np.bytes_], time_ms: ArrayLike, columns: Mapping[str, ArrayLike]) -> Bytes:
        """`fill` and `finish`, for frames without signature."""
        return self.finish(self.fill(vins, time_ms, columns))


def beijing_time(time_ms: ArrayLike) -> Bytes:
    """Six bytes of each moment given in UTC ms since 1970, shape (…, 6)."""
    local = (np.asarray(time_ms, dtype=np.int64) + _EIGHT_HOURS_MS) // 1000
    days, second = np.divmod(local, 86_400)
    date = days.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    year = date.astype("datetime64[Y]")
    parts = (
        year.astype(np.int64) + 1970 - 2000,
        (month - year.astype("datetime64[M]")).astype(np.int64) + 1,
        (date - month.astype("datetime64[D]")).astype(np.int64) + 1,
        second // 3600,
        second // 60 % 60,
        second % 60,
    )
    return np.stack(parts, axis=-1).astype(np.uint8)
