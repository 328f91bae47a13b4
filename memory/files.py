"""What has to be done to files by hand: overwrite them before they go, blank what Chroma wrote unknowingly."""

import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

NAME, NEW, OLD = "vectors", "vectors.new", "vectors.old"
HEADER = struct.Struct("<i6Q")
"""How a graph's header begins: version, offset, room, used, bytes per element, and two offsets more (hnswlib)."""
LENGTH = 4


def settle(folder: Path) -> None:
    """Finish a rebuilding of vectors, whether it was just done or interrupted at any point."""
    if (folder / OLD).exists():
        if not (folder / NAME).exists():
            (folder / NEW).rename(folder / NAME)
        wipe(folder / OLD)
    wipe(folder / NEW)
    blank_unused(folder / NAME)


def wipe(folder: Path) -> None:
    """Overwrite every file with zeros before it is deleted."""
    if not folder.exists():
        return
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        _overwrite(file, 0)
    shutil.rmtree(folder)


def wipe_file(file: Path) -> None:
    """Overwrite a file with zeros, and delete it."""
    _overwrite(file, 0)
    file.unlink()


def blank_unused(folder: Path) -> None:
    """Zero the elements that a graph has room for but does not use.

    hnswlib allocates that room without clearing it and saves it all, so that pieces of the process's memory, among
    them what has been forgotten, get into the file.
    """
    for used, files in _graphs(folder):
        for file, room, step in files:
            if file.exists() and file.stat().st_size == room * step and used < room:
                _overwrite(file, used * step)


def cut_off(folder: Path) -> str:
    """Name a file of a graph that was cut off while it was written, which hnswlib would read beyond its end."""
    short = [header for header in folder.glob("*/header.bin") if header.stat().st_size < HEADER.size]
    short += [
        file
        for used, files in _graphs(folder)
        for file, _room, step in files
        if not file.exists() or file.stat().st_size < used * step
    ]
    return "/".join(short[0].parts[-2:]) if short else ""


def _graphs(folder: Path) -> Iterator[tuple[int, list[tuple[Path, int, int]]]]:
    """List graphs: how many elements each uses, and its files, each with room for so many of so many bytes."""
    for header in folder.glob("*/header.bin"):
        fields = header.read_bytes()[: HEADER.size]
        if len(fields) == HEADER.size:
            _version, _offset, room, used, size, *_ = HEADER.unpack(fields)
            kept = [(header.with_name("data_level0.bin"), room, size), (header.with_name("length.bin"), room, LENGTH)]
            yield used, kept


def _overwrite(file: Path, start: int) -> None:
    """Write zeros from a position to the end; a file that is all zeros there is left alone."""
    with file.open("r+b") as opened:
        opened.seek(start)
        rest = opened.read()
        if any(rest):
            opened.seek(start)
            opened.write(bytes(len(rest)))
            opened.flush()
            os.fsync(opened.fileno())
