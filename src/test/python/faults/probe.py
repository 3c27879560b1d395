"""Tries to write on a mount until it can: prints the clock at which a new file was forced.

python3 -m faults.probe MOUNT LIMIT_S
"""

import os
import sys
import time

PAUSE_S = 0.1


def main(arguments):
    mount, limit_s = arguments[0], float(arguments[1])
    end = time.monotonic() + limit_s
    number = 0
    while time.monotonic() < end:
        number += 1
        path = os.path.join(mount, f".probe-{os.getpid()}-{number}")
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(fd, b"probe")
                os.fsync(fd)
            finally:
                os.close(fd)
            print(time.monotonic(), flush=True)
            os.unlink(path)
            return
        except OSError as e:
            print(f"{time.monotonic():.1f} {e}", file=sys.stderr, flush=True)
            time.sleep(PAUSE_S)
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
