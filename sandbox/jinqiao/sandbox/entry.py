"""Where the program `jinqiao` begins: readied before the command line is imported."""

from __future__ import annotations

from .early import prepare

__all__ = ["main"]


def main() -> None:
    """Entry point of the `jinqiao` program."""
    prepare()
    from .cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
