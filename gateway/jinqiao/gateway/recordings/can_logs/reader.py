"""One CAN log as a source of frames, whichever format it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.onward import Standstill

from ..parts import CanFrame, Info, Part
from ..problems import Problems
from . import candump
from .asc import AscParser
from .blf_reader import BlfReader
from .lines import lines

__all__ = ["CanLogReader"]

_BUNDLE = 4096
_SHOWN = 60


class CanLogReader:
    """A log of a known format (`BLF`, `ASC`, `candump`). Raises EnvironmentFault when it cannot be read."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self._kind = path, kind
        self.info = Info("", {"source": path.name})
        self._problems = Problems()

    @property
    def problems(self) -> list[str]:
        """What could not be read, and what was left out."""
        return self._problems.lines(self.path)

    def parts(self) -> Iterator[Part]:
        """Frames in the order of the file."""
        self._problems = Problems()
        bundle: list[CanFrame] = []
        for frame in self._frames():
            bundle.append(frame)
            if len(bundle) == _BUNDLE:
                yield bundle
                bundle = []
        if bundle:
            yield bundle

    def _frames(self) -> Iterator[CanFrame]:
        try:
            with self.path.open("rb") as file:
                if self._kind == "BLF":
                    yield from BlfReader(file, self.path, self._problems).frames()
                elif self._kind == "ASC":
                    yield from self._lines(file, AscParser(self._problems).parse)
                else:
                    yield from self._lines(file, lambda text: candump.parse(text) if text else None)
        except OSError as error:
            raise EnvironmentFault(f"{self.path} cannot be read: {error.strerror}") from error
        except Standstill as error:
            self._problems.add(f"{self.path}: {error}; reading ends here")

    def _lines(self, file: BinaryIO, parse: Callable[[str], CanFrame | None]) -> Iterator[CanFrame]:
        """Line by line, so that a broken one costs only itself."""
        for line in lines(file):
            try:
                frame = parse(line.text)
            except (ValueError, OverflowError) as error:
                between = ", " if str(error).startswith("expected") else ": "
                self._add(line.offset, f"found {line.text[:_SHOWN]!r}{between}{error}")
                continue
            if not line.whole and line.text:
                self._add(line.offset, f"found {line.text[-_SHOWN:]!r} without the end of its line: it may be cut off")
            if frame is not None:
                yield frame

    def _add(self, at: int, what: str) -> None:
        self._problems.add(f"{self.path}: offset {at}: {what}")
