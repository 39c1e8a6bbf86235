"""Become another program, one that does not outlive the process that started it.

Usage: `die_with_parent.py PARENT_PID SIGNAL ACCOUNT PROGRAM [ARGUMENT ...]`, run as a
script by `devstack.child_process`. It replaces itself (`exec`), so the program keeps
the process id its parent knows.

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

#: Stands for "stay who you are" in place of an account name.
SAME_ACCOUNT = "-"


def _become_account(name: str) -> None:
    account = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def _die_with_parent(parent_pid: int, death_signal: int) -> None:
    if not sys.platform.startswith("linux"):
        return  # No such service elsewhere; the next start ends what was left behind.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)
    # A parent that died before the call above sends no signal any more.
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def _main(parent_pid: str, death_signal: str, account: str, *command: str) -> None:
    if account != SAME_ACCOUNT:
        _become_account(account)  # First: the kernel forgets the death signal on a change of user.
    _die_with_parent(int(parent_pid), int(death_signal))
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    _main(*sys.argv[1:])
