"""Where compiled kernels are kept, so that a change in any kernel is always seen.

numba's on-disk cache looks only at the file that holds a function: when a kernel imported
from another file changes, its callers are loaded from the cache as they were and run stale
machine code. So the cache directory is keyed by everything that goes into the machine code:
the text of every `*_kernels.py` of the product and of what these import, the numba version
and the processor.

Every kernel file imports this module before it compiles anything:

    from controller import numba_cache  # noqa: F401

Importing it is enough; it costs a few milliseconds and does not import numba. Only the
standard library is used here.
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
from pathlib import Path

PRODUCT_PACKAGES = ("controller", "override", "sim", "tui")
DIRECTORY_PREFIX = "belisha-"
DIRECTORIES_KEPT = 3
_IMPORT = re.compile(r"^from ([\w.]+) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


def kernel_sources(root: Path, packages: Iterable[str] = PRODUCT_PACKAGES) -> list[Path]:
    """Every `*_kernels.py` below the named packages, and what these import, in a fixed order.

    A constant or a record's layout is compiled in, whatever the name of the file it stands in.
    """
    waiting = [path for package in packages for path in (root / package).rglob("*_kernels.py")]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported_files(path, root)
    return sorted(found)


def imported_files(path: Path, root: Path) -> list[Path]:
    """The files below `root` from which `path` imports with `from ... import ...` at its top level."""
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


def cache_key(sources: Iterable[Path], numba_version: str, processor_name: str) -> str:
    """Sixteen hexadecimal digits that change whenever the compiled code could."""
    digest = hashlib.sha256()
    for part in (numba_version, sys.implementation.cache_tag or "", processor_name):
        digest.update(part.encode() + b"\0")
    for path in sources:
        text = path.read_bytes()
        digest.update(f"{path.name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()[:16]


def cache_base() -> Path:
    """The directory that holds the keyed ones: `NUMBA_CACHE_DIR` if set, else the user's cache."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        # A child process inherits what its parent set here; do not nest.
        path = Path(given)
        return path.parent if path.name.startswith(DIRECTORY_PREFIX) else path
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


def use_keyed_cache(root: Path, packages: Iterable[str] = PRODUCT_PACKAGES) -> Path:
    """Point numba at the directory for the kernels below `root`, and return it.

    Raises RuntimeError when a kernel of those packages was compiled before this was called:
    it may then already run stale code.
    """
    for name, module in list(sys.modules.items()):
        ours = name.endswith("_kernels") and name.partition(".")[0] in packages
        # A file that is importing this very module holds nothing compiled yet.
        if ours and any(hasattr(value, "nopython_signatures") for value in vars(module).values()):
            raise RuntimeError(
                f"{name} was compiled before controller.numba_cache was imported; import it there"
            )
    key = cache_key(kernel_sources(root, packages), importlib.metadata.version("numba"), processor())
    directory = open_directory(cache_base(), key)
    os.environ["NUMBA_CACHE_DIR"] = str(directory)
    if "numba" in sys.modules:
        # Imported by somebody else before us: numba reads the setting only once.
        sys.modules["numba"].config.CACHE_DIR = str(directory)
    return directory


CACHE_DIRECTORY = use_keyed_cache(Path(__file__).resolve().parent.parent)
