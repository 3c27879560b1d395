"""Makes, reads and removes a small file on a mount, again and again, until it is told to stop.

    python3 -m faults.pulse MOUNT

Prints a line a turn: clock at its begin, seconds it took, and "ok" or the call and errno that failed.
"""

import os
import signal
import sys
import time

PAUSE_S = 0.2


class Stop:
    is_asked = False

    def ask(self, *_):
        self.is_asked = True


def turn(path):
    call = "open"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            call = "write"
            os.write(fd, b"pulse")
        finally:
            call = "close"
            os.close(fd)
        call = "read"
        with open(path, "rb") as file:
            if file.read() != b"pulse":
                return "read other"
        call = "unlink"
        os.unlink(path)
        return "ok"
    except OSError as e:
        return f"{call} {e.errno}"


def main(arguments):
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.ask)
    number = 0
    while not stop.is_asked:
        number += 1
        begun = time.monotonic()
        result = turn(os.path.join(arguments[0], f".pulse-{os.getpid()}-{number}"))
        print(f"{begun:.3f} {time.monotonic() - begun:.3f} {result}", flush=True)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1:])
