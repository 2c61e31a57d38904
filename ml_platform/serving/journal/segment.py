"""One append-only file of the journal: a header, then records, each with length and checksum.

    8 bytes  magic
    then, for each record
    4 bytes  length of the payload, little-endian
    4 bytes  CRC-32 of the payload, little-endian
    n bytes  payload, one JSON object

A writer holds a lock on its open segment for as long as it lives, so that whoever gets the lock
knows that the writer is dead. A segment's name is never used again: the inference table knows by
it what it has ingested.
"""

import fcntl
import os
import secrets
import struct
from contextlib import suppress
from pathlib import Path

MAGIC = b"MLPJ\x01\r\n\x00"
FRAME = struct.Struct("<II")
MAX_RECORD = 64 * 1024 * 1024
NEW, OPEN, CLOSED = ".new", ".open", ".seg"


class SegmentWriter:
    """The open segment of one worker. Not for two threads at once.

    folder: of the worker; made when missing. at: seconds since 1970, the first part of the name.
    durable: also bring the name of the file to the disk, and those of the folders to it: the
        worker's own, which another durability may have made, and each that is made here.
    Raises OSError when the file cannot be made.
    """

    def __init__(self, folder: Path, *, at: float, durable: bool = False) -> None:
        lacking = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{max(0, int(at * 1_000)):014d}-{secrets.token_hex(5)}"
        self.path = folder / f"{name}{OPEN}"
        new = self.path.with_suffix(NEW)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(new, flags, 0o640)
        self.size = 0
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self.append(MAGIC)
            new.rename(self.path)  # only now others may look for its lock
            if durable:
                for each in {folder, folder.parent, *(made.parent for made in lacking)}:
                    sync_folder(each)
        except OSError:
            os.close(self._file)
            new.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)
            raise

    def append(self, group: bytes) -> None:
        """Write framed records, usually in one `write(2)`.

        Raises OSError; what came to be of the group is then cut off where that is possible, and
        the segment must be closed: somebody may have read that part already.
        """
        start = self.size
        try:
            written = os.write(self._file, group)
            while written < len(group):
                written += os.write(self._file, memoryview(group)[written:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, start)
            raise
        self.size = start + written

    def sync(self) -> None:
        """Wait until the device has what was written. Raises OSError."""
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let go of the file and give it its final name. Raises OSError."""
        try:
            self.path.rename(self.path.with_suffix(CLOSED))
        finally:
            os.close(self._file)


def close_abandoned(folder: Path) -> list[Path]:
    """Give segments whose writer is dead their final name; return them.

    folder: of one worker. What their writers tore is left for the reader.
    """
    closed: list[Path] = []
    for path in sorted(folder.glob(f"*{OPEN}")):
        with suppress(FileNotFoundError):
            if not is_held(path):
                closed.append(path.rename(path.with_suffix(CLOSED)))
    return closed


def is_held(path: Path) -> bool:
    """Say whether a living process writes to the segment. Raises FileNotFoundError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def sync_folder(folder: Path) -> None:
    """Wait until the device knows the names of the files in a folder. Raises OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
