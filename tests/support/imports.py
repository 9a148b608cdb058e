"""What the files of a room import, which of them import each other, and what they assign: read from their text."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["assigned_to", "cycles", "import_graph", "imports", "inside", "module_of"]


def imports(path: Path, package: str) -> Iterator[str]:
    """Absolute names of all that a file imports, also inside functions and for the type checker alone."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def inside(name: str, module: str) -> bool:
    """Whether a name is this module or something in it."""
    return name == module or name.startswith(module + ".")


def module_of(path: Path, root: Path) -> str:
    """The name under which a file below `root` is imported."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(root: Path) -> dict[str, set[str]]:
    """For each module below `root` the other modules below `root` that it imports by name.

    An import of `a.b.c` counts as one of `c` alone, though Python loads `a` and `a.b` before.
    """
    files = {module_of(path, root): path for path in root.rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        package = ".".join(path.relative_to(root).parent.parts)
        found = (_nearest(name, files) for name in imports(path, package))
        graph[module] = {each for each in found if each and each != module}
    return graph


def _nearest(name: str, modules: Iterable[str]) -> str:
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan 1972), each sorted."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = lowest[module] = len(index)
        stack.append(module)
        for following in sorted(graph[module]):
            if following not in index:
                visit(following)
                lowest[module] = min(lowest[module], lowest[following])
            elif following in stack:
                lowest[module] = min(lowest[module], index[following])
        if lowest[module] == index[module]:
            at = stack.index(module)
            component = sorted(stack[at:])
            del stack[at:]
            if len(component) > 1:
                found.append(component)

    for module in sorted(graph):
        if module not in index:
            visit(module)
    return found


def assigned_to(path: Path, owner: str) -> Iterator[str]:
    """Attributes of `owner` or of `<something>.owner` that a file assigns, deletes, or assigns or deletes items of."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            target = node.value if isinstance(node, ast.Subscript) else node
            if isinstance(target, ast.Attribute) and _is(target.value, owner):
                yield target.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and _is(node.args[0], owner):
            yield ast.unparse(node.args[1])


def _is(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)
