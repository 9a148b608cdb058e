"""Who listens to the platform's events, and when each listener is called.

Rule 1: a listener that subscribed with `before_ack` is called before the change is made and before it is acknowledged.
If it raises, the change has not happened, and the request is refused. This is what an acknowledgement means:
it is kept. What such a listener announces in its turn may be a part of that change: it returns the `Change`, and those
who listen afterwards hear of both together.
Rule 2: all other listeners are called after the change, in the order in which they subscribed. What they raise is
logged and costs nobody anything: the change has happened.
Rule 3: listeners are called on the platform's own thread and must be quick; work goes into a queue of theirs.
Rule 4: a value is built only where somebody listens. A fleet posts 100,000 times a second.
Rule 5: where one answer is given for several changes, they are announced and made in one block of `together`: all of
them are made, or none is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from .events import PlatformEvent

__all__ = ["Change", "Events"]

_logger = logging.getLogger(__name__)

P = ParamSpec("P")
E = TypeVar("E", bound=PlatformEvent)
Listener = Callable[[Any], object]


class Events:
    """Who listens to what. Kinds are classes; a listener of a class hears its subclasses, too."""

    def __init__(self) -> None:
        self._subscribed: list[tuple[type[PlatformEvent], Listener, bool]] = []
        self._listeners: dict[type[PlatformEvent], tuple[tuple[Listener, ...], tuple[Listener, ...]]] = {}
        self._brackets: list[Callable[[], AbstractContextManager[object]]] = []
        #: The block of `together` that is open.
        self._block: _Block | None = None

    def subscribe(
        self, kinds: type[E] | tuple[type[E], ...], listener: Callable[[E], object], *, before_ack: bool = False
    ) -> None:
        """Call `listener` with each event of these kinds: before the change if `before_ack`, else after it."""
        for kind in kinds if isinstance(kinds, tuple) else (kinds,):
            self._subscribed.append((kind, listener, before_ack))
        self._listeners.clear()

    def unsubscribe(self, listener: Callable[[E], object]) -> None:
        """Call it no more."""
        self._subscribed = [entry for entry in self._subscribed if entry[1] != listener]
        self._listeners.clear()

    def bracket(self, around: Callable[[], AbstractContextManager[object]]) -> None:
        """Put this around changes that belong together, such as a transaction of the store."""
        self._brackets.append(around)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Changes of this block are all agreed to when it ends, and made then; or none is, and it raises.

        Until then what is read is what was there before, so a block changes each thing once. A block within another is
        part of that one.
        """
        if self._block is not None:
            yield
            return
        with ExitStack() as stack:
            block = self._block = _Block(stack, self._brackets)
            try:
                yield
            finally:
                self._block = None
        for make in block.makings:
            make()

    def make(self, change: Callable[[], object]) -> None:
        """Make a change that was announced: at once, or with the others of its block of `together`."""
        if self._block is None:
            change()
        else:
            self._block.makings.append(change)

    @property
    def in_block(self) -> bool:
        """Whether a block of `together` is open."""
        return self._block is not None

    def heard(self, kind: type[PlatformEvent]) -> bool:
        """Whether anybody listens to this kind."""
        return any(self._of(kind))

    def waits(self, kind: type[PlatformEvent]) -> bool:
        """Whether a change of this kind has to be announced before it is made: somebody may refuse it, or it is part of
        a block. Else `emit` after the change says the same for less."""
        return self._block is not None or bool(self._of(kind)[0])

    def change(self, kind: Callable[P, E], *args: P.args, **kwargs: P.kwargs) -> Change:
        """Announce a change that is about to be made; `done` of what comes back says that it has been.

        Raises what a listener of `before_ack` raises; then the change must not be made.
        """
        before, after = self._of(kind)  # type: ignore[arg-type]
        if not before and not after:
            return _UNHEARD
        if before and self._block is not None:
            self._block.enter()
        event = kind(*args, **kwargs)
        return _Announced(self, after, event, _agreed(before, event))

    def emit(self, kind: Callable[P, E], *args: P.args, **kwargs: P.kwargs) -> None:
        """Something has happened that nobody can refuse."""
        before, after = self._of(kind)  # type: ignore[arg-type]
        if before or after:
            event = kind(*args, **kwargs)
            parts = _agreed(before, event)
            _say(after, event, parts)

    def _of(self, kind: type[PlatformEvent]) -> tuple[tuple[Listener, ...], tuple[Listener, ...]]:
        found = self._listeners.get(kind)
        if found is None:
            fitting = [entry for entry in self._subscribed if issubclass(kind, entry[0])]
            found = self._listeners[kind] = (
                tuple(listener for _, listener, before in fitting if before),
                tuple(listener for _, listener, before in fitting if not before),
            )
        return found


class Change:
    """A change that everybody who had to agree has agreed to."""

    __slots__ = ("_say",)

    def __init__(self, say: Callable[[], object] | None) -> None:
        self._say = say

    def done(self) -> None:
        """It has been made, or is part of a block and will be before those who listen afterwards are called."""
        if self._say is not None:
            self._say()


class _Announced(Change):
    """One that is said when it is done: values, because each message of a device that is forwarded makes two."""

    __slots__ = ("_after", "_event", "_events", "_parts")

    def __init__(
        self, events: Events, after: tuple[Listener, ...], event: PlatformEvent, parts: Sequence[Change]
    ) -> None:
        self._events, self._after, self._event, self._parts = events, after, event, parts

    def done(self) -> None:
        if self._events.in_block:
            self._events.make(partial(_say, self._after, self._event, self._parts))
        else:
            _say(self._after, self._event, self._parts)


_UNHEARD = Change(None)


class _Block:
    """Changes that belong together; the brackets are put around them when there is somebody who has to agree."""

    __slots__ = ("_brackets", "_stack", "makings")

    def __init__(self, stack: ExitStack, brackets: Sequence[Callable[[], AbstractContextManager[object]]]) -> None:
        self._stack, self._brackets = stack, list(brackets)
        self.makings: list[Callable[[], object]] = []

    def enter(self) -> None:
        while self._brackets:
            self._stack.enter_context(self._brackets.pop(0)())


def _agreed(before: tuple[Listener, ...], event: PlatformEvent) -> Sequence[Change]:
    """Ask those who have to agree; what they announced in their turn. Raises what they raise."""
    if not before:
        return ()
    return [change for change in [listener(event) for listener in before] if isinstance(change, Change)]


def _say(after: tuple[Listener, ...], event: PlatformEvent, parts: Sequence[Change]) -> None:
    """A change has been made, and what is part of it."""
    _call(after, event)
    for part in parts:
        part.done()


def _call(listeners: tuple[Listener, ...], event: PlatformEvent) -> None:
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            _logger.exception("a listener failed at %s", type(event).__name__)
