"""Become another program, one that does not outlive the process that started it.

Usage: `die_with_parent.py PARENT_PID SIGNAL ACCOUNT PROGRAM [ARGUMENT ...]`, run as a
script by `devstack.child_process`. It replaces itself (`exec`), so the program keeps
the process id its parent knows. Files of the program are for its own user only.

A program between the two rather than a `preexec_fn`: Python code between fork and exec
can deadlock in a process that has threads, and Temporal's client has many.
"""

import ctypes
import os
import pwd
import signal
import sys

#: Linux, `prctl(2)`: the signal a process gets when its parent ends, however it ends.
_PR_SET_PDEATHSIG = 1

#: Linux, `prctl(2)`: a change of user leaves the rights a process may take up.
_PR_SET_KEEPCAPS = 8
#: Linux, `prctl(2)`, `capabilities(7)`: a user's number changes no rights. Without it `access(2)`,
#: by which PostgreSQL looks for its own programs, leaves the right kept here out of account.
_PR_SET_SECUREBITS, _NO_SETUID_FIXUP = 28, 1 << 2
#: Linux, `prctl(2)`: a right raised here is kept by the next program.
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
#: Linux, `capset(2)`: the layout of its arguments.
_CAPABILITY_VERSION_3 = 0x20080522
#: Linux, `capabilities(7)`: rights to pass folders that are closed to a user. The first lets it
#: read what is in them, the second write, too; containers often have the second only.
_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE = 2, 1

#: Means "keep the user" instead of an account name.
SAME_ACCOUNT = "-"


def _become_account(name: str) -> None:
    """Become another user that can still reach a program and data in root's own folders.

    Opening those folders to the user instead would open them to all of its processes.
    """
    account = pwd.getpwnam(name)
    kernel = ctypes.CDLL(None)
    kernel.prctl(_PR_SET_SECUREBITS, *_words(_NO_SETUID_FIXUP, 0, 0, 0))
    kernel.prctl(_PR_SET_KEEPCAPS, *_words(1, 0, 0, 0))
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if not (_keep_right(kernel, _CAP_DAC_READ_SEARCH) or _keep_right(kernel, _CAP_DAC_OVERRIDE)):
        sys.exit(f"user {name} cannot be let into root's folders here; run as an ordinary user")


def _keep_right(kernel: ctypes.CDLL, right: int) -> bool:
    """Keep one right of root's, and no other, for the next program; whether root had it."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable: the lower halves, then the upper ones.
    rights = (ctypes.c_uint32 * 6)(*[1 << right] * 3)
    if kernel.capset(header, rights) != 0:
        return False
    raised: int = kernel.prctl(_PR_CAP_AMBIENT, *_words(_PR_CAP_AMBIENT_RAISE, right, 0, 0))
    return raised == 0


def _words(*numbers: int) -> list[ctypes.c_ulong]:
    """Numbers as wide as the kernel reads them."""
    return [ctypes.c_ulong(number) for number in numbers]


def _die_with_parent(parent_pid: int, death_signal: int) -> None:
    if not sys.platform.startswith("linux"):
        return  # No such service elsewhere; the next start ends left-over processes.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)
    # A parent that died before the call above sends no signal any more.
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def _main(parent_pid: str, death_signal: str, account: str, *command: str) -> None:
    os.umask(0o077)
    if account != SAME_ACCOUNT:
        _become_account(account)  # First: the kernel forgets the death signal on a change of user.
    _die_with_parent(int(parent_pid), int(death_signal))
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    _main(*sys.argv[1:])
