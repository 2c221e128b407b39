"""A clock that tests set: the daemon's, by clock.c. Timers of the kernel go on as ever."""
import os
import struct
import tempfile

from .daemon import binary


class Clock:
    """@env: for the daemon that shall go by it"""

    def __init__(self):
        module = os.path.join(os.path.dirname(binary()), "..", "tests", "netns", "clock.so")
        fd, self.path = tempfile.mkstemp(prefix="sixxsd-clock-")
        os.fchmod(fd, 0o644)
        self.file = os.fdopen(fd, "wb", buffering=0)
        self.ahead_s, self.synchronised = 0, -1
        self.env = {"LD_PRELOAD": os.path.abspath(module), "SIXXSD_CLOCK": self.path}
        self._write()

    def _write(self):
        os.pwrite(self.file.fileno(), struct.pack("=qq", self.ahead_s, self.synchronised), 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        os.unlink(self.path)

    def pass_by(self, seconds):
        self.ahead_s += seconds
        self._write()

    def synchronise(self, on):
        self.synchronised = int(on)
        self._write()
