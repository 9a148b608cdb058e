"""Log lines about peers: one structured line per refused connection, and never more than a handful in a while."""

from __future__ import annotations

import logging

import pytest

from jinqiao.gateway.broker.journal import Journal
from jinqiao.wire.mqtt.packets import Connect
from support.mqtt_memory import House


def test_a_refused_login_is_one_line_of_names_and_values(caplog: pytest.LogCaptureFixture) -> None:
    stranger = House().client(None)
    with caplog.at_level(logging.WARNING, "jinqiao.gateway.broker"):
        stranger.send(Connect('c"\n1', username="nobody", password=b"x"))
    assert [record.message for record in caplog.records] == [
        'refused reason=credentials peer=192.0.2.1:1234 client_id="c\\"\\n1" username="nobody" why="unknown user"'
    ]


def test_a_flood_of_refusals_is_a_handful_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    journal = Journal(lambda: now)
    with caplog.at_level(logging.WARNING, "jinqiao.gateway.broker"):
        for _ in range(1_000):
            journal.refused("malformed", "192.0.2.1:1", "nonsense")
        assert len(caplog.records) == 20
        now = 11.0
        journal.refused("malformed", "192.0.2.1:1", "nonsense")
    assert caplog.records[20].message == "980 more lines about connections were left out"
    assert caplog.records[21].message == 'refused reason=malformed peer=192.0.2.1:1 why="nonsense"'


def test_texts_of_clients_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "jinqiao.gateway.broker"):
        Journal(lambda: 0.0).refused("login", "peer", "why", client_id="x" * 10_000)
    assert len(caplog.records[0].message) < 300
