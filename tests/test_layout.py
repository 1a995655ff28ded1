"""The style of the house is a test: what it refuses, it refuses with the name of what to do instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

PRODUCT = ("controller", "override", "sim", "tui")
EVERYTHING = (*PRODUCT, "tests", "bench")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
KERNEL_LINES_MAX = 80
"""A kernel passes arrays one by one, so its calls alone take lines."""
LONGER_FILES_ALLOWED: dict[str, str] = {}
"""Path to reason. Empty is how it should be."""

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
BANNED_CALLS = {
    "time.time": "take now_ms from the caller",
    "time.monotonic": "take now_ms from the caller",
    "time.sleep": "return; the station owns the pace",
    "datetime.now": "take now_ms from the caller",
    "datetime.utcnow": "take now_ms from the caller",
    "random": "derive it from the state; a decision has no luck in it",
    "print": "return it, or put it into an event of the frame",
    "pickle": "msgpack with a schema",
    "open": "pathlib.Path.read_text or write_text with an encoding",
    "eval": "a parser",
    "exec": "a parser",
}
"""In `controller`: the name called (or its first part) and what to use instead."""
MACHINE_PATH = re.compile(r"(?<![\w.~$}])/(?:tmp|root|home|work|Users|opt|mnt)/\w+")


def code_files(root: Path = ROOT, packages: tuple[str, ...] = EVERYTHING) -> list[Path]:
    found = [path for package in packages for path in (root / package).rglob("*.py")]
    return sorted(found + list(root.glob("*.py")))


@lru_cache(maxsize=1)
def parsed(text: str) -> ast.Module:
    """A file as a tree, once for all rules that look at it."""
    return ast.parse(text)


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a call's function, or the empty string when it is not a plain name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def length_complaints(name: str, text: str) -> Iterator[str]:
    lines = text.count("\n")
    if lines > FILE_LINES_MAX and name not in LONGER_FILES_ALLOWED:
        yield f"{name}: {lines} lines; split it into two stories of at most {FILE_LINES_MAX}"
    limit = KERNEL_LINES_MAX if name.endswith("_kernels.py") else FUNCTION_LINES_MAX
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # A docstring that gives the shape and unit of every array is not code to keep in mind.
            end = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
            body_lines = (node.end_lineno or 0) - (end or 0)
            if body_lines > limit:
                yield (
                    f"{name}:{node.lineno}: {node.name} has {body_lines} lines; "
                    f"name its parts as functions of at most {limit}"
                )


def name_complaints(name: str) -> Iterator[str]:
    for part in Path(name).with_suffix("").parts:
        if part in BANNED_NAMES:
            yield f"{name}: '{part}' says nothing; name the file after what it knows"


def call_complaints(name: str, text: str) -> Iterator[str]:
    for node in ast.walk(parsed(text)):
        if not isinstance(node, ast.Call):
            continue
        called = dotted(node.func)
        for banned, instead in BANNED_CALLS.items():
            if (
                called == banned
                or called.startswith(f"{banned}.")
                or ("." in banned and called.endswith(f".{banned}"))
            ):
                yield f"{name}:{node.lineno}: {called}() in the controller; instead: {instead}"


def docstring_complaints(name: str, text: str) -> Iterator[str]:
    if name == "tests/__init__.py":
        return
    if not ast.get_docstring(parsed(text)):
        yield f"{name}: no docstring; say in its first lines what the file knows and what it may import"


def path_complaints(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE_PATH.search(line):
            yield f"{name}:{number}: {found.group()} is a place on one machine; take it as an argument"


def all_complaints(root: Path) -> list[str]:
    complaints: list[str] = []
    for path in code_files(root):
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        complaints += length_complaints(name, text)
        complaints += name_complaints(name)
        complaints += docstring_complaints(name, text)
        complaints += path_complaints(name, text)
        if name.startswith("controller/"):
            complaints += call_complaints(name, text)
    return complaints


def test_the_whole_house_is_tidy(root: Path) -> None:
    complaints = all_complaints(root)
    assert not complaints, "\n" + "\n".join(complaints)


def test_no_test_or_bench_is_ever_installed(root: Path) -> None:
    import tomllib

    setuptools = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    on_disk = {
        path.parent.relative_to(root).as_posix().replace("/", ".")
        for package in PRODUCT
        for path in (root / package).rglob("__init__.py")
    }
    assert set(setuptools["packages"]) == on_disk
    assert setuptools["py-modules"] == ["belisha"]


def test_every_dependency_is_used_and_every_import_is_a_dependency(root: Path) -> None:
    """A dependency nobody imports is a download for nothing; the other way is a crash at a user's."""
    import sys
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=!\[ ]", line)[0].lower() for line in project["dependencies"]}
    ours = {*EVERYTHING, "belisha"}
    imported = set()
    for path in code_files(root, PRODUCT):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    extras = {"sumo", "libsumo", "pyarrow", "distributed", "google", "textual_serve", "aiohttp"}
    third_party = imported - set(sys.stdlib_module_names) - ours - extras
    sold_as = {"nacl": "pynacl", "python_multipart": "python-multipart", "zmq": "pyzmq"}
    third_party = {sold_as.get(name, name) for name in third_party}
    assert third_party == declared, "add to or remove from dependencies in pyproject.toml"


def test_mypy_knows_every_kernel_file(root: Path) -> None:
    """Their types are numba signatures; mypy takes no pattern for part of a module's name."""
    import tomllib

    overrides = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"][
        "overrides"
    ]
    listed = next(set(o["module"]) for o in overrides if o.get("disallow_untyped_defs") is False)
    kernels = [path for path in code_files(root, (*PRODUCT, "bench")) if path.name.endswith("_kernels.py")]
    on_disk = {path.relative_to(root).with_suffix("").as_posix().replace("/", ".") for path in kernels}
    assert listed == on_disk, "list each *_kernels.py under [[tool.mypy.overrides]] in pyproject.toml"


BAD = "import time\n\ndef decide():\n" + "    x = 1\n" * 61 + "    print(time.time())\n"
BAD_PATH = "P = '/" + "home/me/streets'\n"


@pytest.mark.parametrize(
    ("complaints", "expected"),
    [
        (list(length_complaints("controller/a.py", BAD)), "name its parts as functions"),
        (list(length_complaints("controller/a.py", "x = 1\n" * 401)), "split it into two stories"),
        (list(name_complaints("sim/utils.py")), "name the file after what it knows"),
        (list(name_complaints("sim/common/a.py")), "name the file after what it knows"),
        (list(call_complaints("controller/a.py", BAD)), "take now_ms from the caller"),
        (list(call_complaints("controller/a.py", "random.random()")), "no luck in it"),
        (list(call_complaints("controller/a.py", "datetime.datetime.now()")), "take now_ms"),
        (list(call_complaints("controller/a.py", "pickle.loads(b'')")), "msgpack"),
        (list(docstring_complaints("controller/__init__.py", "x = 1\n")), "no docstring"),
        (list(path_complaints("sim/a.py", BAD_PATH)), "take it as an argument"),
    ],
)
def test_each_rule_can_fail_and_says_what_to_do(complaints: list[str], expected: str) -> None:
    assert any(expected in complaint for complaint in complaints)


def test_a_tidy_file_draws_no_complaint() -> None:
    tidy = '"""Knows one thing."""\n\n\ndef queue_veh(now_ms: int) -> int:\n    return now_ms // 2000\n'
    rules = (length_complaints, call_complaints, docstring_complaints, path_complaints)
    assert not [complaint for rule in rules for complaint in rule("controller/queue.py", tidy)]
