"""牵绳 Runs a program that dies with the process that started it, also when that one is killed with -9.

    python leash.py PARENT_PID USER|- PROGRAM ARGUMENT…

Linux tells a process of its parent's death when asked (prctl PR_SET_PDEATHSIG), and the wish survives ``exec``. A file
of the standard library alone, run by its path: it costs no import of ours. Elsewhere it just becomes the program.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask, make sure that the parent did not die meanwhile, and become the program."""
    parent, user, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if user != "-":  # before the wish: the kernel forgets it when the user changes
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")
    try:
        os.execvp(program[0], program)  # noqa: S606 - the supervisor's own words, no shell
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
