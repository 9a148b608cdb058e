"""What another broker may ask the registry, whatever the format: the own broker's decisions, without its connections.

A broker that has checked a password asks later with names alone. So permissions are those of whoever has this user name
and client id, taking for granted that the broker has checked them.
"""

from __future__ import annotations

from typing import Literal

from jinqiao.gateway.broker.policy import Login, Principal, Refused
from jinqiao.gateway.platform.auth.identity import named
from jinqiao.gateway.platform.auth.permission import reaches_others
from jinqiao.gateway.platform.platform import Platform

__all__ = ["Action", "Questions"]

Action = Literal["publish", "subscribe"]

#: The keep-alive is not among what brokers report; this one is within every limit.
_KEEP_ALIVE_S = 60


class Questions:
    """The questions of all formats, answered by one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def login(self, client_id: str, username: str | None, password: str, peer: str = "") -> Principal | None:
        """Who this is, or None if the login is refused (the platform logs why)."""
        login = Login(client_id, username or None, password.encode(), 4, True, _KEEP_ALIVE_S, peer)
        try:
            return self._platform.authenticate(login)
        except Refused:
            return None

    def may(
        self, action: Action, client_id: str, username: str | None, topic: str, *, asks_again: bool = False
    ) -> bool:
        """Whether somebody of these names may do this with a topic name or filter.

        A filter of which the own broker delivers only some topics is refused, since another broker would deliver
        everybody's; unless it `asks_again` about each topic before it delivers.
        """
        login = Login(client_id, username or None, None, 4, True, _KEEP_ALIVE_S)
        principal = named(login, self._platform.registry)
        if principal is None or not _is_sound(action, topic):
            return False
        beyond = action == "subscribe" and reaches_others(self._platform.registry, principal, topic)
        if beyond and not asks_again:
            return False
        ask = self._platform.may_publish if action == "publish" else self._platform.may_subscribe
        return ask(principal, topic)


def _is_sound(action: Action, topic: str) -> bool:
    """Other brokers have checked the topic; what follows relies on it all the same."""
    return bool(topic) and "\0" not in topic and (action == "subscribe" or not set(topic) & {"+", "#"})
