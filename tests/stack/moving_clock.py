"""A wall clock that tests can move under running programs, as a machine's clock moves when somebody sets it.

A few lines of C between the programs and the C library, which add what stands in a file. The steady clock stays as it
is, as it does on a machine. Needs a C compiler.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

COMPILER = shutil.which("cc")
_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static int (*genuine)(clockid_t, struct timespec *);
static const long long *moved_seconds;

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!genuine) {
        int file = open(getenv("MOVING_CLOCK"), O_RDONLY);
        moved_seconds = mmap(0, sizeof *moved_seconds, PROT_READ, MAP_SHARED, file, 0);
        genuine = dlsym(RTLD_NEXT, "clock_gettime");
    }
    int failed = genuine(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *moved_seconds;
    return failed;
}

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where) *where = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict where, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    where->tv_sec = now.tv_sec;
    where->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


class MovingClock:
    """The clock of all programs that are started with `variables`."""

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "clock", folder / "clock.so"
        self.move(0)
        source = folder / "clock.c"
        source.write_text(_SOURCE)
        subprocess.run([str(COMPILER), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self.variables = {"LD_PRELOAD": str(library), "MOVING_CLOCK": str(self._file)}

    def move(self, seconds: int) -> None:
        """From now on it is so far ahead of the machine's, or behind it; at once, for everybody."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))
