"""Keep a garage below its connection's power: hear the cars over AMQP, pause and resume them by cloud calls.

    pip install python-qpid-proton alibabacloud-iot20180120
    python charging.py --secret PASSWORD --cap-kw 30

`main` is the usual consumer with the vendor's login; `Garage` decides, and knows neither AMQP nor cloud calls.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import queue
import threading
import time
from dataclasses import dataclass
from typing import Any

from alibabacloud_iot20180120 import models
from alibabacloud_iot20180120.client import Client
from alibabacloud_tea_openapi.models import Config
from proton.handlers import MessagingHandler
from proton.reactor import Container

#: The lowest charge limit that a car accepts: with it, charging ends at once.
LOWEST, HIGHEST = 20, 100
Order = tuple[str, int]


@dataclass
class Car:
    power_kw: float = 0.0
    soc: float = 0.0
    #: What it took when it was paused; None while it may charge.
    paused_at_kw: float | None = None
    #: When it was last paused or resumed: until its power follows, the expected one counts.
    ordered_s: float = 0.0
    expected_kw: float | None = None


class Garage:
    """Pauses the fullest car when all together take more than the cap, resumes the emptiest when there is room."""

    def __init__(self, cap_kw: float, patience_s: float = 30.0) -> None:
        self.cap_kw, self._patience_s = cap_kw, patience_s
        self.cars: dict[str, Car] = {}

    def reported(self, name: str, power_kw: float | None, soc: float | None, now_s: float) -> list[Order]:
        """A car's post. Returns charge limits to set, by car."""
        car = self.cars.setdefault(name, Car())
        car.soc = car.soc if soc is None else soc
        if power_kw is not None:
            car.power_kw = power_kw
            followed = car.expected_kw is not None and abs(power_kw - car.expected_kw) < 0.5 + 0.2 * car.expected_kw
            if followed or now_s - car.ordered_s > self._patience_s:
                car.expected_kw = None
        return self._decide(now_s)

    def _load(self, car: Car) -> float:
        return car.power_kw if car.expected_kw is None else car.expected_kw

    def _decide(self, now_s: float) -> list[Order]:
        orders: list[Order] = []
        total = sum(map(self._load, self.cars.values()))
        charging = [
            (car.soc, name) for name, car in self.cars.items() if car.paused_at_kw is None and self._load(car) > 0
        ]
        while total > self.cap_kw and charging:
            charging.sort()
            _, name = charging.pop()
            car = self.cars[name]
            total -= self._load(car)
            car.paused_at_kw, car.expected_kw, car.ordered_s = self._load(car), 0.0, now_s
            orders.append((name, LOWEST))
        if orders:
            return orders
        paused = sorted((car.soc, name) for name, car in self.cars.items() if car.paused_at_kw is not None)
        for _, name in paused:
            car = self.cars[name]
            if now_s - car.ordered_s > self._patience_s and total + (car.paused_at_kw or 0.0) <= self.cap_kw:
                total += car.paused_at_kw or 0.0
                car.expected_kw, car.paused_at_kw, car.ordered_s = car.paused_at_kw, None, now_s
                orders.append((name, HIGHEST))
        return orders


class Consumer(MessagingHandler):
    """The vendor's sample consumer: connects, opens a receiver, gets messages."""

    def __init__(self, options: argparse.Namespace, garage: Garage, orders: queue.Queue[Order]) -> None:
        super().__init__()
        self._options, self._garage, self._orders = options, garage, orders

    def on_start(self, event: Any) -> None:
        options = self._options
        timestamp = str(int(time.time() * 1000))
        user = (
            f"{options.client_id}|authMode=aksign,signMethod=hmacsha1,timestamp={timestamp},authId={options.key},"
            f"iotInstanceId=,consumerGroupId={options.group}|"
        )
        content = f"authId={options.key}&timestamp={timestamp}"
        mac = hmac.new(options.secret.encode(), content.encode(), hashlib.sha1).digest()
        connection = event.container.connect(
            options.amqp,
            user=user,
            password=base64.b64encode(mac).decode(),
            heartbeat=60,
            allowed_mechs="PLAIN",
            allow_insecure_mechs=True,  # for amqp://; amqps:// needs it not
        )
        event.container.create_receiver(connection)

    def on_message(self, event: Any) -> None:
        topic = event.message.properties["topic"]
        if not topic.endswith("/thing/event/property/post"):
            return
        body = json.loads(bytes(event.message.body))
        items = body["items"]
        power, soc = (items.get(name, {}).get("value") for name in ("charging:ChargePower", "StateOfCharge"))
        for order in self._garage.reported(body["deviceName"], power, soc, time.monotonic()):
            self._orders.put(order)


def carry_out(options: argparse.Namespace, orders: queue.Queue[Order]) -> None:
    """Set charge limits, one after the other, beside the consumer: a cloud call must not hold up its heartbeats."""
    iot = Client(
        Config(
            access_key_id=options.key,
            access_key_secret=options.secret,
            endpoint=options.http,
            protocol=options.protocol,
        )
    )
    while True:
        name, limit = orders.get()
        items = json.dumps({"charging:ChargeLimit": limit})
        request = models.SetDevicePropertyRequest(product_key=options.product, device_name=name, items=items)
        answer = iot.set_device_property(request).body
        what = "paused" if limit == LOWEST else "resumed"
        print(json.dumps({what: name} if answer.success else {"failed": name, "code": answer.code}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--amqp", default="amqp://127.0.0.1:5672")
    parser.add_argument("--http", default="127.0.0.1:8080")
    parser.add_argument("--protocol", default="HTTP")
    parser.add_argument("--key", default="app", help="access key id")
    parser.add_argument("--secret", required=True, help="access key secret")
    parser.add_argument("--group", default="DEFAULT_GROUP", help="consumer group id")
    parser.add_argument("--product", default="a1JinqiaoEV", help="product key of the cars")
    parser.add_argument("--client-id", default="charging-operations")
    parser.add_argument("--cap-kw", type=float, default=30.0)
    parser.add_argument("--patience-s", type=float, default=30.0, help="how long a car may take to follow an order")
    options = parser.parse_args()
    orders: queue.Queue[Order] = queue.Queue()
    threading.Thread(target=carry_out, args=(options, orders), daemon=True).start()
    Container(Consumer(options, Garage(options.cap_kw, options.patience_s), orders)).run()


if __name__ == "__main__":
    main()
