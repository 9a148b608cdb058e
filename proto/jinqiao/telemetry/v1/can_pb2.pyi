from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class CanBatch(_message.Message):
    __slots__ = ("vin", "bus", "start_ms", "offset_us", "id", "length", "data", "error_frames", "load")
    VIN_FIELD_NUMBER: _ClassVar[int]
    BUS_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_US_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ERROR_FRAMES_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    vin: str
    bus: str
    start_ms: int
    offset_us: _containers.RepeatedScalarFieldContainer[int]
    id: _containers.RepeatedScalarFieldContainer[int]
    length: bytes
    data: bytes
    error_frames: int
    load: float
    def __init__(self, vin: _Optional[str] = ..., bus: _Optional[str] = ..., start_ms: _Optional[int] = ..., offset_us: _Optional[_Iterable[int]] = ..., id: _Optional[_Iterable[int]] = ..., length: _Optional[bytes] = ..., data: _Optional[bytes] = ..., error_frames: _Optional[int] = ..., load: _Optional[float] = ...) -> None: ...
