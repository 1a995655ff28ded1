"""The tables of docs/wire.md, made from the messages themselves: `python -m tests.wire_page` writes them."""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from override.bounds import NAME_CHARACTERS
from override.roles import Command
from override.topics import TOPICS

PAGE = Path(__file__).parent.parent / "docs" / "wire.md"
BEGIN, END = "## Topics\n", "## Commands\n"


def tables() -> str:
    """The part of the page between BEGIN and END, both headings left out."""
    out, inner = [], []
    for topic in TOPICS.values():
        signed = "Signed" if topic.signed else "Not signed"
        head = f"### {topic.name}, version {topic.version}\n\n{_words(topic.message)} {signed}; at most "
        out.append(f"{head}{topic.most_bytes} bytes.\n\n{_table(topic.message)}\n")
        inner += _records_in(topic.message)
    out.append("## Maps inside messages\n")
    for record in dict.fromkeys(inner):
        out.append(f"### {record.__name__}\n\n{_words(record)}\n\n{_table(record)}\n")
    return "\n".join(out) + "\n"


def write() -> None:
    """Put the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN, 1)
    PAGE.write_text(f"{head}{BEGIN}\n{tables()}{END}{rest.split(END, 1)[1]}", encoding="utf-8")


def _words(record: type) -> str:
    return " ".join((record.__doc__ or "").split())


def _records_in(record: type) -> list[type]:
    out: list[type] = []
    for hint in typing.get_type_hints(record).values():
        for kind in (hint, *typing.get_args(hint)):
            if is_dataclass(kind) and isinstance(kind, type):
                out += [kind, *_records_in(kind)]
    return out


def _table(record: type) -> str:
    rows = ["| field | what it is | if left out | |", "|---|---|---|---|"]
    hints = typing.get_type_hints(record, include_extras=True)
    for f in fields(record):
        default = "refused" if f.default is MISSING else _default(f.default)
        meaning = _field_words(sys.modules[record.__module__]).get((record.__name__, f.name), "")
        rows.append(f"| `{f.name}` | {_kind(hints[f.name])} | {default} | {meaning} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return "zeros" if value else "empty"
    return str(value) if value not in ("", ()) else "empty"


def _kind(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        kind, bounds = typing.get_args(hint)
        if kind is int:
            return f"whole number {bounds.low} to {bounds.high}"
        if kind is str:
            return f"text, {bounds.low} to {bounds.high} characters"
        if kind is bytes:
            least = "" if bounds.low == bounds.high else f"{bounds.low} to "
            return f"{least}{bounds.high} bytes"
        item = typing.get_args(kind)[0]
        texts = (
            "names"
            if bounds.characters == NAME_CHARACTERS
            else f"texts of 1 to {bounds.characters} characters"
        )
        name = {str: texts, int: "whole numbers"}.get(item, f"{item.__name__} maps")
        return f"list of {bounds.low} to {bounds.high} {name}"
    if hint is bool:
        return "true or false"
    if hint is Command:
        return "a command, see below"
    if is_dataclass(hint) and isinstance(hint, type):
        return f"map, {hint.__name__}"
    return "one of " + ", ".join(f"`{one}`" for one in hint)


@cache
def _field_words(module: Any) -> dict[tuple[str, str], str]:
    """The string after each field, by class and field."""
    out = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        name = ""
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                name = line.target.id
            elif isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and name:
                out[node.name, name] = " ".join(str(line.value.value).split())
                name = ""
    return out


if __name__ == "__main__":
    write()
