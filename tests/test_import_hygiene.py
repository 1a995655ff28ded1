"""A first screen never waits for a compiler, and every kernel is compiled under a keyed cache."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_layout import PRODUCT, code_files

LOADED = "import sys; {code}; print('\\n'.join(sys.modules))"
COMPILERS = ("numba", "networkx", "llvmlite")


def modules_after(code: str, root: Path = ROOT) -> set[str]:
    """Names of all modules a fresh interpreter holds after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(code=code)], cwd=root, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines())


def heavy(modules: set[str]) -> list[str]:
    return sorted(name for name in modules if name in COMPILERS or name.endswith("_kernels"))


HELP = (
    "from typer.testing import CliRunner; import belisha; "
    "r = CliRunner().invoke(belisha.app, {args!r}); assert r.exit_code == 0, r.output"
)


@pytest.mark.parametrize(
    "code",
    [
        HELP.format(args=["--help"]),
        "import controller.vocabulary",
        "import controller.junction",
        "import tui",
        "import override",
    ],
)
def test_loads_no_compiler(code: str) -> None:
    assert heavy(modules_after(code)) == []


def test_help_of_every_command_loads_no_compiler() -> None:
    code = (
        "import belisha, typer; from typer.testing import CliRunner; "
        "names = list(typer.main.get_command(belisha.app).commands); assert names; "
        "rs = [CliRunner().invoke(belisha.app, [n, '--help']) for n in names]; "
        "assert all(r.exit_code == 0 for r in rs), names"
    )
    assert heavy(modules_after(code)) == []


def test_the_check_sees_a_compiler_when_there_is_one() -> None:
    assert "numba" in heavy(modules_after("import numba"))


def test_nothing_imports_the_command_line(root: Path) -> None:
    for path in code_files(root, PRODUCT):
        text = path.read_text(encoding="utf-8")
        # Most files need not be parsed to know it.
        if path.name == "belisha.py" or "belisha" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert "belisha" not in names, f"{path}: belisha.py composes the packages, none may know it"


def keys_its_cache(source: str) -> bool:
    """Whether a kernel file imports `controller.numba_cache` at its top level."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "controller"
        and any(alias.name == "numba_cache" for alias in node.names)
        for node in ast.parse(source).body
    )


def test_every_kernel_file_keys_its_cache(root: Path) -> None:
    kernels = [path for path in code_files(root, PRODUCT) if path.name.endswith("_kernels.py")]
    assert kernels
    for path in kernels:
        assert keys_its_cache(path.read_text(encoding="utf-8")), (
            f"{path.relative_to(root)}: add `from controller import numba_cache  # noqa: F401`, "
            "or a change in a kernel it calls may never be seen"
        )


def test_no_other_file_compiles(root: Path) -> None:
    """Only `*_kernels.py` is in the key, so nothing else may hold compiled code; and how they are
    compiled stands in one place."""
    for path in code_files(root, PRODUCT):
        text = path.read_text(encoding="utf-8")
        if path.relative_to(root).as_posix() == "controller/compiling.py" or "numba" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module == "numba":
                names = {alias.name for alias in node.names}
                assert not names & {"njit", "jit", "vectorize"}, f"{path}: see controller/compiling.py"


def test_a_kernel_file_without_the_import_is_seen() -> None:
    assert not keys_its_cache("from numba import njit\n")
    assert keys_its_cache("from numba import njit\n\nfrom controller import numba_cache  # noqa: F401\n")


def test_only_commands_speak_through_the_command_line() -> None:
    """Everything else is given a `say`."""
    files = [path for path in code_files(ROOT, PRODUCT) if not path.name.endswith("commands.py")]
    speak = {path.name for path in files if "import typer" in path.read_text(encoding="utf-8")}
    assert speak - {"belisha.py"} == {"connect_options.py"}
