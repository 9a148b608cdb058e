"""What the platform can be asked to do, by any caller with an account: cloud calls, rules, a console, a test.

    platform.operations.things.set_properties(account, device, {"charging:ChargeLimit": 80})

Each operation says who asks; what the account does not see is refused as unknown. Refusals are `OperationError`s with
a `Reason`, which callers map to their own words; a refused operation has not happened.
"""

from __future__ import annotations

from ..devices.past import Past
from ..parts import Parts
from ..subscriptions.queues import NO_QUEUES, Queues
from .batches import Batches
from .configuration import Configuration
from .devices import Devices
from .errors import OperationError, Reason
from .files import Files
from .firmware import Firmwares
from .groups import Groups
from .jobs import DeviceJobs
from .messages import Messages
from .product_topics import ProductTopics
from .products import Products
from .reach import Reach
from .rules import Rules
from .subscriptions import Subscriptions
from .tags import Tags
from .tasks import Tasks
from .thing_models import ThingModels
from .things import Things
from .topologies import Topologies
from .upgrades import UpgradeJobs

__all__ = ["OperationError", "Operations", "Reason"]


class Operations:
    """All operations, by what they are about."""

    def __init__(self, parts: Parts, past: Past, queues: Queues = NO_QUEUES) -> None:
        reach = Reach(parts)
        self.devices = Devices(parts, reach)
        self.batches = Batches(parts, reach)
        self.products = Products(parts, reach)
        self.thing_models = ThingModels(parts, reach)
        self.product_topics = ProductTopics(parts, reach)
        self.groups = Groups(parts, reach)
        self.things = Things(parts, reach, past)
        self.messages = Messages(parts, reach)
        self.files = Files(parts, reach)
        self.firmware = Firmwares(parts, reach)
        self.jobs = DeviceJobs(parts, reach, self.groups, self.things, self.messages)
        self.upgrades = UpgradeJobs(parts, reach, self.firmware, self.groups)
        self.configuration = Configuration(parts, reach)
        self.tags = Tags(parts, reach)
        self.tasks = Tasks(parts, reach)
        self.topologies = Topologies(parts, reach)
        self.subscriptions = Subscriptions(parts, reach, queues)
        self.rules = Rules(parts, reach)
