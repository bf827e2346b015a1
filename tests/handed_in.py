"""What a class may hand in: right and wrong answers, and hostile ones, for the tests of grading."""

import json
from pathlib import Path

RIGHT = '''
def attend(q, k, v, mask):
    """Mine."""
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ v
'''
UNSCALED = RIGHT.replace(" / math.sqrt(q.shape[-1])", "")
STUB = 'def attend(q, k, v, mask):\n    raise NotImplementedError("write me")\n'
SET_UP = "import math\n\nimport torch\nimport torch.nn.functional as F\n"


def doing(code: str) -> str:
    """A right answer that first does something else."""
    lines = "\n".join(f"    {line}" for line in code.strip().splitlines())
    return RIGHT.replace("    scores =", f"{lines}\n    scores =")


SURVIVED = {
    "print": doing('print("x" * 200_000_000)'),
    "kill everything": doing(
        "import os, signal\n"
        "for number in (-1, os.getpid(), os.getppid()):\n"
        "    try:\n"
        "        os.kill(number, signal.SIGKILL)\n"
        "    except OSError:\n"
        "        pass"
    ),
    "asserts patched": "torch.allclose = torch.testing.assert_close = lambda *a, **k: True\n"
    + RIGHT,
}
"""Code that misbehaves, and whose answer is right all the same."""

FAILS = {
    "endless loop": doing("while True:\n    pass"),
    "sleep": doing("import time\ntime.sleep(10_000)"),
    "exit": doing("import os\nos._exit(0)"),
    "fork bomb": doing("import os\nwhile True:\n    os.fork()"),
    "100 GB": doing("held = bytearray(100 * 2**30)"),
    "100 GB of numbers": doing("held = torch.ones(100 * 2**27, dtype=torch.float64)"),
    "1 GB file": doing(
        'file = open("large", "wb")\nfor _ in range(1024):\n    file.write(bytes(2**20))'
    ),
    "1 GB in many files": doing(
        "for n in range(100):\n    open(f'{n}', 'wb').write(bytes(10 * 2**20))"
    ),
    "shared memory": doing(
        "import ctypes\n"
        "if ctypes.CDLL(None).shmget(0, 2**30, 0o1600) < 0:\n"
        "    raise OSError('refused')"
    ),
    "crash": doing("import ctypes\nctypes.string_at(0)"),
    "deep recursion": doing("attend(q, k, v, mask)"),
    "socket": doing("import socket\nsocket.create_connection(('127.0.0.1', 80))"),
    "program": doing("import subprocess\nsubprocess.run(['/bin/true'], check=True)"),
    "the course's answers": doing("from llmvis_course.checks.attention import attend as theirs"),
    "the course's files": doing(
        "import llmvis_course\nopen(llmvis_course.__path__[0] + '/checks/attention.py').read()"
    ),
    "the password file": doing("open('/etc/passwd').read()"),
    "write to the library": doing("open(torch.__file__, 'a').write('#')"),
    "equal to everything": (
        "class Anything:\n"
        "    def __eq__(self, other): return True\n"
        "    def __getattr__(self, name): return Anything()\n"
        "    def __call__(self, *a, **k): return Anything()\n"
        "def attend(q, k, v, mask): return Anything()\n"
    ),
    "a tensor equal to everything": (
        "class Equal(torch.Tensor):\n"
        "    @classmethod\n"
        "    def __torch_function__(cls, *a, **k): return torch.tensor(True)\n"
        "def attend(q, k, v, mask): return v.sum().as_subclass(Equal)\n"
    ),
    "torch replaced": (
        "import unittest, doctest\n"
        "def attend(q, k, v, mask):\n"
        "    yes = lambda *a, **k: True\n"
        "    torch.allclose = torch.equal = torch.isclose = torch.Tensor.equal = yes\n"
        "    unittest.TestCase.assertEqual = doctest.run_docstring_examples = yes\n"
        "    return v.sum()\n"
    ),
    "forged results": (
        "import gc, os\n"
        "def attend(q, k, v, mask):\n"
        "    for thing in gc.get_objects():\n"
        "        if type(thing).__name__ == 'Channel':\n"
        "            for _ in range(8):\n"
        "                thing.send({'attempt': {'kind': 'right', 'passed': True}})\n"
        "            thing.send({'end': True})\n"
        "    os._exit(0)\n"
    ),
    "forged end": (
        "import gc, os\n"
        "def attend(q, k, v, mask):\n"
        "    for thing in gc.get_objects():\n"
        "        if type(thing).__name__ == 'Channel':\n"
        "            thing.send({'end': True})\n"
        "    os._exit(0)\n"
    ),
    "floods the grader": (
        "import gc\n"
        "def attend(q, k, v, mask):\n"
        "    for thing in gc.get_objects():\n"
        "        if type(thing).__name__ == 'Channel':\n"
        "            while True:\n"
        "                thing.wire.sendall(b'[' * 2**20)\n"
    ),
}
"""Code whose answer must not pass."""


def notebook(*cells: str, **more: object) -> str:
    """A notebook with these code cells, as text."""
    made = [
        {
            "cell_type": "code",
            "source": cell,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for cell in cells
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more})


def hand_in(folder: Path, student: str, *cells: str) -> Path:
    """Put a notebook where a student's belongs."""
    path = folder / student / "ex03_attention.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(notebook(SET_UP, *cells), encoding="utf-8")
    return path
