"""The command line: `jinqiao COMMAND`. Each command is a function of `commands`; exit codes are decided here.

Exit codes: 0 ok, 1 an expectation failed, 2 wrong input or usage, 3 the environment failed (port taken, broker gone).
"""

from __future__ import annotations

import sys

import typer

from jinqiao.base.errors import JinqiaoError

from .commands import (
    bench,
    can,
    catalog,
    certs,
    convert,
    device,
    gbt32960,
    inspection,
    product,
    record,
    replay,
    run,
    scenario,
    serve,
    watch,
)

__all__ = ["app", "main"]

app = typer.Typer(
    name="jinqiao",
    help="A connected-car IoT sandbox: fleets of realistic EVs on the topics of a cloud IoT platform.\n\n"
    "Begin with:  jinqiao run scenarios/jinqiao-morning.yaml --for 60s",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("run")(run.run)
app.command("serve")(serve.serve)
app.command("certs")(certs.certs)
app.command("watch")(watch.watch)
app.command("record")(record.record)
app.command("replay")(replay.replay)
app.command("convert")(convert.convert)
app.command("validate")(scenario.validate)
app.command("schema")(scenario.schema)
app.command("log")(inspection.log)
app.command("thing-model")(inspection.thing_model)
app.add_typer(product.app, name="product")
app.add_typer(device.app, name="device")
app.add_typer(catalog.app, name="catalog")
app.add_typer(gbt32960.app, name="gbt32960")
app.add_typer(can.app, name="can")
app.add_typer(bench.app, name="bench")


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
