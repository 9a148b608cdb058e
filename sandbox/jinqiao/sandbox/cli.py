"""The command line: `jinqiao COMMAND`. Commands are rows of `commands.table`; exit codes are decided here.

Exit codes: 0 ok, 1 an expectation failed, 2 wrong input or usage, 3 the environment failed (port taken, broker gone).
"""

from __future__ import annotations

import sys

from jinqiao.base.errors import JinqiaoError

from .commands.rows import app_of
from .commands.table import JINQIAO

__all__ = ["app", "main"]

app = app_of(JINQIAO)


def main() -> None:
    """Entry point of the `jinqiao` program."""
    try:
        app()
    except JinqiaoError as error:
        print(f"jinqiao: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
