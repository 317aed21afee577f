"""Outcomes of worlds on disk, so that a bench of an hour can go on after it was stopped.

A file belongs to one world, seed, number of runs and state of the code: whatever changes a figure gives another name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import bench.verdict
import dashboard.decide
from bench.verdict.worlds import World
from dashboard.decide.factor import Array

Arrays = Mapping[str, Array]


def place(folder: Path, world: World, seed: int, runs: int) -> Path:
    """The file of a world's outcome."""
    name = "".join(sign if sign.isalnum() else "-" for sign in world.name)
    key = hashlib.sha256(f"{world!r} {seed} {runs} {_code()}".encode()).hexdigest()[:12]
    return folder / f"{name}-{key}.npz"


def write(path: Path, arrays: Arrays) -> None:
    """Keep the arrays; a file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part.npz")
    np.savez_compressed(unfinished, **arrays)
    unfinished.replace(path)


def read(path: Path) -> Arrays | None:
    """The arrays as they were written; None where there is no such file."""
    if not path.exists():
        return None
    with np.load(path) as found:
        return {name: found[name] for name in found.files}


def _code() -> str:
    """A fingerprint of the judge and of the bench itself."""
    folders = (*bench.verdict.__path__, *dashboard.decide.__path__)
    sources = sorted(path for folder in folders for path in Path(folder).glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
