"""Who runs PostgreSQL: it refuses to be root, so as root somebody else has to."""

import logging
import os
import pwd
import stat
from pathlib import Path

from devstack.errors import DevstackError

#: Exists on every system; creating a user would be a lasting change to somebody's machine.
_STAND_IN = "nobody"

_logger = logging.getLogger(__name__)


class ServerAccount:
    """The user that runs a server: ourselves, or a stand-in when we are root."""

    def __init__(self) -> None:
        self._stand_in = pwd.getpwnam(_STAND_IN) if os.geteuid() == 0 else None

    @property
    def name(self) -> str | None:
        """The stand-in's name; None when the server runs as ourselves."""
        return self._stand_in.pw_name if self._stand_in else None

    def let_in(self, *folders: Path) -> None:
        """Let the server reach folders: everything above them becomes passable, not readable.

        Args:
            folders: What it has to reach; themselves included.
        """
        if self._stand_in is None:
            return
        for folder in folders:
            for step in (folder, *folder.parents):
                mode = stat.S_IMODE(step.stat().st_mode)
                if not mode & stat.S_IXOTH:
                    _logger.info("making %s passable for %s", step, _STAND_IN)
                    step.chmod(mode | stat.S_IXOTH)

    def make_private_dir(self, folder: Path) -> None:
        """Make a folder that only the server (and root) can enter; fine if it is there already.

        Args:
            folder: Its path; the folder above exists.

        Raises:
            DevstackError: Something is there that belongs to somebody else.
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
