"""docs/rules.md, from the function table and the limits: `python -m jinqiao.gateway.rules.language.page`."""

from __future__ import annotations

from collections.abc import Iterator

from .functions.table import FUNCTIONS
from .limits import MAX_DEPTH, MAX_FIELDS, MAX_PATH, MAX_SQL, MAX_TEXT

__all__ = ["rules_page"]

_HEAD = """\
# Rules

A rule selects from the platform's messages what is forwarded, in the SQL of the platform's rules engine, and has
actions for what it selects ([below](#actions)). It is made by cloud calls (`CreateRule`, `CreateRuleAction`,
`StartRule`), or stands in the registry file. It reads the products that the account sees which made it; rules of the
registry file read all. Devices and the cars of `jinqiao run` are the same to it.

This page is written from the tables in the code; a test keeps it so. A statement can be tried without a platform:

```
jinqiao rule try 'SELECT deviceName() AS car, items.VehicleSpeed.value AS speed
  FROM "/a1carPK0001/+/thing/event/property/post" WHERE items.VehicleSpeed.value > 80' post.json
```

`post.json` is a message as it is forwarded, or several, one on each line. Each one that the statement lets through is a
line on stdout; an error has a caret under its place.

## Statements

`SELECT` fields `FROM` topic `WHERE` condition; without `WHERE` every message of the topic is let through. The case of
words and function names does not matter, that of names does.

- **Topics** are those of forwarded messages, without `/sys` (which is dropped, if it is written):
  `"/pk/+/thing/event/property/post"`, `"/as/mqtt/status/pk/+"`, `"/pk/+/thing/lifecycle"`, `"/pk/+/user/#"`. They stand
  in double quotes, in single ones or in none; `+` is any one level, `#` the rest.
- **Fields** are expressions. `AS name` names one in the result; otherwise a path is named as it is written, and any
  other expression as it prints. `*` is the whole message, whose members stand beside the other fields; of two of the
  same name the later one counts. `SELECT *` alone passes the message on as it is.
- **Constants** are numbers, texts in single quotes, `TRUE`, `FALSE` and `NULL`. Within a text, `''` and `\\'` are a
  quote, `\\\\` is a backslash.
- **Paths** lead into the message: `items.VehicleSpeed.value`, `a.b[0].c`. They stand in double quotes where a name is
  not made of letters, digits and `_`, or is a word of SQL; a module's address needs none:
  `items.battery:PackVoltage.value`. `$.` before a path changes nothing. A path that begins with `.` has its result in
  an array: of `{"a":[{"v":0},{"v":1}]}`, `"a[1].v"` is `1` and `".a[1].v"` is `[1]`.

| from weak to strong | |
|---|---|
| `OR`, then `AND`, then `NOT` | |
| `=` `<>` `!=` `<` `<=` `>` `>=` | one between two values |
| `IN (1, 2, 'a')`, `NOT IN (…)` | among constants |
| `LIKE '%abc%'`, `NOT LIKE '…'` | `%` is any text, every other character is itself |
| `IS NULL`, `IS NOT NULL` | |
| `+` `-`, then `*` `/` `%` | of numbers |
| `CASE x WHEN 1 THEN 'a' ELSE 'b' END` | the first branch whose value equals x; without `ELSE`, null |
| `CASE WHEN x > 1 THEN 'a' ELSE 'b' END` | the first branch whose condition is true |

`!=`, `NOT` before a condition, `NOT IN` and `IS NULL` are not in the platform's documentation; a rule that has to run
there does without them. A `CASE` within a `CASE` is refused, as it is there, and so are subqueries.

## Values

- A path that leads nowhere is null. So is whatever is computed from null or from a value of the wrong type, a division
  by zero, and a result that no double can hold.
- Numbers are doubles. What is computed and whole is an integer: `6 / 3` is `2`. Nothing is converted: `5` never equals
  `'5'`, and `TRUE` never equals `1`.
- A condition is true or false, never null. A comparison, `IN` and `LIKE` are false of null, and so are `<>`, `NOT IN`
  and `NOT LIKE`. Where a condition is expected, whatever is not `TRUE` counts as false.
- `<` and its like compare numbers with numbers and texts with texts. `=` and `<>` compare truth values as well; values
  of two types differ. Objects and arrays compare with nothing.
- A payload that is not JSON has no values. `SELECT *` passes it on as it is; functions and conditions without a path
  work; a statement with a path, or with `*` beside other fields, makes nothing of it.

## Functions

Null for an argument of the wrong type; a constant of the wrong type is an error. `[…]` may be left out.

| function | returns | |
|---|---|---|
"""

_LIMITS = f"""
## Limits

| | at most |
|---|---|
| fields of a `SELECT` (the platform's own) | {MAX_FIELDS} |
| characters of a statement | {MAX_SQL:,} |
| expressions within each other | {MAX_DEPTH} |
| steps of a path | {MAX_PATH} |
| characters of a text that a function makes | {MAX_TEXT:,} |

## The simulated fleet

Of simulated vehicles, a condition is evaluated on the columns of a whole batch, millions of rows a second, and only
what it lets through becomes a message. The results are those of each message by itself, whatever the statement.
Conditions on numbers, times and device names are columns, as are arithmetic, functions of numbers, `nanvl` and `CASE`
over them. What is not (texts other than device names, tags, `payload()`) is evaluated row by row, and costs as much as
a message; beside such a condition, `AND items.VehicleSpeed.value > 80` saves the rows that it excludes.
"""


_ACTIONS = """
## Actions

| type | configuration | what becomes of an output |
|---|---|---|
| `REPUBLISH` | `topic`, `topicType` | published on a custom topic, `/pk/${car}/user/get`: `${…}` is a member of the output, or `deviceName()`, `productKey()` |
| `AMQP` | `groupId` | a message for the consumers of that group |
| `HTTP` (ours) | `url`, `secret` | the body of a POST |
| `INFLUXDB` (ours) | `url`, `measurement`, `tags`, `token` | a point of line protocol: members are fields, or tags where `tags` names them; `url` is that of the write call |
| `PARQUET` (ours) | `folder` | a row of files in `DATA/rules/FOLDER`, of which the newest GiB is kept |
| `KAFKA` (ours) | `bootstrapServers`, `topic` | a record, whose key is the device's name; needs the extra `kafka` |

An `HTTP` action signs where it has a secret: `X-Jinqiao-Signature: sha256=HEX`, the HMAC-SHA256 with the secret over
`X-Jinqiao-Timestamp`, a dot, and the body. It tries again after 1, 2, 4 and 8 s what was not answered, or with 5xx, 408
425 or 429; so do the others that wait for somebody, each with a thread and a queue of its own. `KAFKA` is tested with a
double of the protocol, not with a broker. What fails for good goes to the rule's error action (`ErrorActionFlag`), if it has one.

In the registry file:

```yaml
rules:
  - name: fast
    sql: |
      SELECT deviceName() AS car, items.VehicleSpeed.value AS speed
      FROM "/a1carPK0001/+/thing/event/property/post" WHERE items.VehicleSpeed.value > 120
    actions:
      - {type: HTTP, url: "http://127.0.0.1:9000/", secret: shared-secret}
      - {type: AMQP, groupId: DEFAULT_GROUP, error_action: true}
```

`/metrics` counts each rule: `jinqiao_rule_hits_total`, `_sent_total`, `_retried_total`, `_failed_total`, `_dropped_total`.
"""  # noqa: E501  (rows of a table)


def rules_page() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(_rows()) + _LIMITS + _ACTIONS


def _rows() -> Iterator[str]:
    for function in FUNCTIONS.values():
        yield f"| `{function.signature}` | {function.returns} | {function.meaning} |\n"


if __name__ == "__main__":
    print(rules_page(), end="")
