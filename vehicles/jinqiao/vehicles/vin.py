"""Vehicle identification numbers: legal by alphabet and check digit, made for a whole fleet at once.

ISO 3779 gives the form (world manufacturer identifier 3, descriptor 6, indicator 8 characters), 49 CFR 565.15 the check
digit at position 9, the model year at position 10 and the plant at position 11. GB 16735 asks for the same. The
identifiers of makers are real prefixes; the numbers behind them are invented and belong to no car.
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LETTERED_PER_PLANT",
    "PLANTS",
    "SERIALS_PER_PLANT",
    "VIN_ALPHABET",
    "check_digit",
    "is_valid_vin",
    "make_vins",
    "serial_of",
    "vin_prefix",
    "year_letter",
]

#: All that may stand in a VIN: I, O and Q look like 1 and 0 (ISO 3779, 4.1).
VIN_ALPHABET = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
LENGTH = 17
#: 49 CFR 565.15 table III: value of each character; table IV: weight of each position, 0 at the check digit itself.
_VALUES = {
    **{str(d): d for d in range(10)},
    **dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", [*range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10)], strict=True)),
}
_WEIGHTS = np.array([8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2], dtype=np.int16)
_REMAINDERS = np.frombuffer(b"0123456789X", dtype=np.uint8)
_VALUE_OF = np.zeros(256, dtype=np.int16)
for _character, _value in _VALUES.items():
    _VALUE_OF[ord(_character)] = _value
_LEGAL = frozenset(VIN_ALPHABET)

#: 49 CFR 565.15 table VII: 30 letters and digits, from 1980 = A and again from 2010 = A. No I, O, Q, U, Z, 0.
_YEARS = "ABCDEFGHJKLMNPRSTVWXY123456789"
#: Plants take over when six digits of serial are used up.
_PLANT_LETTERS = np.frombuffer(VIN_ALPHABET[1:].encode(), dtype=np.uint8)
SERIALS_PER_PLANT = 1_000_000
PLANTS = len(_PLANT_LETTERS)
#: The last four characters are digits in any case (ISO 3779, GB 16735); the two before them may be letters, which makes
#: room for more: all pairs of digits, then those with a letter.
_PAIRS = sorted(
    (first + second for first in VIN_ALPHABET for second in VIN_ALPHABET), key=lambda pair: (not pair.isdigit(), pair)
)
_PAIR_LETTERS = np.array([list(pair.encode()) for pair in _PAIRS], dtype=np.uint8)
_SERIALS_PER_PAIR = 10_000
_DIGIT_PAIRS = SERIALS_PER_PLANT // _SERIALS_PER_PAIR
LETTERED_PER_PLANT = (len(_PAIRS) - _DIGIT_PAIRS) * _SERIALS_PER_PAIR

#: World manufacturer identifiers by maker (lower case) and market.
WMI: Mapping[tuple[str, str], str] = {
    ("bmw", "CN"): "LBV",  # BMW Brilliance, Shenyang
    ("bmw", "EU"): "WBY",  # BMW AG, electric cars
    ("bmw", "US"): "WBY",
    ("mini", "EU"): "WMW",
    ("mini", "US"): "WMW",
    ("tesla", "CN"): "LRW",  # Shanghai
    ("tesla", "EU"): "XP7",  # Grünheide
    ("tesla", "US"): "5YJ",
    ("byd", "CN"): "LGX",
    ("nio", "CN"): "LJ1",
    ("xpeng", "CN"): "L1N",
}
#: Makers not in the table: third character 9 is the mark of small makers (ISO 3780).
_SMALL_MAKER = {"CN": "LS9", "EU": "WS9", "US": "5S9"}


def year_letter(model_year: int) -> str:
    """Character at position 10; it repeats after 30 years."""
    return _YEARS[(model_year - 1980) % len(_YEARS)]


def vin_prefix(make: str, market: str, vehicle_id: str) -> str:
    """First eight characters: maker, and a descriptor that is the same for every car of one catalogue entry.

    Position 7 is a letter, as 49 CFR 565.15 asks for passenger cars of model year 2010 and later.
    """
    wmi = WMI.get((make.strip().lower(), market), _SMALL_MAKER[market])
    number = crc32(vehicle_id.encode())
    descriptor = []
    for position in range(4, 9):
        characters = VIN_ALPHABET[10:] if position == 7 else VIN_ALPHABET
        number, index = divmod(number, len(characters))
        descriptor.append(characters[index])
    return wmi + "".join(descriptor)


def _remainders(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Check digits of VINs given as bytes, shape (n, 17)."""
    digits: NDArray[np.uint8] = _REMAINDERS[(_VALUE_OF[rows] @ _WEIGHTS) % 11]
    return digits


def check_digit(vin: str) -> str:
    """The character that belongs at position 9 of a 17-character VIN; ValueError for an illegal character or length."""
    if len(vin) != LENGTH or not set(vin[:8] + vin[9:]) <= _LEGAL:
        raise ValueError(f"not {LENGTH} characters out of {VIN_ALPHABET}: {vin!r}")
    rows = np.frombuffer((vin[:8] + "0" + vin[9:]).encode("ascii"), dtype=np.uint8).reshape(1, LENGTH)
    return chr(_remainders(rows)[0])


def is_valid_vin(vin: str) -> bool:
    """Alphabet, length and check digit."""
    return len(vin) == LENGTH and set(vin) <= _LEGAL and check_digit(vin) == vin[8]


def make_vins(prefix: str, model_year: int, serials: ArrayLike) -> NDArray[np.bytes_]:
    """VINs of one model, dtype S17, one per serial; the same serial gives the same VIN.

    `prefix` is the first eight characters (`vin_prefix`). The first `PLANTS * SERIALS_PER_PLANT` serials are six digits
    behind the plant's letter, `PLANTS * LETTERED_PER_PLANT` more have letters in the first two of the six places.
    """
    if len(prefix) != 8 or not set(prefix) <= _LEGAL:
        raise ValueError(f"a prefix is eight characters out of {VIN_ALPHABET}, found {prefix!r}")
    number = np.asarray(serials, dtype=np.int64)
    lettered_from, end = SERIALS_PER_PLANT * PLANTS, (SERIALS_PER_PLANT + LETTERED_PER_PLANT) * PLANTS
    if len(number) and not 0 <= number.min() <= number.max() < end:
        raise ValueError(f"serials run from 0 to {end - 1}")
    lettered = number >= lettered_from
    plant, number = np.divmod(
        number - np.where(lettered, lettered_from, 0), np.where(lettered, LETTERED_PER_PLANT, SERIALS_PER_PLANT)
    )
    pair, number = np.divmod(number, _SERIALS_PER_PAIR)
    rows = np.empty((len(number), LENGTH), dtype=np.uint8)
    rows[:, :11] = np.frombuffer(f"{prefix}0{year_letter(model_year)}0".encode(), dtype=np.uint8)
    rows[:, 10] = _PLANT_LETTERS[plant]
    rows[:, 11:13] = _PAIR_LETTERS[pair + np.where(lettered, _DIGIT_PAIRS, 0)]
    for position in range(LENGTH - 1, 12, -1):
        number, digit = np.divmod(number, 10)
        rows[:, position] = digit + ord("0")
    rows[:, 8] = _remainders(rows)
    return rows.view(f"S{LENGTH}").ravel()


def serial_of(vin: str) -> int:
    """The last six characters as a number: in decimal where all are digits, above all those where some are letters."""
    serial = vin[-6:]
    return int(serial) if serial.isdigit() else int(serial, 36)
