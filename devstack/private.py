"""Files and folders for the eyes of their owner: mails, texts, addresses and passwords."""

import os
import stat
from pathlib import Path
from typing import Final

from madan_sara.devstack.errors import DevstackError

#: Taken from the mode of everything that is created: nothing is left for group and others.
PRIVATE_UMASK: Final = 0o077

_ELSEWHERE: Final = "choose another one with MADAN_SARA_DEVSTACK_DIR"

#: The lock that every stack holds marks a folder as one of ours.
LOCK_NAME: Final = "lock"


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter; one that is there already is closed.

    A folder that others may enter and that holds foreign things is left as it is: closing it
    could lock others out of what is theirs.

    Args:
        folder: Its path, links resolved; missing folders above it are made as private.

    Raises:
        DevstackError: The folder belongs to another user, or holds foreign things.
    """
    _make_missing(folder)
    found = folder.lstat()  # A link would lead to a folder of its maker's choice.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise DevstackError(f"{folder} is not a folder of the user who runs this; {_ELSEWHERE}")
    if not stat.S_IMODE(found.st_mode) & PRIVATE_UMASK:
        return
    if any(folder.iterdir()) and not (folder / LOCK_NAME).exists():
        raise DevstackError(
            f"{folder} is open to other users and holds things that are not a stack's; "
            f"close it (chmod 700 {folder}), or {_ELSEWHERE}"
        )
    folder.chmod(0o700)


def write_private(file: Path, content: str) -> None:
    """Write a file that only its owner may read, whatever its mode was before.

    Args:
        file: Its path.
        content: All of it.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as out:
        os.fchmod(descriptor, 0o600)
        out.write(content)


def _make_missing(folder: Path) -> None:
    """Make a folder and those above it that are missing, one by one: each of them private."""
    if not folder.is_dir():
        _make_missing(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
