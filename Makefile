# Thin: every target is one or two commands that you could type yourself. GNU make, Linux or macOS.
PYTHON ?= python3
PROFILE ?= fast
JOBS ?= 2
TORCH_INDEX ?=
CONSTRAINTS ?= constraints.txt

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
NOTEBOOKS := $(wildcard notebooks/[0-9][0-9]_*.ipynb)
SITE_PY := build/site-venv/bin/python
BUNDLE := build/bundle/rbm-course
PIP := -m pip --disable-pip-version-check
BUNDLED := $(wildcard wheels/*.whl)
TORCH := $(if $(filter-out default,$(TORCH_INDEX)),--extra-index-url $(TORCH_INDEX))
# In a bundle the packages lie in wheels/, and nothing is fetched.
INDEX := $(if $(BUNDLED),--no-index --find-links wheels,$(TORCH))

# On Linux the usual build of PyTorch brings CUDA, gigabytes of it. Without an NVIDIA driver the
# small CPU build comes first, and the install that follows keeps it.
CPU_INDEX := https://download.pytorch.org/whl/cpu
ifeq ($(strip $(TORCH_INDEX)$(BUNDLED)),)
ifeq ($(shell uname -s),Linux)
ifeq ($(shell command -v nvidia-smi),)
CPU_TORCH := --no-deps --retries 1 --timeout 15 --index-url $(CPU_INDEX) -c $(CONSTRAINTS) torch
endif
endif
endif

# $(call torch,PYTHON,COMMAND): the CPU build first, if it is the one to take.
define cpu_torch
@echo "No NVIDIA driver is found: PyTorch is the CPU build. TORCH_INDEX=default takes the usual one."
@$(1) $(PIP) --quiet $(2) $(CPU_TORCH) || echo "Its index does not answer: PyTorch is the usual build."
endef
torch = $(if $(CPU_TORCH),$(cpu_torch))

# Notebooks run inside notebooks/, so a relative data folder is made absolute here.
ifneq ($(strip $(RBM_DATA)),)
override RBM_DATA := $(patsubst ~/%,$(HOME)/%,$(RBM_DATA))
override RBM_DATA := $(if $(filter /%,$(RBM_DATA)),$(RBM_DATA),$(CURDIR)/$(RBM_DATA))
export RBM_DATA
endif

.DEFAULT_GOAL := help
.PHONY: help setup lab run test test-students test-processors test-long test-nbgrader test-browser test-site test-wheel score notebooks student slides pdf quiz site lint spelling links mutants faults gpu bench bench-peers bench-recommenders bundle clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*##/:/' | awk -F: '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo "Variables: PROFILE=fast|full (run)  PYTHON=python3.12  RBM_DATA=folder  TORCH_INDEX=default|address (docs/installation.md)"

setup: $(STAMP)  ## make .venv and install everything into it, once

$(STAMP): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
	  echo "If a newer one is installed, name it: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV): about a minute, more on a slow network."
	@$(PYTHON) -m venv $(VENV)
	$(call torch,$(PY),install)
	@$(PY) $(PIP) --quiet install -e '.[notebooks,dev]' -c $(CONSTRAINTS) $(INDEX)
	@touch $@
	@echo "Setting up $(VENV): done."

lab: setup  ## open the course in JupyterLab: your own copies, in work/
	@$(PY) -m rbm_lib.course lab

run: setup  ## run every notebook; executed copies and a table go to build/
	@RBM_PROFILE=$(PROFILE) $(PY) -m rbm_lib.course run

# Each test file and each notebook stays on one core. The longest of them, notebooks, come first.
test: setup  ## all tests, the docstrings' examples and every notebook, on two cores
	@RBM_PROFILE=fast RBM_OFFLINE=1 RBM_HEADLESS=1 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
	  RBM_SCORES="$(CURDIR)/build/test-scores" $(PY) -m pytest $(NOTEBOOKS) tests rbm_lib \
	  --nbval-lax --nbval-current-env --nbval-cell-timeout 300 \
	  --numprocesses $(JOBS) --dist loadscope --no-loadscope-reorder

# What computes, without the tests that start processes. NumPy has OpenBLAS, torch ATen.
NUMERICAL := $(addprefix tests/,models likelihood training recommend data) \
  $(addprefix --ignore=tests/,training/test_distributed.py training/test_memory.py data/test_download.py data/test_damaged_files.py)

test-processors: setup  ## numerical tests as processors with AVX2, and with AVX or less, compute; three minutes
	@for setting in "Haswell avx2" "Sandybridge default"; do set -- $$setting; echo "OpenBLAS: $$1, ATen: $$2"; \
	  OPENBLAS_CORETYPE=$$1 ATEN_CPU_CAPABILITY=$$2 RBM_OFFLINE=1 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
	  $(PY) -m pytest -q $(NUMERICAL) --numprocesses $(JOBS) || exit 1; done

test-students: setup  ## run every unsolved copy to its end, as learners meet it; three minutes
	@RBM_LONG=1 RBM_OFFLINE=1 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
	  $(PY) -m pytest -q tests/notebooks/test_notebooks.py -k runs_unsolved --numprocesses $(JOBS)

test-long: setup  ## the long part of docs/reliability.md: ten times the samples, more faults; an hour and a half
	@RBM_LONG=1 RBM_PROFILE=fast RBM_OFFLINE=1 RBM_HEADLESS=1 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
	  $(PY) -m pytest tests -m "long or grows" --durations 20

test-nbgrader:  ## nbgrader's points against ours, in an environment of its own; a quarter of an hour
	$(PYTHON) -m venv build/nbgrader-venv
	$(call torch,build/nbgrader-venv/bin/python,install)
	build/nbgrader-venv/bin/python $(PIP) --quiet install -e '.[notebooks,dev]' \
	  -r tests/nbgrader.txt -c constraints.txt $(TORCH)
	RBM_OFFLINE=1 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} build/nbgrader-venv/bin/python -m pytest tests/course/test_nbgrader.py

test-browser:  ## lessons in JupyterLab, slides, paper and the playground, in Chromium, with an environment of its own; five minutes
	$(PYTHON) -m venv build/browser-venv
	$(call torch,build/browser-venv/bin/python,install)
	build/browser-venv/bin/python $(PIP) --quiet install -e '.[notebooks,dev]' \
	  -r tests/browser/requirements.txt -c constraints.txt $(TORCH)
	build/browser-venv/bin/python $(FETCH_SLIDES)
	RBM_OFFLINE=1 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} build/browser-venv/bin/python -m pytest tests/browser/test_lab.py tests/browser/test_slides.py tests/browser/test_pdf.py tests/browser/test_playground.py -rs

test-site: site  ## make site, then every page of it and the playground in Chromium; three minutes
	$(SITE_PY) $(PIP) --quiet install 'pytest>=8' -r tests/browser/requirements.txt
	$(SITE_PY) -m pytest --confcutdir=tests/browser tests/browser/test_site.py tests/browser/test_playground.py -rs

test-wheel: setup  ## build the wheel, install it into a new environment, and copy the course from it; two minutes
	rm -rf build/wheel && mkdir -p build/wheel
	$(PY) $(PIP) --quiet wheel --no-deps --wheel-dir build/wheel . && rm -rf build/lib build/bdist*
	$(PYTHON) -m venv build/wheel/venv
	$(call torch,build/wheel/venv/bin/python,install)
	build/wheel/venv/bin/python $(PIP) --quiet install build/wheel/*.whl -c $(CONSTRAINTS)
	cd build/wheel && venv/bin/rbm-lib --version && venv/bin/rbm-lib course lessons && ls lessons
	cd build/wheel && venv/bin/python -c "import rbm_lib; print(rbm_lib.RBM(3, 2), rbm_lib.Recommender())"

ifeq ($(MAKECMDGOALS)$(strip $(FILE)),score)
$(error Name a notebook or a folder of them: make score FILE=...)
endif
score: setup  ## points of submissions, FILE=folder, to build/scores.csv; with ROSTER=class.csv also grades of a class
	@$(PY) -m rbm_lib.course score "$(FILE)" $(if $(strip $(ROSTER)),--roster "$(ROSTER)")

notebooks: setup  ## rebuild the committed notebooks from notebooks/src (full profile), and the student copies
	@$(PY) -m rbm_lib.course build

student: setup  ## make the unsolved copies in notebooks/student
	@$(PY) -m rbm_lib.course student

# The packages hold the scripts that the slides load; nothing of them is imported.
SLIDES := build/slides-packages
FETCH_SLIDES := $(PIP) --quiet install --no-deps --upgrade --target $(SLIDES) -r docs/slides.txt

slides: setup $(SLIDES)/.installed  ## slides for each lesson from its committed notebook, in build/slides
	@$(PY) -m rbm_lib.course slides

$(SLIDES)/.installed: docs/slides.txt
	$(PY) $(FETCH_SLIDES)
	@touch $@

pdf: setup $(SLIDES)/.installed  ## each lesson on paper, solved and unsolved, in build/pdf; with a Chromium of this machine
	@$(PY) docs/pdf.py

quiz: setup  ## ten questions a lesson for Moodle, Canvas and paper, and a test on 00 to 02, in build/quiz
	@$(PY) -m rbm_lib.course quiz

site: build/site-venv/.installed  ## lessons, guide and reference as web pages in build/site, to be read without a network
	rm -rf build/site
	$(SITE_PY) -m sphinx -q -W --keep-going -E -c docs -d build/site-doctrees . build/site
	@echo "Open build/site/index.html in a browser."

build/site-venv/.installed: docs/requirements.txt
	$(PYTHON) -m venv build/site-venv
	$(SITE_PY) $(PIP) --quiet install -r docs/requirements.txt
	@touch $@

lint: setup  ## ruff (rules and format) and pyright (types)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright --pythonpath $(PY)

spelling:  ## British spelling of pages, lessons, docstrings and messages; in an environment of its own
	@command -v aspell >/dev/null || { \
	  echo "aspell is missing. On Debian and Ubuntu: sudo apt install aspell aspell-en"; exit 1; }
	$(PYTHON) -m venv build/spelling-venv
	build/spelling-venv/bin/python $(PIP) --quiet install -r docs/spelling.txt
	build/spelling-venv/bin/pyspelling -c docs/spelling.yml

links: build/site-venv/.installed  ## ask for every link to the web (the tests check those inside the repository)
	$(SITE_PY) -m sphinx -q -E -b linkcheck -c docs -d build/links-doctrees . build/links

mutants: setup  ## change one operator or number of the core at a time: does a test fail? an hour
	$(PY) -m tests.tools.mutation

faults: setup  ## replace one function by a wrong one at a time, and show which test notices
	$(PY) -m tests.tools.faults

# PyTorch is there already on such a machine, so nothing is installed.
gpu:  ## on a machine with CUDA and PyTorch: the tests on the card, and what it is worth; eight minutes
	$(PYTHON) -m pytest -q tests/models tests/likelihood tests/training tests/recommend -k cuda -p no:cacheprovider
	$(PYTHON) -m benchmarks.gpu

bench: setup  ## what an update costs, beside bare matrix products and other libraries; twenty minutes
	$(PY) -m benchmarks.speed

bench-peers:  ## install learnergy and rbms for make bench, into an environment of their own
	$(PYTHON) -m venv build/peers-venv
	$(call torch,build/peers-venv/bin/python,install)
	build/peers-venv/bin/python $(PIP) --quiet install -r benchmarks/peers.txt $(TORCH)

bench-recommenders: setup  ## baselines beside implicit and LensKit, installed into an environment of their own
	$(PYTHON) -m venv build/recommenders-venv
	$(call torch,build/recommenders-venv/bin/python,install)
	build/recommenders-venv/bin/python $(PIP) --quiet install implicit==0.7.3 lenskit==2025.8.1
	$(PY) -m benchmarks.peers

bundle: setup  ## the last commit and all packages in build/rbm-course.tar.gz, for machines without a network
	rm -rf $(BUNDLE) && mkdir -p $(BUNDLE)
	git archive HEAD | tar -x -C $(BUNDLE)
	$(call torch,$(PY),wheel --wheel-dir $(BUNDLE)/wheels)
	$(PY) $(PIP) --quiet wheel --wheel-dir $(BUNDLE)/wheels '.[notebooks,dev]' 'setuptools>=77' \
	  -c constraints.txt --find-links $(BUNDLE)/wheels $(INDEX)
	tar -czf build/rbm-course.tar.gz -C $(dir $(BUNDLE)) $(notdir $(BUNDLE))

clean:  ## remove .venv, build/ and caches; notebooks and data stay
	rm -rf $(VENV) build .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
