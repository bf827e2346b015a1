"""What is stored of each notebook: one clean run, readable without running it.

A number that the prose claims is followed by a mark, `<!-- asserted: name -->`, and some code cell
has an `assert` that uses `name`. The numbers of a page are thereby checked whenever it is run.
"""

import importlib.util
import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class

ROOT = Path(__file__).parent.parent
STORED = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])
WIDGET = "application/vnd.jupyter.widget-view+json"
LARGEST = 500_000  # bytes
FEWEST_OUTPUTS = 0.3  # share of code cells with an output


def script(name: str):
    """A module of .ci, which is not a package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def faults(notebook: nbformat.NotebookNode) -> list[str]:
    """Everything that is wrong with a stored notebook, as sentences."""
    found = []
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        found.append(f"not one clean run: counts {counts}")
    if sum(bool(cell.outputs) for cell in code) < FEWEST_OUTPUTS * len(code):
        found.append("hardly any outputs are stored; strict nbval would compare nothing")
    outputs = [output for cell in code for output in cell.outputs]
    if any(output.output_type == "error" for output in outputs):
        found.append("an error is stored")
    state = notebook.metadata.get("widgets", {}).get(
        "application/vnd.jupyter.widget-state+json", {}
    )
    for output in outputs:
        view = output.get("data", {}).get(WIDGET)
        if view and view["model_id"] not in state.get("state", {}):
            found.append("a widget is stored without its state")
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    if re.search(r"!\[\s*\]\(", text) or any(
        not re.search(r'alt="[^"]+"', tag) for tag in re.findall(r"<img[^>]*>", text)
    ):
        found.append("a picture has no alt text")
    asserts = "\n".join(line for c in code for line in _assert_lines(c.source))
    for name in re.findall(r"<!-- asserted: (\w+) -->", text):
        if not re.search(rf"\b{name}\b", asserts):
            found.append(f"the number marked {name} is asserted nowhere")
    return found


def _assert_lines(source: str) -> list[str]:
    return [line for line in source.splitlines() if "assert" in line]


def test_the_first_notebook_exists() -> None:
    assert ROOT / "notebooks" / "00_start_here.ipynb" in STORED


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_notebooks_are_one_clean_run(path) -> None:
    assert faults(nbformat.read(path, as_version=4)) == []
    assert path.stat().st_size < LARGEST


def test_every_notebook_has_a_twin_and_says_the_same() -> None:
    notebooks = script("notebooks")
    twins = [t for f in ("notebooks", "solutions") for t in (ROOT / f / "source").glob("*.py")]
    assert {t.stem for t in twins} == {p.stem for p in STORED}
    assert [twin.stem for twin in twins if notebooks.differs(twin)] == []


def test_a_changed_twin_is_noticed(tmp_path, monkeypatch) -> None:
    notebooks = script("notebooks")
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    twin = tmp_path / "notebooks" / "source" / "a.py"
    twin.write_text("# %%\nx = 1\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    nbformat.write(notebook, tmp_path / "notebooks" / "a.ipynb")
    assert not notebooks.differs(twin)
    twin.write_text("# %%\nx = 2\n")
    assert notebooks.differs(twin)


def test_saving_in_jupyterlab_writes_the_twin(tmp_path) -> None:
    shutil.copy(ROOT / "jupytext.toml", tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    twin = tmp_path / "notebooks" / "source" / "00_start_here.py"
    os.utime(twin, (0, 0))  # as after `make notebooks`: the stored notebook is the newer one
    lab = build_sync_jupytext_contents_manager_class(LargeFileManager)(root_dir=str(tmp_path))
    page = lab.get("notebooks/00_start_here.ipynb", type="notebook", content=True)
    page["content"]["cells"][1]["source"] += "\nWords that nobody wrote before."
    page["content"]["cells"][2]["metadata"]["tags"] = ["kept"]
    lab.save(page, "notebooks/00_start_here.ipynb")
    text = twin.read_text(encoding="utf-8")
    assert "Words that nobody wrote before." in text and 'tags=["kept"]' in text
    assert "jupytext_version" not in text and "display_name" not in text


def good() -> nbformat.NotebookNode:
    """A small notebook without a fault."""
    printed = nbformat.v4.new_output("stream", text="1\n")
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("![a red seven](a.png) takes 1 <!-- asserted: takes -->"),
            nbformat.v4.new_code_cell(
                "assert takes == 1\nprint(1)", execution_count=1, outputs=[printed]
            ),
        ]
    )


def spoil_count(n):
    n.cells[1].execution_count = 2


def spoil_outputs(n):
    n.cells[1].outputs = []


def spoil_error(n):
    n.cells[1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]


def spoil_widget(n):
    view = {WIDGET: {"model_id": "x"}}
    n.cells[1].outputs = [nbformat.v4.new_output("display_data", data=view)]


def spoil_alt(n):
    n.cells[0].source = "![](a.png)"


def spoil_assert(n):
    n.cells[1].source = "print(takes)"


@pytest.mark.parametrize(
    "spoil, fault",
    [
        (spoil_count, "not one clean run"),
        (spoil_outputs, "hardly any outputs"),
        (spoil_error, "an error is stored"),
        (spoil_widget, "without its state"),
        (spoil_alt, "no alt text"),
        (spoil_assert, "takes is asserted nowhere"),
    ],
)
def test_each_fault_is_found(spoil, fault) -> None:
    assert faults(good()) == []
    notebook = good()
    spoil(notebook)
    assert [line for line in faults(notebook) if fault in line]
