"""Peers of the tests: skipped with a reason where they are not installed, installed where `CI` is set."""

from __future__ import annotations

import os

import pytest

from jinqiao.sandbox.bench.peers import Peer


def require(peer: Peer, how: str) -> Peer:
    """The peer, ready to run; `how` is the command that installs it."""
    if not peer.present:
        if os.environ.get("CI") != "true":
            pytest.skip(f"{peer.name} is not installed: {how}")
        peer.install()
    return peer
