"""Writes the Python modules of the protobuf schemas beside them: `make proto`.

    python tools/compile_proto.py [FOLDER]

With FOLDER it writes there instead; the test that compares what is checked in uses that.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent.parent / "proto"


def compile_all(target: Path) -> list[Path]:
    """Write `*_pb2.py` and `*_pb2.pyi` of every schema below `target`; returns the schemas. Raises SystemExit."""
    schemas = sorted(ROOT.rglob("*.proto"))
    well_known = files("grpc_tools") / "_proto"
    options = [f"-I{ROOT}", f"-I{well_known}", f"--python_out={target}", f"--pyi_out={target}"]
    status = protoc.main(["protoc", *options, *(str(schema.relative_to(ROOT)) for schema in schemas)])
    if status:
        raise SystemExit(status)
    return schemas


if __name__ == "__main__":
    compile_all(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
