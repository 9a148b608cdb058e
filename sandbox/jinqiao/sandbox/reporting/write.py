"""Where reports go: the files of `--verdicts`, `--junit` and `--report`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault, InputError

from .facts import Facts

__all__ = ["Reports"]


@dataclass(frozen=True, slots=True)
class Reports:
    """The files that were asked for, by the name of their option. Raises InputError if one has no folder to be in."""

    verdicts: Path | None = None
    junit: Path | None = None
    report: Path | None = None

    def __post_init__(self) -> None:
        for option, file in self._files():
            folder = file.resolve().parent
            if not folder.is_dir():
                raise InputError(f"--{option}: no folder {str(folder)!r} to write {file.name!r} into")
            if file.is_dir():
                raise InputError(f"--{option}: {str(file)!r} is a folder, expected a file")

    def _files(self) -> list[tuple[str, Path]]:
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [(option, file) for option, file in named if file is not None]

    def write(self, facts: Facts) -> None:
        """Write each. Raises EnvironmentFault for the first that cannot be, when the others are written."""
        files = self._files()
        if not files:
            return
        from . import junit, page, verdicts_json  # a run that is asked for none goes without

        documents = {"verdicts": verdicts_json.document, "junit": junit.document, "report": page.page}
        failed = []
        for option, file in files:
            try:
                file.write_bytes(documents[option](facts).encode("utf-8", "backslashreplace"))
            except OSError as error:
                failed.append(f"--{option}: {file} cannot be written: {error.strerror}")
        if failed:
            raise EnvironmentFault("\n".join(failed))
