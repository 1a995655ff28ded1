"""Lets SUMO run on a machine that never had a screen.

SUMO's packages are linked against five system libraries for drawing (X11, Xext, Xrender, GL)
and for one unused dependency (atomic). A simulation without a window calls nothing in them, but
the loader wants to see them, and a bare Debian does not have them. For each one that is
missing an empty shared library of that name is written here: it holds every symbol asked for,
and stops the program with an illegal instruction should one ever be called.

Layout after the System V ABI, chapters 4 and 5 (object files, dynamic linking).
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import re
import struct
import sys
import tempfile
from functools import cache
from pathlib import Path

SYMBOLS_WANTED = {
    # XML_ is expat's; everything else that begins so is X11's.
    "libX11.so.6": r"_?X(?!ML_)\w+",
    "libXext.so.6": r"_?X(?!ML_)\w+",
    "libXrender.so.1": r"_?X(?!ML_)\w+",
    "libGL.so.1": r"gl[A-Z]\w+",
    "libatomic.so.1": None,
}
"""Each library SUMO may miss, and which of the undefined names of its packages are that library's."""

MACHINES = {
    # ELF machine number, and an instruction that stops the program.
    "x86_64": (62, b"\x0f\x0b"),
    "aarch64": (183, b"\x00\x00\x00\x00"),
}
PAGE = 0x10000
"""The largest page size of both machines."""


def missing_libraries() -> list[str]:
    """Those of the five that the loader of this system does not find."""
    missing = []
    for name in SYMBOLS_WANTED:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing


def dynamic_symbols(path: Path) -> tuple[set[str], set[str]]:
    """Names a 64-bit little-endian shared object (defines, leaves undefined); empty for other files."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        return set(), set()
    (sections_at,) = struct.unpack_from("<Q", data, 0x28)
    entry_size, count = struct.unpack_from("<HH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, sections_at + k * entry_size) for k in range(count)]
    defined: set[str] = set()
    undefined: set[str] = set()
    for _, kind, _, _, offset, size, link, _, _, each in headers:
        if kind != 11:  # SHT_DYNSYM
            continue
        names_at = headers[link][4]
        for at in range(offset + each, offset + size, each):
            name_at, _, _, section = struct.unpack_from("<IBBH", data, at)
            end = data.index(b"\0", names_at + name_at)
            name = data[names_at + name_at : end].decode("latin-1")
            (undefined if section == 0 else defined).add(name)
    return defined, undefined


def empty_library(soname: str, symbols: list[str], machine: str) -> bytes:
    """An ELF shared object called `soname` whose `symbols` all stop the program that calls them.

    Two segments: names, symbols and code to read and run, then the dynamic section, which the
    loader writes to. Raises KeyError for a machine other than those in `MACHINES`.
    """
    machine_number, stop = MACHINES[machine]
    names = b"\0" + b"".join(name.encode() + b"\0" for name in [soname, *symbols])
    name_at: dict[str, int] = {}
    position = 1
    for name in [soname, *symbols]:
        name_at[name] = position
        position += len(name.encode()) + 1

    header_size = 64 + 3 * 56
    hash_at = header_size
    # One bucket that chains all symbols: looked through once, at start.
    count = len(symbols) + 1
    chain = [0, *([k + 1 for k in range(1, count - 1)] + [0] if count > 1 else [])]
    hash_table = struct.pack(f"<{3 + count}I", 1, count, 1 if count > 1 else 0, *chain)
    symbols_at = -(-(hash_at + len(hash_table)) // 8) * 8
    names_at = symbols_at + 24 * count
    code_at = -(-(names_at + len(names)) // 16) * 16
    first_size = code_at + len(stop)

    # st_info 0x12: a global function; st_shndx 1: defined here.
    symbol_table = bytes(24) + b"".join(
        struct.pack("<IBBHQQ", name_at[name], 0x12, 0, 1, code_at, len(stop)) for name in symbols
    )
    dynamic_at = -(-first_size // PAGE) * PAGE
    # DT_SONAME, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_NULL
    entries = [(14, name_at[soname]), (4, hash_at), (5, names_at), (6, symbols_at)]
    entries += [(10, len(names)), (11, 24), (0, 0)]
    dynamic = b"".join(struct.pack("<QQ", tag, value) for tag, value in entries)

    def segment(kind: int, flags: int, at: int, size: int, align: int) -> bytes:
        return struct.pack("<IIQQQQQQ", kind, flags, at, at, at, size, size, align)

    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine_number, 1, 0, 64, 0, 0, 64, 56, 3, 64, 0, 0)
    header += segment(1, 5, 0, first_size, PAGE)  # PT_LOAD, read and run
    header += segment(1, 6, dynamic_at, len(dynamic), PAGE)  # PT_LOAD, read and write
    header += segment(2, 6, dynamic_at, len(dynamic), 8)  # PT_DYNAMIC
    image = bytearray(dynamic_at + len(dynamic))
    for at, part in (
        (0, header),
        (hash_at, hash_table),
        (symbols_at, symbol_table),
        (names_at, names),
        (code_at, stop),
        (dynamic_at, dynamic),
    ):
        image[at : at + len(part)] = part
    return bytes(image)


def _packages() -> list[Path]:
    """The shared objects of SUMO's installed packages that are linked against the drawing libraries."""
    found: list[Path] = []
    for package, bundled in (("libsumo", "libsumo.libs"), ("sumo", "eclipse_sumo.libs")):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        home = Path(spec.origin).parent
        found += [
            *home.glob("_libsumo*.so"),
            *(home / "bin").glob("sumo*"),
            *(home.parent / bundled).glob("*"),
        ]
    return [path for path in found if path.is_file()]


@cache
def stand_ins() -> tempfile.TemporaryDirectory[str] | None:
    """A directory with an empty library for each missing one; None where nothing is missing.

    It lives as long as this process.
    """
    missing = missing_libraries() if sys.platform == "linux" and platform.machine() in MACHINES else []
    if not missing:
        return None
    defined: set[str] = set()
    undefined: set[str] = set()
    for path in _packages():
        has, wants = dynamic_symbols(path)
        defined |= has
        undefined |= wants
    directory = tempfile.TemporaryDirectory(prefix="belisha-sumo-")
    for name in missing:
        pattern = SYMBOLS_WANTED[name]
        symbols = sorted(s for s in undefined - defined if pattern and re.fullmatch(pattern, s))
        (Path(directory.name) / name).write_bytes(empty_library(name, symbols, platform.machine()))
    return directory


def prepare() -> None:
    """Make `import libsumo` work on a machine without a screen. Call it before; harmless when repeated."""
    directory = stand_ins()
    if directory is not None:
        for path in sorted(Path(directory.name).iterdir()):
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def environment() -> dict[str, str]:
    """The environment in which SUMO's programs start on a machine without a screen."""
    directory = stand_ins()
    if directory is None:
        return dict(os.environ)
    path = os.environ.get("LD_LIBRARY_PATH")
    return dict(os.environ, LD_LIBRARY_PATH=f"{path}:{directory.name}" if path else directory.name)
