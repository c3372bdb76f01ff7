"""A file is replaced as a whole or not at all, and an error names what to do about it."""

import errno
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

DISK_FULL: Final = ("the disk is full", "free some space there and export again")
NOT_ALLOWED: Final = (
    "it may not be written",
    "close it in other programs, or choose a directory this user may write to",
)

# The operating system's error -> (problem, remedy) in words for whoever asked for the file.
PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EFBIG: ("it grew over the allowed size", "raise the limit (ulimit -f) and export again"),
    errno.EACCES: NOT_ALLOWED,
    errno.EPERM: NOT_ALLOWED,
    errno.EROFS: ("the disk is read-only", "choose a directory on another disk"),
    errno.ENOENT: ("its directory does not exist", "create the directory or choose another one"),
    errno.ENOTDIR: ("a part of its path is a file", "choose a path made of directories"),
    errno.EEXIST: ("a file has the name of the directory", "move that file away or choose another directory"),
    errno.EISDIR: ("a directory has its name", "move that directory away or choose another name"),
}


class ExportError(Exception):
    """A file could not be written. What stood at its path before is still there, whole.

    Attributes:
        path: The file, or the directory that was to hold it.
        problem: What went wrong, as a clause.
        remedy: What to do about it, as a clause.
    """

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = path, problem, remedy
        super().__init__(path, problem, remedy)  # unpickling calls us with these

    def __str__(self) -> str:
        return f"Could not write {self.path}: {self.problem}; {self.remedy}."


# `s3://bucket`, what `Path` makes of it (`s3:/bucket`), and `simplecache::s3://`; a drive of Windows has one letter.
SCHEME: Final = re.compile(r"\s*(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)(?:::|:[/\\])")


def local_path(named: str | Path) -> Path:
    """A file or folder of this machine.

    `Path` takes `s3://bucket` for a folder with that name, and the results would lie where no one looks.

    Raises:
        ExportError: It is an address of something else. Shows its scheme only, for it may hold a key.
    """
    if address := SCHEME.match(str(named)):
        what = Path(f"{address['scheme']}:...")
        raise ExportError(
            what,
            "only folders of this machine are written",
            "give such a folder and copy the files from there",
        )
    return Path(named)


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn the operating system's error about `path` into an `ExportError`."""
    try:
        yield
    except OSError as error:
        unforeseen = (error.strerror or "the disk answered with an error", "try another directory")
        raise ExportError(path, *PROBLEMS.get(error.errno or 0, unforeseen)) from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, that takes the place of `path` only when it is complete.

    It is written beside `path` because a rename is atomic only within one disk. A full disk, a cancelled
    run or an exception leaves the earlier file as it was and nothing else; a kill may leave a
    `.name.xxxxxxxx.part` behind.

    Raises:
        ExportError: The operating system refused.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with explaining(path):
        try:
            with partial.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # else a power cut can leave the new name on an empty file
            partial.replace(path)
        finally:
            with suppress(OSError):  # gone after the rename; never made if its directory is missing
                partial.unlink()
