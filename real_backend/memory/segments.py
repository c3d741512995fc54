"""`Segment`: one anonymous file in memory (memfd), mapped whole; and who holds which part of it.

Not what lies where (`store`). A segment is cut into blocks of one size. Whoever uses a block holds a read lock on
it, on an open file description of its own (`F_OFD_SETLK`): so the kernel counts, and forgets those that are killed.
A block in transit is held by the description that travels with the message.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import mmap
import os
import struct
from collections.abc import Iterable
from typing import Any

_FLOCK = struct.Struct("hhqqi4x")
_F_OFD_GETLK, _F_OFD_SETLK = 36, 37  # Linux's; `fcntl` has no names for them
_FALLOC_FL_PUNCH_HOLE, _FALLOC_FL_KEEP_SIZE = 0x02, 0x01
_MAP_NORESERVE = 0x4000
_MAP_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)

Fd = int


class Window(ctypes.Array[ctypes.c_ubyte]):
    """A block as an object that memoryviews and arrays keep alive.

    Attributes:
        hold: goes with it; its end says that the block is not used here any more.
    """

    _type_ = ctypes.c_ubyte
    _length_ = 0
    hold: object


@functools.cache  # block sizes are powers of two: there are few of them
def _window_type(size: int) -> type[Window]:
    return type("Window", (Window,), {"_type_": ctypes.c_ubyte, "_length_": size})


class Segment:
    """One memfd as one process sees it. Not safe for threads: used under the lock of the `Store`.

    Not Python's `mmap`: it keeps a descriptor of its own for each mapping (until 3.13), and there is nothing in it
    that tells when the last array on a part of it is gone.

    Args:
        fd: an open file description that nobody else uses; the segment's from now on.

    Attributes:
        number: unique in the session; the same in every process.
        block: size of its blocks, in bytes.
        address: where it is mapped.
    """

    def __init__(self, number: int, block: int, fd: Fd, *, writable: bool) -> None:
        self.number = number
        self.block = block
        self.fd = fd
        self.length = os.fstat(fd).st_size
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        address = _libc.mmap(None, self.length, protection, mmap.MAP_SHARED | _MAP_NORESERVE, fd, 0)
        if address == _MAP_FAILED:
            error = ctypes.get_errno()
            raise MemoryError(
                f"could not map {self.length} bytes of shared memory: {os.strerror(error)}. The address space of "
                "this process is limited (ulimit -v), or it has too many mappings (vm.max_map_count)."
            )
        self.address: int = address

    @classmethod
    def create(cls, number: int, block: int, length: int) -> Segment:
        """A new one, empty: a page takes memory when it is written.

        Raises:
            OSError, MemoryError: no descriptor or no address space is left.
        """
        fd = os.memfd_create(f"simactors-{number:x}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, length)
            # Nobody who gets the descriptor can make it shorter: reading would end in a SIGBUS.
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            return cls(number, block, fd, writable=True)
        except BaseException:
            os.close(fd)
            raise

    def close(self) -> None:
        """Unmap it and let go of all that is held; nothing here may point into it any more."""
        self.unmap()
        os.close(self.fd)

    def unmap(self) -> None:
        """Only that: the descriptor is the caller's again."""
        _libc.munmap(self.address, self.length)

    # The bytes

    def window(self, start: int, hold: object) -> memoryview:
        """The block at `start`; `hold` lives as long as anything that points into it."""
        window: Any = _window_type(self.block).from_address(self.address + start)
        window.hold = hold
        return memoryview(window).cast("B").toreadonly()

    def write(self, start: int, raw: memoryview, resident: int) -> None:
        """Write `raw` at `start`, where `resident` bytes have memory already.

        Those are copied to; for the rest, write() spares the zeroing and the page faults.

        Raises:
            OSError: the kernel has no memory for it.
        """
        warm = min(resident, len(raw))
        if warm:
            target = memoryview(_window_type(self.block).from_address(self.address + start)).cast("B")
            target[:warm] = raw[:warm]
        while warm < len(raw):
            warm += os.pwrite(self.fd, raw[warm:], start + warm)

    def punch(self, start: int) -> None:
        """Give the memory of a block back to the system."""
        if _libc.fallocate(self.fd, _FALLOC_FL_PUNCH_HOLE | _FALLOC_FL_KEEP_SIZE, start, self.block):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def resident(self) -> int:
        """The memory that all of it takes, in bytes."""
        return os.fstat(self.fd).st_blocks * 512

    # Who holds what

    def lock(self, start: int) -> None:
        """Hold the block at `start` in the name of this process.

        Raises:
            OSError: the kernel has no lock left.
        """
        _lock(self.fd, fcntl.F_RDLCK, start, self.block)

    def unlock(self, start: int) -> None:
        """The opposite of `lock`."""
        _lock(self.fd, fcntl.F_UNLCK, start, self.block)

    def is_held(self, start: int) -> bool:
        """Whether another process, or a message on its way, holds the block."""
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, self.block, 0)
        kind: int = _FLOCK.unpack(fcntl.fcntl(self.fd, _F_OFD_GETLK, asked))[0]
        return kind != fcntl.F_UNLCK

    def lend(self, starts: Iterable[int]) -> Fd:
        """A read-only descriptor, with a description of its own that holds these blocks.

        Raises:
            OSError: no descriptor or no lock is left.
        """
        fd = os.open(f"/proc/self/fd/{self.fd}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            for start in starts:
                _lock(fd, fcntl.F_RDLCK, start, self.block)
        except OSError:
            os.close(fd)
            raise
        return fd


def _lock(fd: Fd, kind: int, start: int, length: int) -> None:
    fcntl.fcntl(fd, _F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, start, length, 0))


# Where a buffer lies


class _PyBuffer(ctypes.Structure):
    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = (ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int)
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = (ctypes.POINTER(_PyBuffer),)


def address_of(raw: memoryview) -> int:
    """Where the bytes of a contiguous memoryview lie."""
    buffer = _PyBuffer()
    _get_buffer(raw, ctypes.byref(buffer), 0)
    try:
        return buffer.buf or 0
    finally:
        _release_buffer(ctypes.byref(buffer))
