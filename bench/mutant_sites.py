"""Small wrongs in a source file, one at a time: what a tired hand might type.

A mutant is (file, number); the number counts the places of a file in the order of its text, so that the
same file has the same mutants. Docstrings, decorators, annotations and messages are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.And: ast.Or,
    ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
NAMES = {"max": "min", "min": "max", "True": "False", "any": "all", "all": "any", "maximum": "minimum"}
LEFT_ALONE = ("text", "names", "step", "message")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong: its place and what it says in words."""

    file: str
    number: int
    line: int
    what: str


class _Places(ast.NodeVisitor):
    """Collects (node, kind) in the order of the text."""

    def __init__(self) -> None:
        self.found: list[tuple[ast.AST, str]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        first = 1 if ast.get_docstring(node) else 0
        for statement in node.body[first:]:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self.visit(statement)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        return

    def visit_Raise(self, node: ast.Raise) -> None:
        return

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in LEFT_ALONE:
            return
        self.found.append((node, "drop"))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        if type(node.ops[0]) in SWAPPED:
            self.found.append((node, "compare"))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in SWAPPED:
            self.found.append((node, "operator"))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.found.append((node, "operator"))
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self.found.append((node, "never"))
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self.found.append((node, "go on"))

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in NAMES:
            self.found.append((node, "name"))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.found.append((node, "truth"))
        elif isinstance(node.value, int):
            self.found.append((node, "one more"))


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a source text."""
    places = _Places()
    tree = ast.parse(source)
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            places.visit(statement)
    for number, (node, kind) in enumerate(places.found):
        said = " ".join(ast.unparse(node).split())[:60]
        yield Mutant(file, number, getattr(node, "lineno", 0), f"{kind}: {said}")


def mutated(source: str, number: int) -> str:
    """The source with that one wrong in it."""
    tree = ast.parse(source)
    places = _Places()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            places.visit(statement)
    node, kind = places.found[number]
    return ast.unparse(ast.fix_missing_locations(_Change(node, kind).visit(tree)))


class _Change(ast.NodeTransformer):
    def __init__(self, node: ast.AST, kind: str) -> None:
        self.node, self.kind = node, kind

    def visit(self, node: ast.AST) -> ast.AST:
        if node is not self.node:
            return self.generic_visit(node)
        if self.kind in ("drop", "go on"):
            return ast.copy_location(ast.Pass(), node)
        new = copy.copy(node)
        if isinstance(new, ast.Compare):
            new.ops = [SWAPPED[type(new.ops[0])](), *new.ops[1:]]  # type: ignore[list-item]
        elif isinstance(new, ast.BinOp | ast.BoolOp):
            new.op = SWAPPED[type(new.op)]()  # type: ignore[assignment]
        elif isinstance(new, ast.If):
            new.test = ast.Constant(False)
        elif isinstance(new, ast.Call):
            new.func = ast.Name(NAMES[new.func.id], ast.Load())  # type: ignore[attr-defined]
        elif isinstance(new, ast.Constant):
            new.value = not new.value if isinstance(new.value, bool) else new.value + 1  # type: ignore[operator]
        return new
