"""One knob of glibc's malloc that a broker wants turned.

Every read is a block of up to 256 KiB, made, forwarded and freed. By default glibc hands such blocks back to the kernel
at once and faults them in again at the next read, page by page: a quarter of the broker's time in a flood.
"""

from __future__ import annotations

import ctypes

__all__ = ["keep_freed_blocks"]

#: mallopt(3): how much free memory at the top of the heap is kept, and from what size on a block is mapped by itself.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 64 << 20
_MAPPED_BYTES = 4 << 20


def keep_freed_blocks() -> bool:
    """Let this process reuse the blocks it frees; whether its C library can be told so (glibc can)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES) and mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES))
