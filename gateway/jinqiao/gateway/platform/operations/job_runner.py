"""How a job reaches its devices: tasks are made, sent so many a minute, given up when they take too long.

Of a job on few devices all tasks are made together with it. One on many is kept first and spread afterwards, a slice
at a time; what is left when the process ends is spread when it begins again. A device that is away gets its task when
it comes. Nothing is kept here: jobs and tasks are `parts.jobs`.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.json_values import compact

from ..devices.jobs import Task
from ..errands import Errand
from ..events import Online, VehiclesPresence
from ..jobs.job import DeviceJob
from ..parts import Parts
from ..registry.registry import Device
from .awaited import Awaited
from .errors import OperationError, Reason
from .messages import Messages
from .things import Things

__all__ = ["JobRunner"]

#: Devices whose tasks are made together with their job, and in one slice of work.
_AT_ONCE, _CHUNK = 200, 25
#: Jobs that are spread at the same time; others wait for their turn.
_MOST_SPREADING = 4
#: Tasks sent in a minute where a job does not say.
_USUAL_PER_MINUTE = 1_000
#: Seconds between looks at the jobs' clocks.
_TICK_S = 1.0


class JobRunner:
    """Sends tasks as their job's account would."""

    def __init__(self, parts: Parts, things: Things, messages: Messages) -> None:
        self._parts, self._things, self._messages = parts, things, messages
        parts.errands.every(_TICK_S, self.tick)
        parts.events.subscribe(Online, lambda event: self._came(event.device))
        parts.events.subscribe(VehiclesPresence, self._vehicles_came)

    def check(self, job: DeviceJob) -> None:
        """Raises BAD_DEVICE_JOB for a document that is none of its kind."""
        document = job.document
        fits = {
            "SET_PROPERTY": type(document.get("params")) is dict,
            "INVOKE_SERVICE": type(document.get("serviceIdentifier")) is str
            and type(document.get("params", {})) is dict,
            "PUB": type(document.get("topicShortName")) is str and _content(document) is not None,
            "CUSTOM_JOB": True,
        }
        if not fits[job.kind]:
            raise OperationError(Reason.BAD_DEVICE_JOB, f"the document is not one of {job.kind}")

    # Tasks are made.

    def start(self, job: DeviceJob) -> None:
        """Begin a job, or note that it waits for its time."""
        parts = self._parts
        if job.state == "WAITING":
            parts.jobs.put(job)
            return
        identities = self._identities(job)
        if len(identities) > _AT_ONCE:
            parts.jobs.put(job)
            parts.events.make(partial(self._spread, job))
            return
        with parts.events.together():
            parts.jobs.put(replace(job, spread=True))
            made = [(device, self._give(job, device)) for device in self._devices(job, identities)]
        self._send_all(replace(job, spread=True), made)

    def _identities(self, job: DeviceJob) -> Sequence[str]:
        if job.target == "DEVICE_LIST":
            return job.devices
        if job.target == "GROUP_ID":
            return list(self._parts.groups.members.of(job.group_id))
        product = self._parts.registry.product(job.product_key)
        return [f"{job.product_key}/{name}" for name in product.devices] if product is not None else []

    def _devices(self, job: DeviceJob, identities: Iterable[str]) -> Iterator[Device]:
        """Those that are there, that the job's account sees, and that have no task of it yet."""
        account = job.account
        for identity in identities:
            device = self._parts.registry.device(*identity.split("/", 1))
            if device is None or not account.sees(device.product.key):
                continue
            if job.id not in self._parts.jobs.tasks.of_device(identity):
                yield device

    def _spread(self, job: DeviceJob) -> None:
        if len(self._parts.jobs.spreading) >= _MOST_SPREADING:
            return  # its turn comes (`tick`)
        self._parts.jobs.spreading.add(job.id)
        self._parts.errands.run(self._spreads(job))

    def _spreads(self, job: DeviceJob) -> Errand:
        parts, most = self._parts, job.per_minute or _USUAL_PER_MINUTE
        try:
            identities, made = self._identities(job), list[tuple[Device, str]]()
            for first in range(0, len(identities), _CHUNK):
                if self._state(job.id) != "IN_PROGRESS":
                    return
                with parts.events.together():
                    made += [
                        (device, self._give(job, device))
                        for device in self._devices(job, identities[first : first + _CHUNK])
                        if self._parts.states.of(device).jobs.has_room
                    ]
                yield 0
            if (known := parts.jobs.get(job.id)) is not None:
                parts.jobs.put(replace(known, spread=True))
        finally:
            parts.jobs.spreading.discard(job.id)
        yield from self._sends(job, made, most)

    def _state(self, job_id: str) -> str:
        job = self._parts.jobs.get(job_id)
        return job.state if job is not None else "CANCELLED"

    def _give(self, job: DeviceJob, device: Device) -> str:
        """Make a device's task; its id."""
        now_ms = self._parts.now_ms()
        hidden = job.kind != "CUSTOM_JOB"
        task = Task(secrets.token_urlsafe(18), {}, job_id=job.id, hidden=hidden, created_ms=now_ms, modified_ms=now_ms)
        with self._parts.states.changing(device, "jobs") as draft:
            try:
                draft.jobs.add(task)
            except ValueError as full:
                raise OperationError(Reason.BAD_DEVICE_JOB, f"{device.name}: {full}") from full
        return task.id

    # Tasks are sent.

    def _send_all(self, job: DeviceJob, made: Iterable[tuple[Device, str]]) -> None:
        for device, task_id in made:
            task = self._parts.jobs.tasks.of_device(device.identity).get(job.id)
            if task is not None and task.id == task_id and task.status == "QUEUED":
                self._send(job, device, task)

    def _send(self, job: DeviceJob, device: Device, task: Task) -> None:
        """Send a task to its device, if it is there; whatever cannot be sent has failed."""
        parts = self._parts
        if not parts.presence.is_online(device):
            return
        if job.kind == "CUSTOM_JOB":
            sent = parts.jobs.change(device, task.id, "SENT")
            if sent is not None:
                self._notify(job, device, sent)
            return
        try:
            message_id, awaited = self._ask(job, device)
        except OperationError as error:
            parts.jobs.change(device, task.id, "FAILED", message=error.message)
            return
        if job.kind == "PUB":
            parts.jobs.change(device, task.id, "SUCCEEDED", progress=100, message_id=message_id)
            return
        parts.jobs.change(device, task.id, "SENT", message_id=message_id)
        if awaited is not None:
            awaited.call.when_answered(partial(self._converted, device, task.id, awaited))

    def _converted(self, device: Device, task_id: str, awaited: Awaited[None]) -> None:
        """A product's script has converted what is sent, or could not."""
        try:
            awaited.finish()
        except OperationError as error:
            self._parts.jobs.change(device, task_id, "FAILED", message=error.message)
        finally:
            awaited.close()

    def _ask(self, job: DeviceJob, device: Device) -> tuple[str, Awaited[None] | None]:
        account, document = job.account, job.document
        if job.kind == "SET_PROPERTY":
            return self._things.ask_to_set(account, device, document["params"], job.qos)
        if job.kind == "INVOKE_SERVICE":
            service, values = document["serviceIdentifier"], document.get("params", {})
            return self._things.ask_to_run(account, device, service, values, job.qos)
        self._messages.publish_to_all(account, [device], document["topicShortName"], _content(document) or b"", job.qos)
        return self._messages.new_id(), None

    def _notify(self, job: DeviceJob, device: Device, task: Task) -> None:
        """`thing.job.notify`: of a task that begins, or is cancelled."""
        body = {
            "id": self._parts.calls.new_id(),
            "version": "1.0",
            "params": {"task": self._parts.jobs.wire(task)},
            "method": "thing.job.notify",
        }
        self._parts.out.send(Downlink(f"/sys/{device.identity}/thing/job/notify", compact(body), job.qos))

    def _came(self, device: Device) -> None:
        """A device is there: what waits for it is sent."""
        for job_id, task in list(self._parts.jobs.tasks.of_device(device.identity).items()):
            job = self._parts.jobs.get(job_id)
            if task.status == "QUEUED" and job is not None and job.state == "IN_PROGRESS":
                self._send(job, device, task)

    def _vehicles_came(self, event: VehiclesPresence) -> None:
        if event.online and self._parts.jobs.all:
            self._parts.errands.run(self._come(event.product_key, event.names))

    def _come(self, product_key: str, names: Sequence[str]) -> Errand:
        for name in names:
            device = self._parts.registry.device(product_key, name)
            if device is not None:
                self._came(device)
            yield 0

    # Tasks end.

    def cancel(self, job: DeviceJob) -> None:
        """A job, and what is open of it: of few tasks together, of many a slice at a time."""
        parts = self._parts
        of_job = parts.jobs.tasks.of_job(job.id).by_device
        identities = [identity for identity, task in of_job.items() if task.is_open]
        with parts.events.together():
            parts.jobs.put(replace(job, state="CANCELLED", spread=True, modified_ms=parts.now_ms()))
            if len(identities) <= _AT_ONCE:
                known = self._end(job, identities)
            else:
                known = []
                parts.events.make(partial(parts.errands.run, self._ends(job, identities), f"end {job.id}"))
        self._tell_ended(job, known)

    def _ends(self, job: DeviceJob, identities: Sequence[str]) -> Errand:
        for first in range(0, len(identities), _CHUNK):
            with self._parts.events.together():
                known = self._end(job, identities[first : first + _CHUNK])
            self._tell_ended(job, known)
            yield 0

    def _end(self, job: DeviceJob, identities: Iterable[str]) -> list[Device]:
        """Cancel the tasks of these devices; those that know of theirs."""
        known = []
        for device, task in self._tasks_of(job, identities):
            if task.is_open:
                self._parts.jobs.change(device, task.id, "CANCELLED")
                if task.status != "QUEUED" and not task.hidden:
                    known.append(device)
        return known

    def _tell_ended(self, job: DeviceJob, devices: Iterable[Device]) -> None:
        for device, task in self._tasks_of(job, [device.identity for device in devices]):
            self._notify(job, device, task)

    def _tasks_of(self, job: DeviceJob, identities: Iterable[str]) -> Iterator[tuple[Device, Task]]:
        for identity in identities:
            task = self._parts.jobs.tasks.of_device(identity).get(job.id)
            device = self._parts.registry.device(*identity.split("/", 1))
            if task is not None and device is not None:
                yield device, task

    def again(self, job: DeviceJob, statuses: frozenset[str]) -> None:
        """Those of a job's tasks that are in one of these begin anew: they wait at once, and are sent as ever."""
        parts = self._parts
        by_device = parts.jobs.tasks.of_job(job.id).by_device
        identities = [identity for identity, task in by_device.items() if task.status in statuses]
        few = len(identities) <= _AT_ONCE
        job = replace(job, state="IN_PROGRESS", spread=few, modified_ms=parts.now_ms())
        with parts.events.together():
            parts.jobs.put(job)
            if few:
                self._queue(job, identities)
        if few:
            self._send_all(job, ((device, task.id) for device, task in self._tasks_of(job, identities)))
        else:
            parts.jobs.spreading.add(job.id)
            parts.errands.run(self._agains(job, identities))

    def _queue(self, job: DeviceJob, identities: Iterable[str]) -> None:
        for device, task in self._tasks_of(job, identities):
            self._parts.jobs.change(device, task.id, "QUEUED", progress=0, message="", message_id="")

    def _agains(self, job: DeviceJob, identities: Sequence[str]) -> Errand:
        parts, most = self._parts, job.per_minute or _USUAL_PER_MINUTE
        try:
            for first in range(0, len(identities), _CHUNK):
                with parts.events.together():
                    self._queue(job, identities[first : first + _CHUNK])
                yield 0
            if (known := parts.jobs.get(job.id)) is not None:
                parts.jobs.put(replace(known, spread=True))
        finally:
            parts.jobs.spreading.discard(job.id)
        yield from self._sends(job, [(d, task.id) for d, task in self._tasks_of(job, identities)], most)

    def _sends(self, job: DeviceJob, made: Sequence[tuple[Device, str]], most: int) -> Errand:
        """Send tasks, so many a minute, while their job goes on."""
        for first in range(0, len(made), most):
            for device, task_id in made[first : first + most]:
                if self._state(job.id) != "IN_PROGRESS":
                    return
                self._send_all(job, [(device, task_id)])
                yield 0
            yield 60

    def tick(self) -> None:
        """Begin what is due, spread what was left, give up what takes too long; called once a second."""
        parts, now_ms = self._parts, self._parts.now_ms()
        for job in parts.jobs.all:
            if job.state == "WAITING" and job.scheduled_ms <= now_ms:
                self.start(replace(job, state="IN_PROGRESS", modified_ms=now_ms))
            elif job.state == "IN_PROGRESS" and not job.spread and job.id not in parts.jobs.spreading:
                self._spread(job)
            elif job.timeout_minutes and parts.jobs.is_due(job, now_ms):
                parts.errands.run(self._give_up(job, now_ms - job.timeout_minutes * 60_000), f"look after {job.id}")

    def _give_up(self, job: DeviceJob, before_ms: int) -> Errand:
        for device, task in self._tasks_of(job, list(self._parts.jobs.tasks.of_job(job.id).by_device)):
            if task.status == "IN_PROGRESS" and task.modified_ms <= before_ms:
                self._parts.jobs.change(device, task.id, "TIMED_OUT")
            yield 0


def _content(document: Any) -> bytes | None:
    """The bytes of a message, None where they are not base64."""
    text = document.get("messageContent")
    try:
        return base64.b64decode(text, validate=True) if type(text) is str else None
    except (binascii.Error, ValueError):
        return None
