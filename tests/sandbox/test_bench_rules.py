"""`jinqiao bench rules`: what it counts as hits are the messages that its statements let through."""

from __future__ import annotations

from jinqiao.gateway.rules.language.statement import parse
from jinqiao.sandbox.bench import rules


def test_its_hits_are_those_of_each_message() -> None:
    figures = rules.bench_rules(300, 0.01)
    posts = rules._posts(300)
    for name, sql in rules.STATEMENTS.items():
        statement = parse(sql)
        messages = [rules._message(posts, row) for row in range(300)]
        expected = sum(statement.evaluate(message) is not None for message in messages)
        assert figures[f"{name}_hits_per_batch"] == expected
        assert figures[f"{name}_rows_per_s"] > 0
    assert figures["speed_hits_per_batch"] > 0
