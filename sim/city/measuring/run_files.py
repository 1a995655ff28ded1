"""A run's files: `run.json` and one file a table, as bytes, wherever they were made.

Tables are Parquet where pyarrow is installed (extra `[report]`), else NumPy archives with the
same columns; readers take either, so that no run is lost for want of a package.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from controller.file_words import why_not
from sim.city.measuring.measures import CityMeasures
from sim.city.measuring.trip_table import Table

FORMAT = "belisha city run 1"
RUN_FILE = "run.json"
MAP_FILE = "map.json"
RunFiles = dict[str, bytes]
"""File name to content."""


class ResultError(Exception):
    """Results that cannot be read or kept; the message is one line. Finished runs are kept."""


def has_parquet() -> bool:
    """Whether tables will be Parquet."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return False
    return True


def pack_run(record: Mapping[str, Any], tables: Mapping[str, Table]) -> RunFiles:
    """All files of a run; `record` is what `run.json` says, plain data."""
    files = {RUN_FILE: json.dumps({"format": FORMAT, **record}, indent=1, allow_nan=False).encode()}
    parquet = has_parquet()
    for name, table in tables.items():
        suffix, pack = ("parquet", _to_parquet) if parquet else ("npz", _to_npz)
        files[f"{name}.{suffix}"] = pack(table)
    return files


def _to_parquet(table: Table) -> bytes:
    import pyarrow
    import pyarrow.parquet

    stream = io.BytesIO()
    columns = {name: _arrow_column(values) for name, values in table.items()}
    pyarrow.parquet.write_table(pyarrow.table(columns), stream, compression="zstd")
    return stream.getvalue()


def _arrow_column(values: np.ndarray) -> Any:
    # NumPy's fixed-width text is not a type of Arrow's.
    return values.tolist() if values.dtype.kind == "U" else np.ascontiguousarray(values)


def _to_npz(table: Table) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **table)  # type: ignore[arg-type]
    return stream.getvalue()


def read_record(folder: Path) -> dict[str, Any]:
    """What `run.json` in `folder` says. Raises FileNotFoundError, or ResultError if it is not ours."""
    path = folder / RUN_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(
            f"{path}: cannot be read: {why_not(error)}; delete its folder to run again"
        ) from error
    try:
        record = json.loads(text)
        if record["format"] != FORMAT:
            raise ValueError(f"format {record['format']!r}, expected {FORMAT!r}")
        record["measures"] = CityMeasures.from_json(record["measures"])
    except (ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{path}: no result of ours ({error}); delete its folder to run again") from error
    return dict(record)


def read_table(folder: Path, name: str) -> Table:
    """One table of a run. Raises ResultError naming the file and what is missing."""
    parquet, npz = folder / f"{name}.parquet", folder / f"{name}.npz"
    try:
        if npz.exists():
            with np.load(npz, allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
        if not has_parquet():
            raise ResultError(f"{parquet}: Parquet cannot be read: pip install 'belisha[report]'")
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(parquet)
        return {key: _from_arrow(table[key]) for key in table.column_names}
    except (OSError, ValueError) as error:
        raise ResultError(f"{parquet}: cannot be read: {why_not(error)}") from error


def _from_arrow(column: Any) -> np.ndarray:
    values = column.to_numpy()
    return values.astype(np.str_) if values.dtype == object else values
