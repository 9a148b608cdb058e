"""What packets are made of: the fixed header, integers, strings, binary data (MQTT 3.1.1 § 1.5 and 2.2)."""

from __future__ import annotations

from jinqiao.base.errors import ProtocolError

__all__ = ["FieldReader", "binary", "frame", "integer", "remaining_length", "text", "variable"]

#: Length of everything that has a two-byte length.
_MAX_FIELD = 65_535


def frame(data: bytes, position: int) -> tuple[int, int] | None:
    """Where the body of the packet at `position` begins and ends, or None while its length is not all there.

    The end may lie beyond the data. Raises ProtocolError for a length of more than four bytes (§ 2.2.3), and for one
    longer than it need be: forwarded as it is, MQTT 5 subscribers would refuse it [MQTT5-1.5.5-1].
    """
    length, shift = 0, 0
    for body in range(position + 1, min(position + 5, len(data))):
        byte = data[body]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            if not byte and shift:
                raise ProtocolError("remaining length is not in its shortest form")
            return body + 1, body + 1 + length
        shift += 7
    if shift == 28:
        raise ProtocolError("remaining length of more than four bytes")
    return None


def remaining_length(length: int) -> bytes:
    """The variable-length form of a packet's length (§ 2.2.3)."""
    if length < 0x80:
        return bytes((length,))
    encoded = bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    if len(encoded) > 4:
        raise ProtocolError("packet of more than 256 MB")
    return bytes(encoded)


#: The variable byte integer of MQTT 5 (§ 1.5.5) is the remaining length's form under another name.
variable = remaining_length


def integer(value: int) -> bytes:
    """A two-byte integer."""
    if not 0 <= value <= _MAX_FIELD:
        raise ProtocolError(f"{value} does not fit into two bytes")
    return value.to_bytes(2, "big")


def binary(value: bytes) -> bytes:
    """Bytes behind their length."""
    if len(value) > _MAX_FIELD:
        raise ProtocolError(f"field of {len(value)} bytes, {_MAX_FIELD} at most")
    return integer(len(value)) + value


def text(value: str) -> bytes:
    """A UTF-8 string behind its length."""
    if "\0" in value:
        raise ProtocolError("text holds U+0000 [MQTT-1.5.3-2]")
    try:
        return binary(value.encode())
    except UnicodeEncodeError:
        raise ProtocolError("text holds half of a surrogate pair [MQTT-1.5.3-1]") from None


class FieldReader:
    """A cursor over a packet's body; every read raises ProtocolError when the body is too short for it."""

    __slots__ = ("_body", "_position")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    def at_end(self) -> bool:
        return self._position == len(self._body)

    def byte(self) -> int:
        return self.take(1, "byte")[0]

    def integer(self, what: str = "integer") -> int:
        return int.from_bytes(self.take(2, what), "big")

    def four_bytes(self, what: str) -> int:
        return int.from_bytes(self.take(4, what), "big")

    def variable(self, what: str) -> int:
        """A variable byte integer in its shortest form [MQTT5-1.5.5-1]."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if not byte and shift:
                    break
                return value
        raise ProtocolError(f"{what} is not a variable byte integer [MQTT5-1.5.5-1]", 0x81)

    def packet_id(self) -> int:
        packet_id = self.integer("packet identifier")
        if not packet_id:
            raise ProtocolError("packet identifier 0 [MQTT-2.3.1-1]")
        return packet_id

    def binary(self, what: str) -> bytes:
        return self.take(self.integer(what), what)

    def text(self, what: str) -> str:
        try:
            value = self.binary(what).decode()
        except UnicodeDecodeError:
            raise ProtocolError(f"{what} is not UTF-8 [MQTT-1.5.3-1]") from None
        if "\0" in value:
            raise ProtocolError(f"{what} holds U+0000 [MQTT-1.5.3-2]")
        return value

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._position, "rest")

    def expect_end(self, packet: str) -> None:
        if not self.at_end():
            raise ProtocolError(f"{packet} with {len(self._body) - self._position} bytes too many")

    def take(self, length: int, what: str) -> bytes:
        start, end = self._position, self._position + length
        if end > len(self._body):
            raise ProtocolError(f"packet ends within its {what}", 0x81)
        self._position = end
        return self._body[start:end]
