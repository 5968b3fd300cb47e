"""Runs a command on a terminal of its own and does what stdin says, a line each.

    terminal.py ROWS COLUMNS COMMAND...      stdin:  type TEXT | resize ROWS COLUMNS | signal NUMBER

What the terminal shows goes to stdout. At the end stderr gets a line of JSON: the exit code of the
command, and whether it has left the terminal in the mode in which it found it.
"""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


master, slave = pty.openpty()
resize(master, sys.argv[1], sys.argv[2])
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(slave, number)
    os.execvp(sys.argv[3], sys.argv[3:])

status = None
heard = ""
while status is None:
    readable, _, _ = select.select([master, 0] if heard is not None else [master], [], [], 0.05)
    if master in readable:
        os.write(1, os.read(master, 65536))
        continue
    if 0 in readable:
        more = os.read(0, 4096).decode()
        heard = heard + more if more else None
        while heard and "\n" in heard:
            line, heard = heard.split("\n", 1)
            what, _, rest = line.partition(" ")
            if what == "type":
                os.write(master, rest.encode())
            elif what == "resize":
                resize(master, *rest.split())
            elif what == "signal":
                os.kill(child, int(rest))
    ended, code = os.waitpid(child, os.WNOHANG)
    if ended:
        status = os.waitstatus_to_exitcode(code)
while select.select([master], [], [], 0)[0]:
    os.write(1, os.read(master, 65536))
restored = termios.tcgetattr(slave) == before
sys.stderr.write(json.dumps({"exitCode": status, "restored": restored}) + "\n")
