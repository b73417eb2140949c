"""The last steps before a PostgreSQL program takes over this process; run by `launch`, never imported.

`subprocess` would do them in `preexec_fn`, which may deadlock in a program with threads, and which cannot hold the pipe
that systems other than Linux need.

    python -I -S child.py {parent's pid} {signal|pipe|none} {uid} {gid} {folder} program argument...
"""

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Stand in the data folder as its owner, tied to the parent's life, and become the program."""
    parent, leash, uid, gid, folder, *command = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.setsid()  # Ctrl+C in a terminal is for the service, which still needs its database to end well
    os.chdir(folder)  # before the privileges go: the new user may be unable to walk here
    become(int(uid), int(gid))
    if leash == "signal":
        end_with_the_parent(int(parent))
    elif leash == "pipe":
        end_with_the_pipe()
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


def become(uid: int, gid: int) -> None:
    """PostgreSQL refuses to be root."""
    if uid == os.geteuid():
        return
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def end_with_the_parent(parent: int) -> None:
    """Linux sends SIGINT, PostgreSQL's fast shutdown, when the thread that started this process is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent was gone before it could be watched")


def end_with_the_pipe() -> None:
    """A fork waits for the end of standard input, which the kernel closes with the parent."""
    server = os.getpid()
    if os.fork():
        return
    os.closerange(3, 256)  # among them the lock, which is the server's to hold
    os.read(0, 1)
    while os.getppid() == server:
        os.kill(server, signal.SIGINT)
        time.sleep(0.1)
    os._exit(0)


if __name__ == "__main__":
    main()
