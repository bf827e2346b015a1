"""What `spawning.Spawning` starts: one job in a fresh Python, without a jail."""

import json
import os
import socket
import sys

from .channel import Channel
from .child import serve


def main(config: dict) -> None:
    """Connect back, say the word that proves who this is, and serve."""
    wire = socket.create_connection(("127.0.0.1", config["port"]))
    channel = Channel(wire)
    channel.send(os.environ.pop("LLMVIS_WORD"))
    channel.receive()
    serve(channel, config["printed"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
