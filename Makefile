# make lab      set up, and open the course in JupyterLab
# make test     set up, and run every test and every notebook
# make check    style: ruff, and the twins of the notebooks
# make notebooks  run every notebook again, store it, and measure it into the README
# make exercises  run every solution again, store it, and make the exercises from them
# make weights  train again what is shipped (one to two hours on two cores)
# make bench    print how fast things are here, and what short trainings reach
# make picture  draw the README's picture again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NOTEBOOKS = $(wildcard notebooks/*.ipynb solutions/*.ipynb)
LAB = $(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --IdentityProvider.token= \
	--LabApp.news_url=None \
	--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

.PHONY: setup lab test check notebooks exercises weights bench picture clean

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements
	touch $@

lab: setup
	$(LAB) notebooks/00_start_here.ipynb

test: setup
	$(BIN)/python -m pytest --jaxtyping-packages=llmvis_course,beartype.beartype --durations=10
	$(BIN)/python -m pytest --nbval --nbval-current-env --nbval-cell-timeout=600 --durations=10 $(NOTEBOOKS)

check: setup
	$(BIN)/ruff check llmvis_course tests notebooks/source solutions/source .ci
	$(BIN)/ruff format --check llmvis_course tests notebooks/source solutions/source .ci
	$(BIN)/python .ci/notebooks.py --check
	$(BIN)/python .ci/exercises.py --check

notebooks: setup
	$(BIN)/python .ci/notebooks.py

exercises: setup
	$(BIN)/python .ci/exercises.py

weights: setup
	$(BIN)/python -m llmvis_course.weights.make
	$(BIN)/python .ci/readme_scores.py

bench: setup
	for file in tests/bench*.py; do $(BIN)/python $$file || exit 1; done

picture: setup
	$(BIN)/python .ci/readme_picture.py

clean:
	rm -rf $(VENV) .checkpoints build dist *.egg-info
