"""Where compiled kernels are kept, so that a change in any kernel is always seen.

numba's on-disk cache looks only at the file that holds a function: when a kernel imported
from another file changes, its callers are loaded from the cache as they were and run stale
machine code. So each kernel file's machine code is stamped with everything that goes into
it: the text of the file and of all it imports, however far. A change costs the compilation
of what depends on it, and of nothing else. The directory is named by the numba version, the
processor and the checkout.

Every kernel file imports this module before it compiles anything:

    from controller import numba_cache  # noqa: F401

Importing it is enough.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from numba.core import caching, config

PRODUCT_PACKAGES = ("controller", "override", "sim", "tui")
DIRECTORY_PREFIX = "belisha-"
DIRECTORIES_KEPT = 3
NUMBAS_OWN = tuple(locator.__name__ for locator in caching.CacheImpl._locator_classes)
"""For functions that are not ours, as without us."""
_IMPORT = re.compile(r"^from ([\w.]+) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


def kernel_sources(root: Path, packages: Iterable[str] = PRODUCT_PACKAGES) -> list[Path]:
    """Every `*_kernels.py` below the named packages, and what these import, in a fixed order."""
    return with_imports([path for name in packages for path in (root / name).rglob("*_kernels.py")], root)


def with_imports(files: Iterable[Path], root: Path) -> list[Path]:
    """The files and all they import below `root`, however far, in a fixed order.

    A constant or a record's layout is compiled in, whatever the name of the file it stands in.
    """
    waiting = list(files)
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported_files(path, root)
    return sorted(found)


def imported_files(path: Path, root: Path) -> list[Path]:
    """The files below `root` from which `path` imports with `from ... import ...` at its top level."""
    return _imported_files(path, root, path.stat().st_mtime_ns)


@cache
def _imported_files(path: Path, root: Path, _written_ns: int) -> list[Path]:
    """Most files are imported by many kernels, and every start asks."""
    files = []
    for module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
        place = root.joinpath(*module.split("."))
        files += [place.with_suffix(".py"), *(place / f"{name}.py" for name in re.findall(r"\w+", names))]
    return [file for file in files if file.is_file() and file != Path(__file__)]


def processor() -> str:
    """Name and instruction sets of this processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    # One core stands for all; frequencies and bogomips change from call to call.
    told: dict[str, str] = {}
    for line in lines:
        field, _, value = line.partition(":")
        if field.strip() in ("model name", "flags", "Features", "CPU part"):
            told.setdefault(field.strip(), value.strip())
    return "\n".join([platform.machine(), *told.values()])


def directory_key(root: Path, numba_version: str, processor_name: str) -> str:
    """Sixteen hexadecimal digits: machine code of another key is of no use here."""
    digest = hashlib.sha256()
    for part in (str(root), numba_version, sys.implementation.cache_tag or "", processor_name):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


@cache
def stamp(kernel: Path, root: Path) -> str:
    """A hash over the text of a kernel file and of everything it imports below `root`."""
    digest = hashlib.sha256()
    for path in with_imports([kernel], root):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(root)}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()


def cache_base() -> Path:
    """The directory that holds the keyed ones: `NUMBA_CACHE_DIR` if set, else the user's cache."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    user_cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(user_cache) if user_cache else Path.home() / ".cache") / "belisha" / "numba"


def prune(base: Path, kept: int = DIRECTORIES_KEPT) -> None:
    """Remove all but the `kept` most recently used keyed directories of `base`."""
    keyed = [path for path in base.glob(f"{DIRECTORY_PREFIX}*") if path.is_dir()]
    keyed.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in keyed[kept:]:
        shutil.rmtree(old, ignore_errors=True)


def open_directory(base: Path, key: str) -> Path:
    """Make and mark as used the directory for `key` below `base`.

    Where nothing can be written, a directory that lives as long as this process takes its
    place, with a warning: kernels are then compiled at every start.
    """
    directory = base / f"{DIRECTORY_PREFIX}{key}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
        os.utime(directory)
        prune(base)
    except OSError as error:
        directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        warnings.warn(
            f"compiled kernels cannot be kept in {base} ({error.strerror}): "
            "compiling at every start; set NUMBA_CACHE_DIR to a directory that can be written",
            RuntimeWarning,
            stacklevel=2,
        )
    return directory


class KernelLocator:
    """Tells numba where the machine code of one of our kernels lies, and from what it was made.

    numba asks for it through its setting `CACHE_LOCATOR_CLASSES`:
    https://numba.readthedocs.io/en/stable/developer/caching.html
    """

    homes: ClassVar[dict[Path, tuple[tuple[str, ...], Path]]] = {}
    """Packages and directory of machine code by root of the sources."""
    found: ClassVar[dict[Path, list[str]]] = {}
    """What lay in a directory of machine code when it was first looked into."""

    def __init__(self, kernel: Path, root: Path, directory: Path, line: int) -> None:
        self._kernel, self._root, self._line = kernel, root, line
        # Two kernel files may have the same name in different packages.
        self._path = directory / ".".join(kernel.relative_to(root).parent.parts)

    @classmethod
    def from_function(cls, function: Any, file: str) -> KernelLocator | None:
        """The locator of a function in a file of ours; None leaves it to numba."""
        kernel = Path(file).resolve()
        for root, (packages, directory) in cls.homes.items():
            if kernel.is_relative_to(root) and kernel.relative_to(root).parts[0] in packages:
                self = cls(kernel, root, directory, function.__code__.co_firstlineno)
                self.ensure_cache_path()
                self._forget_older(f"{kernel.stem}.{function.__qualname__}-")
                return self
        return None

    def ensure_cache_path(self) -> None:
        """Make the directory."""
        self._path.mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        """Directory of the machine code."""
        return str(self._path)

    def get_source_stamp(self) -> str:
        """What machine code must carry to be used."""
        return stamp(self._kernel, self._root)

    def get_disambiguator(self) -> str:
        """Tells functions of the same name in one file apart, and versions of it: numba reads the
        index of an older one before it looks at the stamp in it, and fails where that names a
        class that is no longer there.
        """
        return f"{self._line}-{self.get_source_stamp()[:16]}"

    def _forget_older(self, beginning: str) -> None:
        """Remove machine code of other versions of a function, once a new version is met."""
        own = f"{beginning}{self.get_disambiguator()}."
        if self._path not in self.found:
            self.found[self._path] = [path.name for path in self._path.iterdir()]
        if not any(name.startswith(own) for name in self.found[self._path]):
            for path in self._path.glob(f"{beginning}*"):
                if not path.name.startswith(own):
                    path.unlink(missing_ok=True)


def use_keyed_cache(root: Path, packages: Iterable[str] = (*PRODUCT_PACKAGES, "bench")) -> Path:
    """Let numba keep the kernels below `root` as this module says; returns their directory.

    Raises RuntimeError when a kernel of those packages was compiled before this was called:
    it may then already run stale code.
    """
    packages = tuple(packages)
    for name, module in list(sys.modules.items()):
        ours = name.endswith("_kernels") and name.partition(".")[0] in packages
        # A file that is importing this very module holds nothing compiled yet.
        if ours and any(hasattr(value, "nopython_signatures") for value in vars(module).values()):
            raise RuntimeError(
                f"{name} was compiled before controller.numba_cache was imported; import it there"
            )
    root = root.resolve()
    key = directory_key(root, importlib.metadata.version("numba"), processor())
    directory = open_directory(cache_base(), key)
    KernelLocator.homes[root] = (packages, directory)
    own = f"{__name__}.{KernelLocator.__name__}"
    config.CACHE_LOCATOR_CLASSES = ",".join([own, *NUMBAS_OWN])  # type: ignore[attr-defined]
    return directory


CACHE_DIRECTORY = use_keyed_cache(Path(__file__).resolve().parent.parent)
