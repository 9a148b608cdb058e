"""How a job reaches its devices: tasks are made, devices notified so many a minute, tasks ended.

Of a job on few devices all tasks are made together with it, or none and it is refused. One on many is kept first and
spread afterwards, a slice at a time; what is left when the process ends is spread when it begins again.
"""

from __future__ import annotations

import random
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from ..calls import Calls
from ..devices.groups import DeviceGroups
from ..devices.job_tasks import JobTasks
from ..devices.ota import Firmware, Status, Upgrade
from ..devices.presence import Presence
from ..devices.states import DeviceStates
from ..errands import Errand, Errands
from ..events import UpgradeJobChanged
from ..listeners import Events
from ..notices import upgrade_downlink
from ..outbound import Outbound
from ..registry.registry import Device, Registry
from .catalogue import Catalogue
from .job import State, UpgradeJob

__all__ = ["AT_ONCE", "Rollout"]

#: Devices of a job whose tasks are made together with it (document 147496: so many can be named in a call).
AT_ONCE = 200
#: Tasks that are made, or given up, together in one slice of work; a simulated car's cost nothing to keep.
_CHUNK = 25
#: Jobs that are spread at the same time; others wait for their turn.
_MOST_SPREADING = 4
#: Devices notified in a minute where a job does not say.
_USUAL_PER_MINUTE = 10_000
#: Times that one device may be taken up by one dynamic job (document 202666).
_MOST_MATCHES = 10


class Rollout:
    """Jobs by id, in the order in which they came."""

    def __init__(
        self,
        registry: Registry,
        states: DeviceStates,
        presence: Presence,
        groups: DeviceGroups,
        catalogue: Catalogue,
        tasks: JobTasks[Upgrade],
        events: Events,
        out: Outbound,
        calls: Calls,
        errands: Errands,
        now_ms: Callable[[], int],
    ) -> None:
        self._registry, self._states, self._presence, self._groups = registry, states, presence, groups
        self._catalogue, self.tasks, self._events, self._out = catalogue, tasks, events, out
        self._calls, self._errands, self._now_ms = calls, errands, now_ms
        self._jobs: dict[str, UpgradeJob] = {}
        #: Jobs whose tasks are being made.
        self._spreading: set[str] = set()

    # Jobs.

    @property
    def jobs(self) -> Iterable[UpgradeJob]:
        return self._jobs.values()

    def job(self, job_id: str) -> UpgradeJob | None:
        return self._jobs.get(job_id)

    def put(self, job: UpgradeJob) -> None:
        """A job is known, or another than it was."""
        announced = self._events.change(UpgradeJobChanged, job)
        self._events.make(partial(self.restore, job))
        announced.done()

    def restore(self, job: UpgradeJob) -> None:
        """Take over what was kept; nobody is notified. What is not spread will be (`Clock`)."""
        self._jobs[job.id] = job

    def state_of(self, job: UpgradeJob) -> State:
        """COMPLETED once all tasks are over, CANCELED if none of them was let go on; a dynamic job goes on."""
        if job.state != "IN_PROGRESS" or job.is_dynamic or not job.spread:
            return job.state
        of_job = self.tasks.of_job(job.id)
        if of_job.open:
            return job.state
        total = sum(of_job.counts.values())
        return "CANCELED" if total and of_job.counts[Status.CANCELED] == total else "COMPLETED"

    def start(self, job: UpgradeJob) -> None:
        """Begin a job, now or when it is time. Those named are looked up by whoever makes it."""
        if job.state == "PLANNED" or (job.is_dynamic and job.dynamic_mode == 2):
            self.put(replace(job, spread=job.state != "PLANNED"))
            return
        names = self._names(job)
        if len(names) > AT_ONCE or (job.target == "GRAY" and job.sources):
            self.put(job)
            self._events.make(partial(self.spread, job))
            return
        with self._events.together():
            self.put(replace(job, spread=True))
            devices = self._fitting(job, self._sampled(job, names))
            for device in devices:
                self._give(job, device, push=True)

    def _names(self, job: UpgradeJob) -> Sequence[str]:
        """Devices that a job may be for."""
        if job.target == "SPECIFIC":
            return job.names
        if job.target == "GROUP":
            identities = self._groups.members.of(job.group_id)
            key = f"{job.product_key}/"
            return [one.removeprefix(key) for one in identities if one.startswith(key)]
        product = self._registry.product(job.product_key)
        return tuple(product.devices) if product is not None else ()

    def _sampled(self, job: UpgradeJob, names: Sequence[str]) -> Sequence[str]:
        """Of a gray job a part, always the same; at least one device."""
        if job.target != "GRAY" or not names:
            return names
        return random.Random(job.id).sample(names, max(1, int(len(names) * float(job.gray_percent) / 100)))

    def _fitting(self, job: UpgradeJob, names: Iterable[str]) -> Iterator[Device]:
        """Those that are there, do not run the version yet, and run one that the job is for."""
        for name in names:
            device = self._registry.device(job.product_key, name)
            if device is not None and self._fits(job, device) is not None:
                yield device

    def _fits(self, job: UpgradeJob, device: Device) -> str | None:
        """The version that a device runs, if the job is for it; None if not."""
        package = self._catalogue.package(job.firmware_id)
        if package is None or job.id in self.tasks.of_device(device.identity):
            return None
        version = self._states.versions(device).get(package.firmware.module, "")
        wanted = job.sources or ((package.source_version,) if package.source_version else ())
        return version if version != package.firmware.version and (not wanted or version in wanted) else None

    # Tasks.

    def spread(self, job: UpgradeJob) -> None:
        """Make the tasks of a job on many, a slice at a time; not yet while that goes on for several others."""
        if job.id in self._spreading or len(self._spreading) >= _MOST_SPREADING:
            return  # its turn comes (`Clock`)
        self._spreading.add(job.id)
        self._errands.run(self._spreads(job))

    def _spreads(self, job: UpgradeJob) -> Errand:
        """Makes the tasks of a job, and notifies devices: the first ones at once, as many a minute as it says."""
        try:
            names = self._names(job)
            if job.target == "GRAY":
                fitting: list[str] = []
                for first in range(0, len(names), _CHUNK):
                    fitting += [device.name for device in self._fitting(job, names[first : first + _CHUNK])]
                    yield 0
                names = self._sampled(job, fitting)
            most = job.per_minute or _USUAL_PER_MINUTE
            notified, held = 0, list[Device]()
            for first in range(0, len(names), _CHUNK):
                if self._state(job.id) != "IN_PROGRESS":
                    return
                with self._events.together():
                    for device in self._fitting(job, names[first : first + _CHUNK]):
                        upgrade = self._give(job, device, push=notified < most)
                        notified += upgrade.status is Status.NOTIFIED
                        if notified >= most and upgrade.status is Status.QUEUED and upgrade.push:
                            held.append(device)
                yield 0
            known = self._jobs.get(job.id)
            if known is not None:
                self.put(replace(known, spread=True))
        finally:
            self._spreading.discard(job.id)
        for first in range(0, len(held), most):
            yield 60
            for device in held[first : first + most]:
                task = self.tasks.of_device(device.identity).get(job.id)
                if task is not None:
                    self.push(device, task)
                yield 0

    def _state(self, job_id: str) -> State:
        job = self._jobs.get(job_id)
        return job.state if job is not None else "CANCELED"

    def _give(self, job: UpgradeJob, device: Device, *, push: bool) -> Upgrade:
        """Make a device's task, and notify it if it is there. While another upgrade of the module is under way, that
        one goes on, unless the job overwrites it: then this task has failed."""
        package, now_ms = self._catalogue.package(job.firmware_id), self._now_ms()
        assert package is not None, "a job's package is there while the job goes on"
        firmware = _as_sent(package.firmware, job)
        upgrade = Upgrade(
            firmware,
            job.id,
            secrets.token_urlsafe(18),
            Status.CONFIRM if job.confirm else Status.QUEUED,
            source_version=self._states.versions(device).get(firmware.module, ""),
            firmware_id=package.id,
            created_ms=now_ms,
            modified_ms=now_ms,
            push=job.push,
            retries=job.retries,
        )
        with self._states.changing(device, "ota") as draft:
            if firmware.module in draft.ota.pending and not job.overwrites:
                upgrade.status, upgrade.description = Status.FAILED, "another upgrade is under way"
                draft.ota.note(upgrade)
            else:
                if push and job.push and not job.confirm and self._presence.is_online(device):
                    upgrade.status = Status.NOTIFIED
                draft.ota.offer(upgrade)
        if upgrade.status is Status.NOTIFIED:
            self._notify(device, upgrade)
        return upgrade

    def _notify(self, device: Device, upgrade: Upgrade) -> None:
        notice = upgrade_downlink(device, upgrade, self._calls.new_id())
        self._events.make(partial(self._out.send, notice))

    def push(self, device: Device, task: Upgrade) -> None:
        """Notify a device whose task waits for it, if it is there."""
        if task.status is Status.QUEUED and task.push and self._presence.is_online(device):
            self.change(device, task, Status.NOTIFIED)
            self._notify(device, task)

    def change(self, device: Device, task: Upgrade, status: Status, description: str = "") -> None:
        """A task has another status, for other reasons than what its device says."""
        with self._states.changing(device, "ota") as draft:
            found = draft.ota.task(task.task_id)
            if found is not None:
                found.status, found.description, found.modified_ms = status, description, self._now_ms()

    def again(self, device: Device, task: Upgrade) -> None:
        """A task that is over begins anew; its device is notified, if it is there."""
        online = task.push and self._presence.is_online(device)
        with self._states.changing(device, "ota") as draft:
            found = draft.ota.task(task.task_id)
            if found is not None:
                found.status, found.step, found.description = Status.QUEUED, 0, ""
                found.status = Status.NOTIFIED if online else Status.QUEUED
                found.modified_ms = self._now_ms()
        if online:
            self._notify(device, task)

    def end_all(self, job: UpgradeJob, statuses: frozenset[Status]) -> None:
        """Cancel a job's tasks that are in one of these: of few together, of many a slice at a time."""
        identities = [i for i, task in self.tasks.of_job(job.id).by_device.items() if task.status in statuses]
        if len(identities) <= AT_ONCE:
            self.end(job.id, identities, statuses)
        else:
            self._errands.run(self._ends(job.id, identities, statuses), f"end {job.id}")

    def _ends(self, job_id: str, identities: Sequence[str], statuses: frozenset[Status]) -> Errand:
        for first in range(0, len(identities), _CHUNK):
            self.end(job_id, identities[first : first + _CHUNK], statuses)
            yield 0

    def end(self, job_id: str, identities: Iterable[str], statuses: frozenset[Status]) -> None:
        """Cancel a job's tasks of these devices, all together, if they are in one of these statuses."""
        with self._events.together():
            for device, task in self.tasks_of(job_id, identities):
                if task.status in statuses:
                    self.change(device, task, Status.CANCELED)

    def tasks_of(self, job_id: str, identities: Iterable[str]) -> Iterator[tuple[Device, Upgrade]]:
        """A job's tasks of these devices, with the devices that are there."""
        for identity in identities:
            task = self.tasks.of_device(identity).get(job_id)
            device = self._registry.device(*identity.split("/", 1))
            if task is not None and device is not None:
                yield device, task

    # What devices report.

    def reported(self, device: Device, module: str, version: str) -> None:
        """A device runs this version of a module, and no upgrade of it is under way: the latest dynamic job that is for
        it takes it up."""
        for job in reversed(self._jobs.values()):
            if not job.is_dynamic or job.state != "IN_PROGRESS" or job.product_key != device.product.key:
                continue
            package = self._catalogue.package(job.firmware_id)
            if package is None or package.firmware.module != module or package.firmware.version == version:
                continue
            if job.sources and version not in job.sources:
                continue
            if job.group_id and device.identity not in self._groups.members.of(job.group_id):
                continue
            matches = sum(upgrade.job_id == job.id for upgrade in self._states.of(device).ota.all())
            if matches < _MOST_MATCHES:
                self._give(job, device, push=True)
            return


def _as_sent(firmware: Firmware, job: UpgradeJob) -> Firmware:
    """The image as a job's notices have it: with the job's tags, and as a stream if it is to come by MQTT."""
    stream_id = zlib.crc32(job.id.encode()) or 1 if job.protocol == "MQTT" else firmware.stream_id
    return replace(firmware, ext_data={**firmware.ext_data, **job.tags}, stream_id=stream_id)
