"""What one answer may use of the machine."""

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """What one answer may use."""

    cpu: int = 3  # seconds
    wall: float = 6.0  # seconds that others wait for it
    memory: int = 1024 * MEGABYTE  # bytes more than Python with torch has
    file: int = 16 * MEGABYTE  # bytes of one file, and of all together
    files: int = 64  # open at once
    processes: int = 64  # threads count; processes are refused anyway
    answer: int = 16 * MEGABYTE  # bytes that come back
    printed: int = 2000  # characters of what it prints that are kept
