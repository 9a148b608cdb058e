"""Actions on the past of a device: values of properties, events, and calls of services.

`StartTime` and `EndTime` bound the time, both inclusive, in ms; with `Asc` 0 the platform's documentation wants them
the one way round for one property and the other way for several, so both are taken. `NextTime` is where to go on: as
`StartTime`, or, of descending rows that were asked for with `StartTime` before `EndTime`, as `EndTime`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from jinqiao.base.words import did_you_mean
from jinqiao.gateway.platform.calls import Call
from jinqiao.gateway.platform.devices.past import Page, Query, Row, cut
from jinqiao.gateway.platform.operations.things import as_text
from jinqiao.gateway.platform.registry.registry import Device

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError
from ..pending import Pending

__all__ = [
    "query_device_event_data",
    "query_device_properties_data",
    "query_device_property_data",
    "query_device_service_data",
]

#: Rows of a page, by the documentation of each action; properties asked for at once.
_PAGE, _PAGE_OF_SEVERAL, _MOST_PROPERTIES = 50, 100, 10
_DEFAULT_PAGE = 10
#: Seconds a question may take.
_PATIENCE_S = 30.0

#: Questions wait for disks, so they are asked beside the event loop, one after the other.
_ASKING = ThreadPoolExecutor(1, thread_name_prefix="history")


@action(
    "QueryDevicePropertyData",
    "device! Identifier! StartTime! EndTime! PageSize! Asc!",
    "Data{NextValid NextTime List{PropertyInfo[Time Value]}}",
)
def query_device_property_data(args: Arguments) -> dict[str, Any] | Pending:
    """One property's values."""
    device = args.device()
    identifier = _known(device, args.text("Identifier"))
    query = _query(args, device, "property", (identifier,), _PAGE, mandatory=True)

    def answer(page: Page) -> Mapping[str, Any]:
        return {"Data": {"List": {"PropertyInfo": [_value(row) for row in page.rows]}, **_next(page)}}

    return _ask(args, device, query, answer)


@action(
    "QueryDevicePropertiesData",
    "device! Identifier.N! StartTime! EndTime! PageSize! Asc!",
    "NextValid NextTime PropertyDataInfos{PropertyDataInfo[Identifier List{PropertyInfo[Time Value]}]}",
)
def query_device_properties_data(args: Arguments) -> dict[str, Any] | Pending:
    """Values of several properties; a page ends for all of them where it is full for one."""
    device = args.device()
    wanted = args.list("Identifier")
    if not 0 < len(wanted) <= _MOST_PROPERTIES:
        code = "InvalidParameter" if wanted else "MissingParameter"
        raise ApiError(code, f"Identifier.1 … Identifier.{_MOST_PROPERTIES}: found {len(wanted)} properties.")
    names = tuple(dict.fromkeys(_known(device, name) for name in wanted))
    query = _query(args, device, "property", names, _PAGE_OF_SEVERAL, mandatory=True)

    def answer(page: Page) -> Mapping[str, Any]:
        infos = [
            {
                "Identifier": name,
                "List": {"PropertyInfo": [_value(row) for row in page.rows if row.identifier == name]},
            }
            for name in names
        ]
        return {"PropertyDataInfos": {"PropertyDataInfo": infos}, **_next(page)}

    return _ask(args, device, query, answer)


@action(
    "QueryDeviceEventData",
    "device! StartTime! EndTime! Identifier EventType PageSize Asc",
    "Data{NextValid NextTime List{EventInfo[Time Identifier Name EventType OutputData]}}",
)
def query_device_event_data(args: Arguments) -> dict[str, Any] | Pending:
    """Events: of one identifier, of one type, or all."""
    device = args.device()
    identifier, type_ = args.text("Identifier", ""), args.text("EventType", "")
    events = device.product.thing_model.events
    if identifier and identifier not in events:
        raise _unknown("event", identifier, events)
    if type_ and type_ not in {"info", "alert", "error"}:
        raise ApiError("InvalidParameter", f"EventType must be info, alert or error, found {type_!r}.")
    names = (identifier,) if identifier else tuple(name for name, model in events.items() if model.type == type_)
    if type_ and not names:
        names = ("",)  # nothing is called so
    query = _query(args, device, "event", names, _PAGE)

    def told(row: Row) -> dict[str, Any]:
        model = events.get(row.identifier)
        about = {"Name": model.name if model else "", "EventType": model.type if model else ""}
        return {"Time": str(row.time_ms), "Identifier": row.identifier, **about, "OutputData": row.values["output"]}

    def answer(page: Page) -> Mapping[str, Any]:
        return {"Data": {"List": {"EventInfo": [told(row) for row in page.rows]}, **_next(page)}}

    return _ask(args, device, query, answer)


@action(
    "QueryDeviceServiceData",
    "device! StartTime! EndTime! Identifier PageSize Asc",
    "Data{NextValid NextTime List{ServiceInfo[Time Identifier Name InputData OutputData]}}",
)
def query_device_service_data(args: Arguments) -> dict[str, Any] | Pending:
    """Calls of one service, or of all."""
    device = args.device()
    identifier = args.text("Identifier", "")
    services = device.product.thing_model.services
    if identifier and identifier not in services:
        raise _unknown("service", identifier, services)
    query = _query(args, device, "service", (identifier,) if identifier else (), _PAGE)

    def told(row: Row) -> dict[str, Any]:
        model = services.get(row.identifier)
        values = {"InputData": row.values["input"], "OutputData": row.values["output"]}
        name = model.name if model else ""
        return {"Time": str(row.time_ms), "Identifier": row.identifier, "Name": name, **values}

    def answer(page: Page) -> Mapping[str, Any]:
        return {"Data": {"List": {"ServiceInfo": [told(row) for row in page.rows]}, **_next(page)}}

    return _ask(args, device, query, answer)


def _query(
    args: Arguments, device: Device, kind: str, names: tuple[str, ...], most: int, *, mandatory: bool = False
) -> Query:
    for name in ("StartTime", "EndTime", *(("PageSize", "Asc") if mandatory else ())):
        args.text(name)
    start_ms, end_ms = args.time_ms("StartTime"), args.time_ms("EndTime")
    ascending = bool(args.number("Asc", 0, high=1))
    page = args.number("PageSize", _DEFAULT_PAGE)
    if not 1 <= page <= most:
        raise ApiError("iot.common.InvalidPageParams", f"PageSize must be from 1 to {most}, found {page}")
    if ascending and start_ms >= end_ms:
        why = f"StartTime {start_ms} is not before EndTime {end_ms}."
        raise ApiError("iot.check.ParameterIsNotLessThanMax", why)
    since_ms = args.operations.devices.record(args.account, device).created_ms
    span = (min(start_ms, end_ms), max(start_ms, end_ms))
    return Query(kind, device.product.key, device.name, names, *span, page, ascending, since_ms)


def _ask(
    args: Arguments, device: Device, query: Query, answer: Callable[[Page], Mapping[str, Any]]
) -> dict[str, Any] | Pending:
    if not args.operations.things.keeps_history:
        return dict(answer(_last_known(args, device, query)))
    call = Call(device.identity, "")
    asked: Future[Page | None] = _ASKING.submit(args.operations.things.ask_past, query)
    asked.add_done_callback(lambda _: call.take(b""))

    def finish() -> Mapping[str, Any]:
        if not asked.done():
            asked.cancel()
            raise ApiError("iot.system.SystemException", f"the question took longer than {_PATIENCE_S:g} s")
        page = asked.result()
        return answer(page if page is not None and page.rows else _last_known(args, device, query))

    return Pending(call, _PATIENCE_S, finish)


def _last_known(args: Arguments, device: Device, query: Query) -> Page:
    """Where no past is kept, or none of that time, there is the last value of each property; of the rest nothing."""
    if query.kind != "property":
        return Page(())
    last = args.operations.things.last_values(args.account, device)
    rows = [
        Row(name, last[name].time_ms, {"value": as_text(last[name].value)})
        for name in query.identifiers
        if name in last and query.from_ms <= last[name].time_ms <= query.to_ms
    ]
    rows.sort(key=lambda row: row.time_ms, reverse=not query.ascending)
    return cut(rows, query.page, ascending=query.ascending, together=False)


def _known(device: Device, identifier: str) -> str:
    properties = device.product.thing_model.properties
    if identifier not in properties:
        raise _unknown("property", identifier, properties)
    return identifier


def _unknown(what: str, identifier: str, known: Mapping[str, Any]) -> ApiError:
    return ApiError(
        "InvalidParameter", f"the thing model has no {what} {identifier!r}{did_you_mean(identifier, known)}."
    )


def _value(row: Row) -> dict[str, str]:
    return {"Time": str(row.time_ms), "Value": row.values["value"]}


def _next(page: Page) -> dict[str, Any]:
    return {"NextValid": page.next_ms is not None, "NextTime": page.next_ms or 0}
