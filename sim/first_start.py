"""The first start on a machine: every kernel is compiled, on all cores, before anybody waits for it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from controller import numba_cache

ROOT = Path(numba_cache.__file__).resolve().parent.parent
WORKERS_MAX = 4
"""More find nothing to do: kernels wait for those they call."""
_COMPILE = """
import importlib, sys
from controller.compiling import compile_inner
for name in sys.stdin:
    compile_inner(importlib.import_module(name.strip()))
    print(flush=True)
"""


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

    Each process takes the next module whose imports are compiled, so that nothing is compiled twice.
    Raises NotCompiled.
    """
    names = list(modules or kernel_modules(root))
    done = directory / "compiled"
    state = _state_of(names, root)
    if done.is_file() and done.read_text(encoding="utf-8") == state:
        return False
    queue = Queue(names, root)
    workers = [
        threading.Thread(target=_work, args=(queue, root))
        for _ in range(min(os.cpu_count() or 1, WORKERS_MAX, len(names)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if queue.error:
        raise NotCompiled(queue.error)
    done.write_text(state, encoding="utf-8")
    return True


class Queue:
    """Hands out kernel modules: only those whose imports are compiled, and those with the longest way
    still to go behind them first.
    """

    def __init__(self, names: Sequence[str], root: Path) -> None:
        kernels = {_file_of(name, root): name for name in names}
        self._needs = {
            name: {kernels[f] for f in numba_cache.with_imports([file], root) if f in kernels} - {name}
            for file, name in kernels.items()
        }
        # Who needs a module needs all that it needs: one more, so dependents come first here.
        self._way: dict[str, int] = {}
        for name in sorted(names, key=lambda name: (-len(self._needs[name]), name)):
            behind = [self._way[other] for other, needs in self._needs.items() if name in needs]
            self._way[name] = _file_of(name, root).stat().st_size + max(behind, default=0)
        self._waiting = sorted(names, key=lambda name: -self._way[name])
        self._compiled: set[str] = set()
        self._changed = threading.Condition()
        self.error = ""
        """What the compiler said, once it has failed."""

    def take(self) -> str | None:
        """The next to compile, waited for; None when there is no other, or one has failed."""
        with self._changed:
            while self._waiting and not self.error:
                for name in self._waiting:
                    if self._needs[name] <= self._compiled:
                        self._waiting.remove(name)
                        return name
                self._changed.wait()
        return None

    def done(self, name: str, error: str = "") -> None:
        """That one is compiled, or why it is not."""
        with self._changed:
            self._compiled.add(name)
            self.error = self.error or error
            self._changed.notify_all()


def _work(queue: Queue, root: Path) -> None:
    """What one thread does: it must not leave others waiting for what it has taken."""
    try:
        _compile_in_turn(queue, root)
    except OSError as error:
        queue.done("", f"no process could be started: {error}")


def _compile_in_turn(queue: Queue, root: Path) -> None:
    """One process, as long as there is something to compile."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, "-c", _COMPILE],
            env=environment, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said,
        ) as process,
    ):  # fmt: skip
        assert process.stdin
        assert process.stdout
        while name := queue.take():
            with suppress(BrokenPipeError):
                process.stdin.write(f"{name}\n".encode())
                process.stdin.flush()
            error = ""
            if not process.stdout.readline():
                process.wait()
                said.seek(0)
                error = said.read().decode(errors="replace").strip() or f"{name}: the compiler was stopped"
            queue.done(name, error)


def _file_of(name: str, root: Path) -> Path:
    return root.joinpath(*name.split(".")).with_suffix(".py")


def _state_of(names: list[str], root: Path) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(numba_cache.stamp(_file_of(name, root), root).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    compile_kernels()
