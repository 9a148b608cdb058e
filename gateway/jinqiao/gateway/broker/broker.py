"""The broker without its sockets: who is connected, what the policy says, where a message goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.delivery.dispatcher import Dispatcher
from jinqiao.gateway.broker.delivery.message import Message
from jinqiao.gateway.broker.delivery.outbox import Outbox
from jinqiao.gateway.broker.delivery.plan import deliver_rest, member_in_turn, plan_of
from jinqiao.gateway.broker.delivery.runs import AcknowledgedRun, Run
from jinqiao.wire.mqtt.fields import remaining_length, text
from jinqiao.wire.mqtt.reasons import Reason

from ..doors import Doors
from .client import Client
from .counters import Counters
from .grant import Grant
from .intake import Intake
from .journal import Journal
from .lasting import AbsentSessions
from .limits import Limits
from .lock_step import LockStep
from .policy import Acknowledging, Downlink, Extras, Login, Policy, Principal
from .retained import RetainedMessages
from .router import Route, Router

__all__ = ["Broker"]


#: Retained messages of one account of the cloud side.
_MOST_RETAINED = 10_000


class Broker:
    """Everything connections have in common. Not a thing here touches a socket or a clock."""

    def __init__(
        self,
        policy: Policy,
        limits: Limits,
        call_soon: Callable[[Callable[[], None]], object],
        clock: Callable[[], float] | None = None,
        doors: Doors | None = None,
    ) -> None:
        self.policy = policy
        self.limits = limits
        self.counters = Counters()
        self.dispatcher = Dispatcher(limits, self.counters, call_soon, clock)
        self.router: Router[Outbox] = Router(policy, limits)
        self.journal = Journal(lambda: self.dispatcher.now)
        self.sessions: dict[str, Client] = {}
        self.absent = AbsentSessions(limits, self.dispatcher.timers, self.router.stop_pushing)
        self.retained = RetainedMessages(limits, self.dispatcher.timers)
        #: Properties that MQTT 5 clients sent and that need no change for subscribers, as they are on the wire.
        self.passing: set[bytes] = set()
        #: Where connections are let in.
        self.door = (doors or Doors(per_address=limits.connections_per_address)).door(limits.connections)
        #: Who reads steps of our own simulator, if there is one.
        self.intake: Intake | None = None
        #: What acknowledgements wait for, if the house keeps messages.
        self.acknowledging: Acknowledging | None = None
        #: Listeners that hold the simulator's clock, if there are any.
        self.lock_step: LockStep | None = None

    def admit(self, session: Client, login: Login, check: Callable[[Principal], None]) -> Principal:
        """Log in; a connection of the same identity ends. Raises Refused, as `check` may.

        [MQTT-3.1.4-2], except that who is the same is the policy's to say.
        """
        principal = self.policy.authenticate(login)
        check(principal)
        previous = self.sessions.get(principal.identity)
        self.sessions[principal.identity] = session
        if previous is not None:
            self.router.stop_pushing(principal.identity)
            previous.taken_over()
        return principal

    def enter(self, session: Client, principal: Principal) -> None:
        """The login has been answered: downlinks may flow."""
        if principal.auto_subscribed:
            # The platform knows no QoS 2.
            self.router.push(principal.identity, session.outbox, min(principal.max_qos, 1))
            if principal.trusted:  # it speaks for many, whose topics may have been asked about before it came
                self.router.forget_all()
            session.subscriptions_of().spare()
        self._tell(self.policy.connected, principal)

    def leave(self, session: Client, principal: Principal) -> None:
        """The session has ended, of itself or by take-over."""
        if self.sessions.get(principal.identity) is not session:
            return
        del self.sessions[principal.identity]
        if not session.expiry_s:
            self.router.stop_pushing(principal.identity)
        self._tell(self.policy.disconnected, principal)

    def publish(
        self, topic: str, payload: bytes, qos: int = 0, extras: Extras | None = None, *, retain: bool = False
    ) -> None:
        """A message of the broker itself, or of the platform; raises ProtocolError for an invalid topic."""
        if extras is not None:
            self._publish_with(topic, payload, qos, extras)
            return
        route = self.router.route(topic.encode())
        self.counters.published[route.kind] += 1
        if retain:
            self.accept(Message(topic.encode(), payload, qos, True), route)
            return
        if not route.grants and not route.groups:
            return
        name = text(topic)
        if qos:
            head = b"\x32" + remaining_length(len(name) + 2 + len(payload)) + name
            packet = head + b"\0\1" + payload
            self.forward_acknowledged(route, AcknowledgedRun(packet, [len(packet)], [len(head)]))
        else:
            packet = b"\x30" + remaining_length(len(name) + len(payload)) + name + payload
            self.forward(route, packet, 1, 4)

    def _publish_with(self, topic: str, payload: bytes, qos: int, extras: Extras) -> None:
        """The same with properties of MQTT 5, or to be retained where there is room."""
        route = self.router.route(topic.encode())
        self.counters.published[route.kind] += 1
        expires_at = inf if extras.expiry_s is None else self.dispatcher.now + extras.expiry_s
        message = Message(
            topic.encode(), payload, qos, extras.retain, extras.properties, expires_at, sender=extras.sender
        )
        if extras.retain and (why := self.retained.keep(message, _MOST_RETAINED)):
            self.counters.refused["retained"] += 1
            self.journal.warning("%s: %.80r: %s", extras.sender, topic, why)
        self._post(message, route)

    def deliver(self, identity: str, topic: str, payload: bytes) -> None:
        """A message of the house itself to one client at QoS 0, whatever it is subscribed to; gone if it is gone."""
        session = self.sessions.get(identity)
        if session is not None:
            session.outbox.post(Message(topic.encode(), payload), Grant(0))

    def takes(self, identity: str, topic: str, size: int) -> bool | None:
        """Whether a message that this client sent by another way is within the rates of its connection, in which it
        counts; None if it has none."""
        session = self.sessions.get(identity)
        return None if session is None else session.takes(topic.encode(), size)

    def end(self, identity: str, *, for_good: bool = False) -> None:
        """End the connection of an identity, if it has one; `for_good` also the session that would go on."""
        session = self.sessions.get(identity)
        if session is not None:
            session.close()
        if for_good:
            self.absent.end(identity)

    def reconsider(self, identity: str, about: str = "") -> None:
        """What this identity may publish and is pushed has changed; and what it may subscribe, if `about` is given.

        A device may have thousands of subscriptions: only those with `about` in their filters are looked at.
        """
        self.router.forget_pushed(identity)
        session = self.sessions.get(identity)
        if session is not None:
            session.reconsider(about)
        elif about:
            self._reconsider_absent(identity, about)

    def _reconsider_absent(self, identity: str, about: str) -> None:
        """The same of a client that is away: what it may not have when it comes back is not kept for it."""
        lasting = self.absent.get(identity)
        if lasting is None:
            return
        principal = self.policy.renewed(lasting.subscriptions.principal)
        if principal is None:
            self.absent.end(identity)
        elif about or principal is not lasting.subscriptions.principal:
            who = principal
            lasting.subscriptions.reconsider(about, lambda name: self.allows(self.policy.may_subscribe, who, name))

    def forward(self, route: Route[Outbox], packets: bytes, messages: int, level: int, sender: str = "") -> None:
        """Hand a run of QoS 0 packets of this protocol level to its subscribers."""
        part = (route.plan or plan_of(route)).at(level)
        for target in part.targets:
            target.send(packets, messages)
        if part.rest or part.groups:
            deliver_rest(part, Run(packets, messages, level), sender)

    def forward_acknowledged(self, route: Route[Outbox], run: AcknowledgedRun, sender: str = "") -> None:
        """Hand a run of QoS 1 packets to its subscribers, each at the QoS it was granted."""
        part = (route.plan or plan_of(route)).at(run.level)
        for target, qos in part.grants:
            if qos:
                target.send_acknowledged(run)
            else:
                target.send(run.plain(), len(run))
        if part.rest or part.groups:
            deliver_rest(part, run, sender)

    def accept(self, message: Message, route: Route[Outbox], sender: Principal | None = None) -> None:
        """Keep a retained message, and hand any message to its subscribers, to each in its own form."""
        if message.retain:
            self._retain(message, sender)
        self._post(message, route)

    def _post(self, message: Message, route: Route[Outbox]) -> None:
        """Hand a message to its subscribers, to each in its own form."""
        for target, grant in route.grants:
            target.post(message, grant)
        for group in route.groups:
            chosen = member_in_turn(group)
            if chosen is not None:
                chosen[0].post(message, chosen[1])

    def _retain(self, message: Message, sender: Principal | None) -> None:
        if sender is None:
            self.retained.keep(message, 0)
            return
        topic = message.topic.decode()
        if self.allows(self.policy.may_retain, sender, topic):
            why = self.retained.keep(message, sender.max_retained)
        else:
            why = "no message is retained on this topic"
        if why:
            self.refuse(sender, "retained", topic, why)

    def turned_away(self, reason: str, peer: str) -> None:
        """A connection was closed as it came: a limit of connections is reached."""
        self.counters.refused[reason] += 1
        self.journal.refused(reason, peer, "too many connections are open")

    def allows(self, question: Callable[[Principal, str], bool], principal: Principal, topic: str) -> bool:
        """The policy's yes or no; a fault of the house is a no."""
        try:
            return question(principal, topic)
        except Exception:
            self.fault("the policy failed on %r for %s", topic, principal.name)
            return False

    def ask(self, principal: Principal, topic: str, payload: bytes) -> Iterable[Downlink]:
        """What the policy answers to a message; a fault of the house costs this message, no more."""
        try:
            return tuple(self.policy.receive(principal, topic, payload))
        except Exception:
            self.fault("the policy failed on a message to %s of %s", topic, principal.name)
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
        """Ask the policy again before the next message of each client, and about all that it is subscribed to."""
        self.router.forget_all()
        for session in self.sessions.values():
            session.reconsider_all()
        for identity in self.absent.identities():
            self._reconsider_absent(identity, "")

    def throttled(self, principal: Principal, topic: bytes, direction: str) -> None:
        """A client is above its rates: said once a second."""
        self.journal.warning("%s is above its rate (%s): messages are dropped", principal.name, direction)
        self._tell(lambda who: self.policy.throttled(who, topic.decode(errors="replace")), principal)

    def refuse(self, principal: Principal, counted: str, topic: str, why: str) -> None:
        """A limit is reached with a topic or filter of a client: count it, and say so."""
        self.counters.refused[counted] += 1
        self.journal.warning("%s: %.80r: %s", principal.name, topic, why)
        self._tell(lambda who: self.policy.refused(who, topic, why), principal)

    def expel(self, session: Client, error: ProtocolError, counted: str = "malformed") -> None:
        """A client has broken the rules: count it, say so, and end its connection."""
        self.counters.refused[counted] += 1
        self.journal.refused(counted, session.peer, error, name=session.name)
        if session.principal is not None:
            self._tell(lambda who: self.policy.expelled(who, error), session.principal)
        session.close(error.reason or Reason.PROTOCOL_ERROR)

    def _tell(self, event: Callable[[Principal], None], principal: Principal) -> None:
        try:
            event(principal)
        except Exception:
            self.fault("the policy failed on an event of %s", principal.name)

    def fault(self, message: str, *arguments: object) -> None:
        """Note an exception of the house itself, which is being handled."""
        self.counters.refused["policy_fault"] += 1
        self.journal.exception(message, *arguments)
