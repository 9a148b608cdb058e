"""Frames into a CAN log, in the format that the file's ending names."""

from __future__ import annotations

from pathlib import Path

from jinqiao.base.errors import EnvironmentFault, InputError

from ..parts import Part
from ..problems import Problems
from .asc import AscWriter
from .blf_writer import BlfWriter
from .candump import CandumpWriter
from .names import Channels

__all__ = ["CAN_LOGS", "CanLogWriter"]

#: Endings, by what the programs call their format.
CAN_LOGS = {".blf": "BLF", ".asc": "ASC", ".log": "candump"}

_Form = BlfWriter | AscWriter | CandumpWriter
_FORMS: dict[str, type[_Form]] = {"BLF": BlfWriter, "ASC": AscWriter, "candump": CandumpWriter}


class CanLogWriter:
    """Writes BLF, ASC or candump. Raises InputError for a file that is there, EnvironmentFault when it cannot write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._losses = Problems()
        self._channels = Channels()
        kind = CAN_LOGS[path.suffix.lower()]
        self._is_candump = kind == "candump"
        self._form = _FORMS[kind](self._channels, self._losses)
        try:
            self._file = path.open("xb")
            self._file.write(self._form.head)
        except FileExistsError as error:
            raise InputError(f"{path} exists already; remove it, or choose another name") from error
        except OSError as error:
            raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error

    @property
    def problems(self) -> list[str]:
        """What the format could not carry, each once with its count."""
        return self._losses.lines(self.path)

    @property
    def channels(self) -> dict[int | str, str]:
        """Vehicle and bus by the file's channel; in candump, by its interface."""
        return self._channels.names() if self._is_candump else self._channels.numbers()

    @property
    def renumbered(self) -> bool:
        """Whether a channel is called otherwise than it was."""
        return bool(self._channels.moved)

    def write(self, part: Part) -> None:
        """Add the frames of a part; parts without frames are passed over."""
        frames = part if isinstance(part, list) else []
        try:
            for frame in frames:
                self._file.write(self._form.line(frame))
        except OSError as error:
            raise EnvironmentFault(f"{self.path} cannot be written any more: {error.strerror}") from error

    def tick(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.write(self._form.end())
            if isinstance(self._form, BlfWriter):
                self._form.finish(self._file)
            self._file.close()
        except OSError as error:
            raise EnvironmentFault(f"{self.path} cannot be written any more: {error.strerror}") from error
