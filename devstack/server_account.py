"""The user that runs PostgreSQL: it refuses to run as root, so there another user has to."""

import os
import pwd
import stat
import sys
from pathlib import Path
from typing import Final

from madan_sara.devstack.errors import DevstackError

#: Exists on every system; creating a user would be a lasting change to the machine.
_STAND_IN: Final = "nobody"


class ServerAccount:
    """The user that runs a server: ourselves, or a stand-in when we are root.

    What the stand-in owns lies in folders that are closed to it. Its server passes them by a
    right of root's that it keeps (`devstack.die_with_parent`); other processes of the same
    user have no such right, so the server's files are closed to them as to any other user.

    Raises:
        DevstackError: We are root where no process can keep such a right.
    """

    def __init__(self) -> None:
        self._stand_in = pwd.getpwnam(_STAND_IN) if os.geteuid() == 0 else None
        if self._stand_in and not sys.platform.startswith("linux"):
            raise DevstackError(
                "PostgreSQL refuses to be root, and on this system no other user can be let "
                "into root's folders; run this as an ordinary user"
            )

    @property
    def name(self) -> str | None:
        """The stand-in's name; None when the server runs as ourselves."""
        return self._stand_in.pw_name if self._stand_in else None

    def make_private_dir(self, folder: Path) -> None:
        """Make a folder that only the server (and root) can enter; fine if it is there already.

        Args:
            folder: Its path; the folder above exists.

        Raises:
            DevstackError: Something is there that belongs to another user.
        """
        owner = self._stand_in.pw_uid if self._stand_in else os.geteuid()
        try:
            folder.mkdir(mode=0o700)
            if self._stand_in:
                os.chown(folder, owner, self._stand_in.pw_gid)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
                raise DevstackError(
                    f"{folder} is not a folder of the user who runs PostgreSQL here; remove it"
                ) from None
