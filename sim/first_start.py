"""The first start on a machine: every kernel is compiled, on all cores, before anybody waits for it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from controller import numba_cache

ROOT = Path(numba_cache.__file__).resolve().parent.parent
_IMPORT = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"


class NotCompiled(RuntimeError):
    """A kernel does not compile; the message is what the compiler said."""


def kernel_modules(root: Path = ROOT, packages: Sequence[str] = numba_cache.PRODUCT_PACKAGES) -> list[str]:
    """Names of all kernel files, in a fixed order."""
    files = sorted(path for package in packages for path in (root / package).rglob("*_kernels.py"))
    return [".".join(path.relative_to(root).with_suffix("").parts) for path in files]


def compile_kernels(
    modules: Sequence[str] = (), root: Path = ROOT, directory: Path = numba_cache.CACHE_DIRECTORY
) -> bool:
    """Compile what the cache in `directory` does not hold; False when it held everything.

    Processes take the list from both ends and meet in the middle: what one has compiled the others
    load. Raises NotCompiled.
    """
    names = list(modules or kernel_modules(root))
    done = directory / "compiled"
    state = _state_of(names, root)
    if done.is_file() and done.read_text(encoding="utf-8") == state:
        return False
    started = [_started(order, root) for order in _orders(names, os.cpu_count() or 1)]
    said = [process.communicate()[1] for process in started]
    for process, error in zip(started, said, strict=True):
        if process.returncode:
            raise NotCompiled(error.decode(errors="replace").strip() or "the compiler was stopped")
    done.write_text(state, encoding="utf-8")
    return True


def _orders(names: list[str], cores: int) -> list[list[str]]:
    """From the front, and from the back where there is a second core."""
    return [names] if cores < 2 or len(names) < 2 else [names, names[::-1]]


def _started(order: list[str], root: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    return subprocess.Popen(
        [sys.executable, "-c", _IMPORT, *order], env=environment, cwd=root, stderr=subprocess.PIPE
    )


def _state_of(names: list[str], root: Path) -> str:
    digest = hashlib.sha256()
    for name in names:
        kernel = root.joinpath(*name.split(".")).with_suffix(".py")
        digest.update(numba_cache.stamp(kernel, root).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    compile_kernels()
