"""A clean virtual environment with everything but this course: libraries are linked."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent


def build_wheel(folder: Path) -> Path:
    """Build the course's wheel, without a network."""
    command = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        ".",
    ]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    (wheel,) = folder.glob("llmvis_course-*.whl")
    return wheel


def clean_environment(folder: Path) -> Path:
    """Make an environment in `folder`; returns its python.

    Each library of this environment is linked into a folder that a .pth file names. The course is
    left out, so nothing but a wheel can bring it.
    """
    venv.create(folder / "venv", with_pip=True, symlinks=os.name != "nt")
    links = folder / "libraries"
    links.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        ours = entry.name.startswith(("llmvis_course", "__editable__", "pip", "setuptools"))
        if not ours and entry.suffix != ".pth":
            (links / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = run(python, "-c", code, cwd=folder).strip()
    (Path(site) / "libraries.pth").write_text(str(links))
    return python


def run(python: Path, *arguments: str, cwd: Path, **environment: str) -> str:
    """Run the clean environment's python outside the checkout; returns what it printed."""
    outside = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(python), *arguments],
        cwd=cwd,
        env=outside | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
