"""The broker without its sockets: who is connected, what the policy says, where a message goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.mqtt.counters import Counters
from jinqiao.gateway.mqtt.delivery.dispatcher import Dispatcher
from jinqiao.gateway.mqtt.delivery.outbox import Outbox
from jinqiao.gateway.mqtt.delivery.window import AcknowledgedRun
from jinqiao.gateway.mqtt.fields import remaining_length, text
from jinqiao.gateway.mqtt.journal import Journal
from jinqiao.gateway.mqtt.limits import Limits
from jinqiao.gateway.mqtt.policy import Downlink, Login, Policy, Principal
from jinqiao.gateway.mqtt.recent import RecentRuns
from jinqiao.gateway.mqtt.router import Route, Router

if TYPE_CHECKING:
    from jinqiao.gateway.mqtt.session import Session

__all__ = ["Broker"]


class Broker:
    """Everything connections have in common. Not a thing here touches a socket or a clock."""

    def __init__(self, policy: Policy, limits: Limits, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self.policy = policy
        self.limits = limits
        self.counters = Counters()
        self.dispatcher = Dispatcher(limits, self.counters, call_soon)
        self.router: Router[Outbox] = Router(policy, limits)
        self.journal = Journal(lambda: self.dispatcher.now)
        self.sessions: dict[str, Session] = {}
        #: What trusted connections published last, if somebody wants to know.
        self.recent: RecentRuns | None = None

    def admit(self, session: Session, login: Login) -> Principal:
        """Log in; a session of the same identity ends. Raises Refused.

        [MQTT-3.1.4-2], except that who is the same is the policy's to say.
        """
        principal = self.policy.authenticate(login)
        previous = self.sessions.get(principal.identity)
        self.sessions[principal.identity] = session
        if previous is not None:
            self.router.stop_pushing(principal.identity)
            previous.taken_over()
        return principal

    def enter(self, session: Session, principal: Principal) -> None:
        """The login has been answered: downlinks may flow."""
        if principal.auto_subscribed:
            self.router.push(principal.identity, session.outbox, principal.max_qos)
        self._tell(self.policy.connected, principal)

    def leave(self, session: Session, principal: Principal) -> None:
        """The session has ended, of itself or by take-over."""
        if self.sessions.get(principal.identity) is not session:
            return
        del self.sessions[principal.identity]
        self.router.stop_pushing(principal.identity)
        self._tell(self.policy.disconnected, principal)

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """A message of the house itself; raises ProtocolError for a topic that is none."""
        route = self.router.route(topic.encode())
        self.counters.published[route.kind] += 1
        if not route.targets:
            return
        name = text(topic)
        if qos:
            head = b"\x32" + remaining_length(len(name) + 2 + len(payload)) + name
            packet = head + b"\0\1" + payload
            self.forward_acknowledged(route, AcknowledgedRun(packet, [len(packet)], [len(head)]))
        else:
            packet = b"\x30" + remaining_length(len(name) + len(payload)) + name + payload
            for target in route.targets:
                target.send(packet, 1)

    def deliver(self, identity: str, topic: str, payload: bytes) -> None:
        """A message of the house itself to one client at QoS 0, whatever it is subscribed to; gone if it is gone."""
        session = self.sessions.get(identity)
        if session is not None:
            name = text(topic)
            session.outbox.send(b"\x30" + remaining_length(len(name) + len(payload)) + name + payload, 1)

    def end(self, identity: str) -> None:
        """End the connection of an identity, if it has one."""
        session = self.sessions.get(identity)
        if session is not None:
            session.close()

    def reconsider(self, identity: str, about: str = "") -> None:
        """What this identity may publish and is pushed has changed; and what it may subscribe, if `about` is given.

        A device may have thousands of subscriptions: only those with `about` in their filters are looked at.
        """
        self.router.forget_pushed(identity)
        session = self.sessions.get(identity)
        if session is not None:
            session.reconsider(about)

    def forward_acknowledged(self, route: Route[Outbox], run: AcknowledgedRun) -> None:
        """Hand a run of QoS 1 packets to its subscribers, each at the QoS it was granted."""
        for target, qos in route.grants:
            if qos:
                target.send_acknowledged(run)
            else:
                target.send(run.plain(), len(run))

    def allows(self, question: Callable[[Principal, str], bool], principal: Principal, topic: str) -> bool:
        """The policy's yes or no; a fault of the house is a no."""
        try:
            return question(principal, topic)
        except Exception:
            self._fault("the policy failed on %r for %s", topic, principal.name)
            return False

    def ask(self, principal: Principal, topic: str, payload: bytes) -> Iterable[Downlink]:
        """What the policy answers to a message; a fault of the house costs this message, no more."""
        try:
            return tuple(self.policy.receive(principal, topic, payload))
        except Exception:
            self._fault("the policy failed on a message to %s of %s", topic, principal.name)
            return ()

    def publish_all(self, downlinks: Iterable[Downlink]) -> None:
        """Publish the policy's answers."""
        for downlink in downlinks:
            try:
                self.publish(downlink.topic, downlink.payload, downlink.qos)
            except ProtocolError as error:
                self.counters.refused["policy_fault"] += 1
                self.journal.warning("the policy answered with a message that cannot be sent: %s", error)

    def permissions_changed(self) -> None:
        """Ask the policy again before the next message of each client."""
        for session in self.sessions.values():
            session.forget_permissions()

    def _tell(self, event: Callable[[Principal], None], principal: Principal) -> None:
        try:
            event(principal)
        except Exception:
            self._fault("the policy failed on the coming or going of %s", principal.name)

    def _fault(self, message: str, *arguments: object) -> None:
        self.counters.refused["policy_fault"] += 1
        self.journal.exception(message, *arguments)
