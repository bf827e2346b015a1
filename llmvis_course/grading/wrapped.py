"""What `wrapping.Wrapping` starts in `bwrap`: one job in a fresh Python, which locks itself in."""

import json
import math
import os
import socket
import sys
from dataclasses import replace

from . import calls, filter, jail
from .channel import Channel
from .child import serve
from .limits import Limits


def main(config: dict) -> None:
    """Give up what starting took, and serve."""
    limits, wire = Limits(**config["limits"]), socket.socket(fileno=config["wire"])
    used = math.ceil(sum(os.times()[:2]))  # seconds that importing torch took do not count
    jail.limit(replace(limits, cpu=limits.cpu + used), config["memory"])
    calls.drop_capabilities()
    filter.install()
    serve(Channel(wire), limits.printed)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
