"""One line of JSON after another over a socket, with a limit on size and time.

Nothing that arrives is ever executed or unpacked into objects: it is text, numbers and lists.
"""

import json
import socket
import time
from typing import Any


class Channel:
    """Both ends of a conversation use one."""

    def __init__(self, wire: socket.socket, *, most: int | None = None) -> None:
        self.wire, self.left = wire, most  # bytes that may still arrive
        self._buffer = bytearray()

    def send(self, message: Any, seconds: float | None = None) -> None:
        """Send an object. Raises OSError where nobody listens, TimeoutError where nobody reads."""
        self.wire.settimeout(seconds)
        self.wire.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, seconds: float | None = None) -> Any:
        """The next object. Raises EOFError, TimeoutError, or ValueError for what is no object."""
        end = None if seconds is None else time.monotonic() + seconds
        searched = 0
        while (place := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            self.wire.settimeout(left)
            self._read()
        line = bytes(self._buffer[:place])
        del self._buffer[: place + 1]
        try:
            return json.loads(line)
        except RecursionError:
            raise ValueError("found JSON that is nested too deeply") from None

    def _read(self) -> None:
        try:
            data = self.wire.recv(2**18)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                raise ValueError("found more bytes than an answer may have")
        self._buffer += data

    def close(self) -> None:
        self.wire.close()
