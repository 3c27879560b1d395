"""Power cuts, damaged files and killed starts of real processes: jlink/power, damage and restarts.

powercut      what is left on a disk after a power cut, from what src/test/native/powercut.c noted
cluster       peers and mounts on loopback, each machine with a boot id, /run and home of its own
load, database    writers on a mount, which keep a journal of what they were told
promises      what must be there after faults, by these journals; reads it through a mount
diskformat    reads a peer's directory by docs/disk-format.md
rounds        seeds, what is done already, tables
power, restarts, damage    the commands
selftest      whether all this finds what it should

Nothing here knows the program's code, only its documents. Debian's python3 is enough.
"""
