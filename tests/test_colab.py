"""Every notebook runs alone: its first cell brings the course where it is missing, as on Colab."""

import shutil

import nbformat
import pytest
from isolated import build_wheel, clean_environment, run
from test_notebooks import ROOT, STORED, script

EXECUTE = """
import nbformat, os
from nbclient import NotebookClient
import google.colab
notebook = nbformat.read("00_start_here.ipynb", as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, "done.ipynb")
"""


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_the_first_cell_is_the_set_up_with_the_one_address(path) -> None:
    publish = script("publish")
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].source == publish.setup_cell()
    assert publish.address() in publish.setup_cell()


def test_the_readme_has_the_one_address() -> None:
    assert script("publish").badge() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_publishing_refuses_what_is_not_an_address() -> None:
    with pytest.raises(SystemExit, match="expected https://github.com/OWNER/NAME"):
        script("publish").main(["my-repository"])


def test_notebook_00_runs_alone_with_a_simulated_colab(tmp_path) -> None:
    wheel = build_wheel(tmp_path)
    python = clean_environment(tmp_path)
    alone = tmp_path / "content"
    alone.mkdir()
    shutil.copy(ROOT / "notebooks" / "00_start_here.ipynb", alone)
    colab = tmp_path / "simulated" / "google" / "colab"
    colab.mkdir(parents=True)
    (colab / "__init__.py").write_text('"""A stand-in for Colab\'s own module."""\n')
    missing = "import importlib.util as u; print(u.find_spec('llmvis_course'))"
    assert run(python, "-c", missing, cwd=alone).strip() == "None"
    kernel = '{"argv": ["%s", "-m", "ipykernel_launcher", "-f", "{connection_file}"],'
    kernel = kernel % python.as_posix() + '"display_name": "Python 3", "language": "python"}'
    (tmp_path / "kernels" / "kernels" / "python3").mkdir(parents=True)
    (tmp_path / "kernels" / "kernels" / "python3" / "kernel.json").write_text(kernel)
    run(
        python, "-c", EXECUTE, cwd=alone, PYTHONPATH=str(tmp_path / "simulated"),
        LLMVIS_COURSE_INSTALL=str(wheel), PIP_NO_INDEX="1", PIP_NO_DEPS="1",
        JUPYTER_PATH=str(tmp_path / "kernels"),
    )  # fmt: skip
    done = nbformat.read(alone / "done.ipynb", as_version=4)
    assert not [o for c in done.cells for o in c.get("outputs", []) if o.output_type == "error"]
    found = run(python, "-c", "import llmvis_course as c; print(c.__file__)", cwd=alone).strip()
    assert found.startswith(str(tmp_path / "venv"))
