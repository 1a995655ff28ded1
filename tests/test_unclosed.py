"""What cannot be opened leaves nothing open behind it: counted while the error, and so its frames, live."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from override.citizen.commands import policy_view
from override.citizen.process import CitizenPlan, CitizenProcess
from override.citizen.store import Store
from override.keys import add_person, init_keys
from override.lamp_line import listen_at
from override.panic import PanicDoor
from override.roles import Role
from override.storage import Storage


def open_here() -> set[str]:
    """Every file and socket this process has open."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def stranger(path: Path) -> Path:
    """A file that is none of ours."""
    path.write_bytes(bytes(range(256)) * 8)
    return path


@pytest.mark.parametrize(
    "open_it",
    [
        lambda folder: PanicDoor(folder / "nowhere" / "door"),
        lambda folder: listen_at(folder / "nowhere" / "door"),
        lambda folder: Storage(stranger(folder / "station.db")),
        lambda folder: Store(stranger(folder / "citizen.db")),
    ],
    ids=["panic switch", "door for lines", "station's storage", "citizen's store"],
)
def test_what_cannot_be_opened_leaves_nothing_open(open_it: Callable[[Path], object], tmp_path: Path) -> None:
    before = open_here()
    with pytest.raises((OSError, ValueError)) as caught:
        open_it(tmp_path)
    assert open_here() == before, caught.value


def citizens(folder: Path, port: int, file: Path) -> CitizenProcess:
    init_keys(folder / "keys")
    add_person(folder / "keys", "citizen", Role.CITIZEN_GATEWAY)
    station = ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1")
    return CitizenProcess(
        CitizenPlan(
            folder / "keys", "citizen", file, station, ("127.0.0.1", port), "tcp://127.0.0.1:*",
            policy_view(None, "", ""), UTC,
        )
    )  # fmt: skip


def test_a_citizen_process_without_its_port_or_its_file_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        before = open_here()
        with pytest.raises(ValueError, match="cannot listen there") as caught:
            citizens(tmp_path / "a", other.getsockname()[1], tmp_path / "citizen.db")
        assert open_here() == before, caught.value
    before = open_here()
    with pytest.raises(ValueError, match="not a citizen process's file") as caught:
        citizens(tmp_path / "b", 0, stranger(tmp_path / "citizen.db"))
    assert open_here() == before, caught.value
