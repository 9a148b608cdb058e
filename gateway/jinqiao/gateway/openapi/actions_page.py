"""docs/cloud-calls.md, from the tables of actions and errors: `python -m jinqiao.gateway.openapi.actions_page`."""

from __future__ import annotations

from collections.abc import Iterator

from .action import VERSION
from .actions import ACTIONS
from .errors import ERRORS

__all__ = ["actions_page"]

_HEAD = f"""\
# Cloud calls

What a customer's back end asks of the platform over HTTP (`jinqiao serve --http-port 8080`): the OpenAPI of version
{VERSION}. This page is written from the tables in the code; a test keeps it so.

Both SDKs of the vendor can be pointed at it. The newer one: `Config(endpoint='127.0.0.1:8080', protocol='HTTP', …)`;
the older one: `request.set_endpoint('127.0.0.1:8080')`, `request.set_protocol_type('http')`. Access keys stand in the
registry file (`access_keys: [{{id: …, secret: …, products: [a1carPK0001]}}]`), and an application's user name and
password are one. A key without `products` reaches all; for any other, products that are not its own do not exist. One
with `read_only: true` may make the calls whose access is *read*; all others are refused with `Forbidden.RAM`. Both
signatures are verified: ACS3-HMAC-SHA256, which has to sign `host`, `x-acs-action`, `x-acs-version`, `x-acs-date`,
`x-acs-signature-nonce` and `x-acs-content-sha256`, and RPC v1 with HMAC-SHA1. A call is refused if its time is more
than 15 minutes from the machine's (unless started with `--lenient-clock`), or if its access key has used its nonce
before.

Answers are `RequestId`, `Success` and the members below; HTTP 200 also when the product refuses, with `Code` and
`ErrorMessage`. RPC v1 answers XML unless `Format=JSON` is asked for. `!` marks a mandatory parameter, `.N` a list
(`.1`, `.2` …); *device* is `IotId`, or `ProductKey` with `DeviceName`. Other parameters, such as `IotInstanceId`, are
passed over.

A key without all products sees those that it makes. A thing model is edited as a draft, in either form
(`ThingModelJson`, TSL); devices are judged by the version that was published last, those that are connected, too. What
is wrong with a model is named with its place. Products of simulated vehicles are as their run says. Until somebody
defines topics for a product, its devices may use all below `/{{product key}}/{{device name}}/user/`; from the first
CreateProductTopic, UpdateProductTopic or DeleteProductTopic on they may use those of its list.

A synchronous service waits 8 s for the device, `RRpc` as long as its `Timeout` says. They reach a device whose client
id has bit 0 of `ext` set on `/ext/rrpc/{{id}}/…`, others on `/sys/{{pk}}/{{dn}}/rrpc/request/{{id}}`.

The past is asked for by `StartTime` and `EndTime`, both inclusive, in ms; `Asc` 1 is oldest first, 0 latest first.
Where `NextValid` is true, `NextTime` is the time of the first row that was left out: ask again with it as `StartTime`
(as `EndTime`, if `Asc` is 0 and `StartTime` the earlier of the two), and every row comes once. `jinqiao serve --data`
keeps 30 days; of `jinqiao run`'s vehicles memory holds what they said lately, seven hours of 100 cars that post every
second, half a minute of 100,000 ([stores.md](stores.md#the-past-of-devices)); elsewhere, and before that, the last
value of each property is all there is.

Of many devices in one call all are asked, or none: what the thing model refuses is refused before anything is sent. A
device that was never online misses it, and the device log says so.

A job (CreateOTA…Job, CreateJob) on at most 200 devices has all its tasks when the call answers, or has not happened.
One on more is kept first, and its tasks follow in slices, 10,000 (1,000) notices a minute where it does not say. An
update package needs to be verified only where it was made with `NeedToVerify=true`. `DnListFileUrl`, `MultiFiles` and
uploads to a store (GenerateOTAUploadURL …) are not there: a firmware is where `FirmwareUrl` says, and the file of a job
where `fileUrl` in `JobFile` says.

A group of devices, and a job made by CreateJob, are their account's: other accounts do not see them, but for those that
see all products.

| action | access | parameters | answer |
|---|---|---|---|
"""

_BETWEEN = """
## Without an access key

`POST /auth/register/device` with the form `productKey, deviceName, random, signMethod, sign` answers the secret of a
device that was never online, to who knows its product's. `POST /auth/devicename` with `productKey, deviceName,
clientId, timestamp, signmethod, sign` answers `iotId` and `iotToken`: user name and password of MQTT for seven days.
Both answer `{"code", "data", "message"}` with the platform's device-side code.
A request that is not signed with the secret gets 6600 (401 for `/auth/devicename`), whether or not there is such a
product or device; the device log (`jinqiao log`) has the real reason.

Devices that speak no MQTT publish over HTTP: `POST /auth` with the JSON object `productKey, deviceName, clientId,
timestamp, signmethod, sign` answers a token for seven days, and `POST /topic/sys/{pk}/{dn}/thing/event/property/post`
(or another topic of the device's, behind `/topic`) with the header `password: TOKEN` publishes the body, up to 128 KB.
Both answer `{"code", "message", "info"}`, code 0 for done. Nothing comes back to the device this way.
These messages count in the device's rates, together with what it publishes by MQTT: 40000 above them.

`GET /download/…` answers a configuration or firmware file, whole or a byte range.

## Errors

| code | HTTP | meaning |
|---|---|---|
"""


def actions_page() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(_rows()) + _BETWEEN + "".join(_errors())


def _rows() -> Iterator[str]:
    for action in ACTIONS.values():
        parameters = action.parameters.replace("device!", "*device*!")
        access = "read" if action.reads else "write"
        yield f"| {action.name} | {access} | {parameters} | {action.answer} |\n"


def _errors() -> Iterator[str]:
    for code, (status, text) in ERRORS.items():
        yield f"| `{code}` | {status} | {text} |\n"


if __name__ == "__main__":
    print(actions_page(), end="")
