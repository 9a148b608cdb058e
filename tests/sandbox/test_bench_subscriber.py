"""The benchmark's counter counts whole packets however the stream is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jinqiao.sandbox.bench.machine import ratio
from jinqiao.sandbox.bench.subscriber import Counter


def packet(first: int, size: int) -> bytes:
    length, rest = bytearray(), size
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes([first]) + bytes(length) + b"\x30" * size


@given(
    st.lists(st.tuples(st.sampled_from([0x30, 0x31, 0x40, 0xD0]), st.integers(0, 40_000)), max_size=12),
    st.lists(st.integers(1, 20_000), max_size=30),
)
def test_every_publish_is_counted_once(kinds: list[tuple[int, int]], cuts: list[int]) -> None:
    stream = b"".join(packet(first, size) for first, size in kinds)
    counter, at = Counter(), 0
    for cut in [*cuts, len(stream) + 1]:
        counter.feed(stream[at : at + cut])
        at += cut
    assert counter.publishes == sum(first >> 4 == 3 for first, _ in kinds)


def test_single_bytes() -> None:
    stream = packet(0x30, 300) + packet(0x30, 0) + packet(0xD0, 0) + packet(0x30, 5)
    counter = Counter()
    for byte in stream:
        counter.feed(bytes([byte]))
    assert counter.publishes == 3


def test_a_ratio_that_was_too_short_to_measure_is_none() -> None:
    assert ratio(9.0, 4.0) == 2.25
    assert ratio(9.0, 0.0) is None
    assert ratio(0.0, 4.0) is None
