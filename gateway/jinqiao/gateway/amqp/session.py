"""A session: the windows of one channel. One of a connection's sessions has the link."""

from __future__ import annotations

from jinqiao.wire.amqp.performatives import Begin, Flow

from .credit import SessionWindow

__all__ = ["INCOMING_WINDOW", "Session"]

#: What a session may have on the way in our direction: nothing but flow and dispositions is ever sent to us.
INCOMING_WINDOW = 2_048
#: We hold back nothing that the peer's window would let out.
_OUTGOING_WINDOW = (1 << 31) - 1


class Session:
    """`delivery_id` is the one that its next link begins with."""

    __slots__ = ("channel", "delivery_id", "next_incoming_id", "window")

    def __init__(self, channel: int, begin: Begin) -> None:
        self.channel = channel
        self.window = SessionWindow(begin.incoming_window)
        self.next_incoming_id = begin.next_outgoing_id
        self.delivery_id = 0

    def begun(self) -> Begin:
        """The answer. Channels have the same number in both directions, and each session room for one link."""
        return Begin(self.channel, 0, INCOMING_WINDOW, _OUTGOING_WINDOW, handle_max=0)

    def flow(
        self,
        handle: int | None = None,
        delivery_count: int | None = None,
        link_credit: int | None = None,
        drain: bool = False,
    ) -> Flow:
        """How things stand: of the session, and of its link where there is one."""
        return Flow(
            next_incoming_id=self.next_incoming_id,
            incoming_window=INCOMING_WINDOW,
            next_outgoing_id=self.window.next_id,
            outgoing_window=_OUTGOING_WINDOW,
            handle=handle,
            delivery_count=delivery_count,
            link_credit=link_credit,
            drain=drain,
        )
