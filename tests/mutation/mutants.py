"""Small mistakes that somebody could make in a module: each is one expression or statement that says something else.

A mutant is a piece of a source file and what stands there instead. They are found in the syntax tree, so that each is
valid Python; annotations and texts are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COUNTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip
_CALLED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One mistake: at which line and column, in which function, what stood there and what stands there instead."""

    line: int
    column: int
    where: str
    old: str
    new: str
    start: int
    end: int

    def put_into(self, source: str) -> str:
        """Return the source with the mistake."""
        data = source.encode()
        return (data[: self.start] + self.new.encode() + data[self.end :]).decode()

    @property
    def key(self) -> str:
        """What the mistake is, whatever line it stands on."""
        return f"{self.where}: {' '.join(self.old.split())} -> {' '.join(self.new.split())}"


def mutants(source: str) -> Iterator[Mutant]:
    """Yield all mistakes of a module, in the order of its text."""
    offsets = [0]
    for line in source.encode().splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    seen: set[tuple[int, int, str]] = set()
    for node, where in _walk(ast.parse(source), ""):
        for new in _instead(node):
            start = offsets[node.lineno - 1] + node.col_offset
            end = offsets[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            if (start, end, new) not in seen:
                seen.add((start, end, new))
                old = source.encode()[start:end].decode()
                yield Mutant(node.lineno, node.col_offset + 1, where, old, new, start, end)


def _walk(node: ast.AST, where: str) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield what may be changed, with the name of the function or class around it, and of what is declared."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        inner = f"{where}.{node.name}".lstrip(".")
        defaults = (*node.args.defaults, *node.args.kw_defaults) if isinstance(node, ast.FunctionDef) else ()
        for part in (*defaults, *node.body):
            if part is not None:
                yield from _walk(part, inner)
    elif isinstance(node, ast.AnnAssign):
        if where and node.value is not None:
            yield from _walk(node.value, f"{where}.{ast.unparse(node.target)}")
    elif not isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Raise | ast.Assert):
        if isinstance(node, ast.expr | ast.stmt) and where:
            yield node, where
        for child in ast.iter_child_nodes(node):
            yield from _walk(child, where)


def _instead(node: ast.expr | ast.stmt) -> Iterator[str]:
    """Yield what could stand in place of a node."""
    match node:
        case ast.Compare(ops=[op], comparators=[_]) if type(op) in _COMPARED:
            made = copy.deepcopy(node)
            made.ops = [_COMPARED[type(op)]()]
            yield f"({ast.unparse(made)})"
        case ast.BoolOp(op=op):
            made_bool = copy.deepcopy(node)
            made_bool.op = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"({ast.unparse(made_bool)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"({ast.unparse(operand)})"
        case ast.BinOp(op=op) if type(op) in _COUNTED:
            made_number = copy.deepcopy(node)
            made_number.op = _COUNTED[type(op)]()
            yield f"({ast.unparse(made_number)})"
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield f"({ast.unparse(ast.IfExp(test, orelse, body))})"
        case ast.Constant(value=bool() as value):
            yield str(not value)
        case ast.Constant(value=int() as number):
            yield str(number + 1)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            made_call = copy.deepcopy(node)
            made_call.func = ast.Name(_CALLED[name])
            yield ast.unparse(made_call)
        case ast.Continue() | ast.Break():
            yield "pass"
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield "return None"
