"""Small wrongs in a source file, one at a time: what a tired hand might type.

A mutant is (file, number); the number counts the places of a file in the order of its text, so that the
same file has the same mutants. Its `Site` says where it is without numbers, so that it is known again when
other lines of the file have changed. Docstrings, decorators, annotations and messages are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.And: ast.Or,
    ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
SIGNS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Add: "+",
    ast.Sub: "-", ast.Mult: "*", ast.And: "and", ast.Or: "or", ast.BitAnd: "&", ast.BitOr: "|",
    ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
NAMES = {"max": "min", "min": "max", "True": "False", "any": "all", "all": "any", "maximum": "minimum"}
LEFT_ALONE = ("text", "names", "step", "message")
LINE_MAX, CHANGE_MAX = 90, 90
"""So many characters of a line, and of what is made of it, stand in a site."""


class Site(NamedTuple):
    """Where a wrong is, by words."""

    where: str
    """File and function: `controller/monitor/card.py Card.digest`."""
    line: str
    """The text of its first line."""
    change: str
    """What is there and what it is made into; ` #2` where the same can be done twice in that line."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong: its place and what it says in words."""

    file: str
    number: int
    line: int
    what: str
    site: Site


class _Places(ast.NodeVisitor):
    """Collects (node, kind) in the order of the text."""

    def __init__(self) -> None:
        self.found: list[tuple[ast.AST, str]] = []
        self.within: list[str] = []
        """For each place found: the function it is in."""
        self._scope: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        first = 1 if ast.get_docstring(node) else 0
        self._scope.append(node.name)
        for statement in node.body[first:]:
            self.visit(statement)
        self._scope.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(node.name)
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self.visit(statement)
        self._scope.pop()

    def _note(self, node: ast.AST, kind: str) -> None:
        self.found.append((node, kind))
        self.within.append(".".join(self._scope))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        return

    def visit_Raise(self, node: ast.Raise) -> None:
        return

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in LEFT_ALONE:
            return
        self._note(node, "drop")
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        if type(node.ops[0]) in SWAPPED:
            self._note(node, "compare")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in SWAPPED:
            self._note(node, "operator")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._note(node, "operator")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self._note(node, "never")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._note(node, "go on")

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in NAMES:
            self._note(node, "name")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._note(node, "truth")
        elif isinstance(node.value, int):
            self._note(node, "one more")


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a source text."""
    places = _places(ast.parse(source))
    lines, seen = source.splitlines(), Counter[Site]()
    for number, (node, kind) in enumerate(places.found):
        at = getattr(node, "lineno", 0)
        site = Site(f"{file} {places.within[number]}", lines[at - 1].strip()[:LINE_MAX], _told(node, kind))
        seen[site] += 1
        if seen[site] > 1:
            site = site._replace(change=f"{site.change} #{seen[site]}")
        yield Mutant(file, number, at, f"{kind}: {_text(node)[:60]}", site)


def mutated(source: str, number: int) -> str:
    """The source with that one wrong in it."""
    tree = ast.parse(source)
    node, kind = _places(tree).found[number]
    return ast.unparse(ast.fix_missing_locations(_Change(node, kind).visit(tree)))


def _places(tree: ast.Module) -> _Places:
    places = _Places()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            places.visit(statement)
    return places


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def _told(node: ast.AST, kind: str) -> str:
    """What is made of a place, in words."""
    if kind in ("drop", "go on", "never"):
        return kind
    after = _Change(node, kind).visit(node)
    if isinstance(node, ast.Call):
        node, after = node.func, after.func  # type: ignore[attr-defined]
    elif isinstance(node, ast.Compare):
        return f"{_text(node)[:CHANGE_MAX]}: {SIGNS[type(node.ops[0])]} -> {SIGNS[type(after.ops[0])]}"  # type: ignore[attr-defined]
    elif isinstance(node, ast.BinOp | ast.BoolOp):
        return f"{_text(node)[:CHANGE_MAX]}: {SIGNS[type(node.op)]} -> {SIGNS[type(after.op)]}"  # type: ignore[attr-defined]
    return f"{_text(node)} -> {_text(after)}"


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
