"""Firmware over the air, seen from the car: notice, download, check, wait until parked, install, reboot, inform.

    notice ─▶ downloading ─▶ waiting ─▶ installing ─▶ informed
                  │ -2, -3       │ -4        │ -4, -1

The image is fetched really, once for all cars that are offered it, so that its size and digest are judged; how long
each car takes is its size over the rate of its link, in simulated time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from jinqiao.wire.alink.codes import OK
from jinqiao.wire.alink.json_values import as_name, compact, object_of
from jinqiao.wire.alink.limits import DEFAULT_MODULE, LONGEST_VERSION, MOST_MODULES

from .car import Outgoing, VehicleControl
from .files import Files, RemoteFile, Verdict
from .later import Later

__all__ = ["INSTALL_S", "LINK_BIT_PER_S", "Upgrades"]

#: What a car gets over its mobile link while others use the cell too, bit/s: our choice, an LTE cell's usual share.
LINK_BIT_PER_S = 20e6
#: Simulated seconds for flashing and the reboot: our choice.
INSTALL_S = 120.0
#: Until a car that has rebooted is connected again and speaks, simulated.
_CONNECT_MS = 1_000
#: Progress is posted so often, in percent.
_PERCENT = 10
#: How often a car looks whether it may install, simulated, and for how long: three days.
_LOOK_MS, _PATIENCE_MS = 30_000, 3 * 86_400_000
#: Steps below 0 that the platform knows (document 89307).
UPGRADE_FAILED, DOWNLOAD_FAILED, CHECK_FAILED, FLASH_FAILED = -1, -2, -3, -4


@dataclass(slots=True, eq=False)
class _Job:
    """One upgrade of one car; one that is no longer the car's own for its module does nothing more."""

    row: int
    module: str
    version: str
    file: RemoteFile
    begun_ms: int
    #: The step at which it is to fail, 0 for none.
    fails: int


class Upgrades:
    """The upgrades of all vehicles."""

    def __init__(
        self,
        car: VehicleControl,
        later: Later,
        files: Files,
        identity: Callable[[int], str],
        new_id: Callable[[], str],
        *,
        link_bit_per_s: float = LINK_BIT_PER_S,
    ) -> None:
        self._car, self._later, self._files = car, later, files
        self._identity, self._new_id = identity, new_id
        self._link_bit_per_s = link_bit_per_s
        self._jobs: dict[tuple[int, str], _Job] = {}
        #: Versions of modules that are not the car's own software, by row and module.
        self._modules: dict[tuple[int, str], str] = {}
        #: Notices that could not be understood.
        self.refused = 0

    def inform(self, row: int, module: str = DEFAULT_MODULE) -> Iterable[Outgoing]:
        """Tell the version of one module, of `default` without naming it."""
        params = {"version": self.version(row, module)}
        if module != DEFAULT_MODULE:
            params["module"] = module
        yield self._say(row, "inform", params)

    def version(self, row: int, module: str) -> str:
        """What runs there; a module that was never upgraded came with the car's own software."""
        own = self._car.software_version(row)
        return own if module == DEFAULT_MODULE else self._modules.get((row, module), own)

    def notified(self, row: int, payload: bytes) -> Iterable[Outgoing]:
        """A notice. What cannot be understood is passed over, as an SDK does: there is no reply to a notice."""
        notice = object_of(payload)
        data = notice.get("data") if notice is not None else None
        if type(data) is not dict:
            self.refused += 1
            return
        version, module = as_name(data.get("version"), LONGEST_VERSION), as_name(data.get("module", DEFAULT_MODULE))
        known = {key for key in self._modules if key[0] == row} | {key for key in self._jobs if key[0] == row}
        if version is None or module is None or ((row, module) not in known and len(known) >= MOST_MODULES):
            self.refused += 1
            return
        yield from self.inform(row, module)
        busy = self._jobs.get((row, module))
        if self.version(row, module) == version or (busy is not None and busy.version == version):
            return
        now_ms = self._car.time_ms
        try:
            file = RemoteFile.of(data)
        except ValueError as problem:
            yield self._progress(row, module, DOWNLOAD_FAILED, str(problem))
            return
        job = self._jobs[row, module] = _Job(row, module, version, file, now_ms, self._car.ota_failure(row))
        yield from self._download(job, _PERCENT)

    # Downloading.

    def _download(self, job: _Job, percent: int) -> Iterable[Outgoing]:
        """The next tenth of the way."""
        whole_ms = job.file.size * 8e3 / self._link_bit_per_s
        due_ms = job.begun_ms + max(round(whole_ms * percent / 100), percent // _PERCENT)

        def arrived() -> Iterable[Outgoing]:
            if not self._alive(job):
                return
            if job.fails == DOWNLOAD_FAILED and percent >= 50:
                yield self._failed(job, DOWNLOAD_FAILED, "the connection was lost")
            elif percent < 100:
                yield self._progress(job.row, job.module, percent, "downloading")
                yield from self._download(job, percent + _PERCENT)
            else:
                yield from self._files.want(job.file, lambda verdict, _: self._check(job, verdict))

        self._later.at(due_ms, arrived)
        return ()

    def _check(self, job: _Job, verdict: Verdict) -> Iterable[Outgoing]:
        if not self._alive(job):
            return
        if verdict == "unreachable":
            yield self._failed(job, DOWNLOAD_FAILED, "the file cannot be had")
        elif verdict == "forged" or job.fails == CHECK_FAILED:
            yield self._failed(job, CHECK_FAILED, "size or digest is another than announced")
        else:
            yield self._progress(job.row, job.module, 100, "downloaded and verified")
            yield from self._install(job, self._car.time_ms + _PATIENCE_MS)

    # Installing.

    def _install(self, job: _Job, until_ms: int) -> Iterable[Outgoing]:
        """Install as soon as the car lets us."""
        if not self._alive(job):
            return
        car, row = self._car, job.row
        own = job.module == DEFAULT_MODULE
        fails = job.fails in (UPGRADE_FAILED, FLASH_FAILED)
        outcome = car.install(row, job.version if own and not fails else car.software_version(row), INSTALL_S)
        if outcome.code == OK:
            self._later.at(car.time_ms + round(INSTALL_S * 1e3) + _CONNECT_MS, lambda: self._rebooted(job))
        elif car.time_ms >= until_ms:
            yield self._failed(job, FLASH_FAILED, outcome.message)
        else:
            self._later.at(car.time_ms + _LOOK_MS, lambda: self._install(job, until_ms))

    def _rebooted(self, job: _Job) -> Iterable[Outgoing]:
        if not self._alive(job):
            return
        if job.fails == FLASH_FAILED:
            yield self._failed(job, FLASH_FAILED, "the image could not be written")
        elif job.fails == UPGRADE_FAILED:
            yield self._failed(job, UPGRADE_FAILED, "the new version did not start: rolled back")
        else:
            del self._jobs[job.row, job.module]
            if job.module != DEFAULT_MODULE:
                self._modules[job.row, job.module] = job.version
        yield from self.inform(job.row, job.module)

    def _alive(self, job: _Job) -> bool:
        return self._jobs.get((job.row, job.module)) is job

    def _failed(self, job: _Job, step: int, why: str) -> Outgoing:
        del self._jobs[job.row, job.module]
        return self._progress(job.row, job.module, step, why)

    def _progress(self, row: int, module: str, step: int, description: str) -> Outgoing:
        params = {"step": str(step), "desc": description}
        if module != DEFAULT_MODULE:
            params["module"] = module
        return self._say(row, "progress", params)

    def _say(self, row: int, what: str, params: dict[str, Any]) -> Outgoing:
        # Ids of these messages are bare numbers in all official SDKs.
        body = {"id": int(self._new_id()), "params": params}
        return Outgoing(row, f"/ota/device/{what}/{self._identity(row)}", compact(body), 1)
