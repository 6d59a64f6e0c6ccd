# Two commands are enough: `make demo` shows what the agent does, `make test` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' ipad/__init__.py)

.PHONY: demo test suite lab lab-suite sweep matrix lives fuzz fleet soak lint bench bench-bytes man dist wheel deb try-deb install-system clean

demo: $(VENV)/.demo
	$(BIN)/ipad-hil demo

# One more than there are processors: many tests wait for a process or a port.
WORKERS ?= $(shell expr $$(nproc) + 1)
test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS)

# The conformance suite on the virtual rig; `--target board.yaml` in its place tries a board. The report is in build/suite.
suite: $(VENV)/.test
	$(BIN)/python -m pytest --pyargs hil.suite --target virtual -n auto --report build/suite

# The same suite through labgrid, which brings its own `serial`: an environment of its own. The agent is that of the main one.
LAB := .venv-lab
lab: $(VENV)/.test $(LAB)/.lab
	IPAD_LAB_AGENT=$(abspath $(BIN)/ipad) $(LAB)/bin/python -m pytest tests/lab

# All chapters through a coordinator and an exporter, a rig being the board: half an hour, see docs/lab.md.
lab-suite: $(VENV)/.test $(LAB)/.lab
	IPAD_LAB_CHAPTERS=all IPAD_LAB_AGENT=$(abspath $(BIN)/ipad) $(LAB)/bin/python -m pytest -s tests/lab/test_chapters.py

# The agent is killed at every point of the main scenarios: hours of work in some minutes a scenario, see docs/sweep.md.
sweep: $(VENV)/.test
	$(BIN)/ipad-hil sweep --jobs 8 --write

# Every fault of the catalogue at every step of the main scenarios, see docs/fault-matrix.md.
matrix: $(VENV)/.test
	rm -rf build/matrix
	IPAD_MATRIX=all $(BIN)/python -m pytest -n auto --timeout 0 tests/e2e/sweep/test_matrix.py -k every_step; \
	  status=$$?; $(BIN)/python -m tests.e2e.sweep.table build/matrix docs/fault-matrix.md; exit $$status

# The promise "never stranded" at length, with other lives each time: `make lives EXAMPLES=2000`, and again with SEED=...
EXAMPLES ?= 500
SEED ?= $(shell date +%s)
lives: $(VENV)/.test
	@echo "EXAMPLES=$(EXAMPLES) SEED=$(SEED)"
	IPAD_POLICY_EXAMPLES=$(EXAMPLES) IPAD_STRANDED_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n 2 --timeout 0 \
	  --hypothesis-seed=$(SEED) tests/ipad/policy/test_never_stranded.py tests/e2e/property

# Every decoder of the agent, guided by coverage, so many seconds each.
SECONDS ?= 30
fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tools.fuzz --seconds $(SECONDS)

# A thousand devices, and months of one: some minutes each.
fleet: $(VENV)/.test
	$(BIN)/ipad-hil fleet 1000 --report build/fleet.html

soak: $(VENV)/.test
	IPAD_SOAK_POLLS=10000 $(BIN)/python -m pytest -s --timeout 0 tests/e2e/soak

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tools.manual --check

# Every measurement, into docs/; some minutes, most of them waiting for a slow radio.
bench: $(VENV)/.test
	$(BIN)/python benchmarks/all.py --write --long

# Bytes on every transport, into docs/transport-bytes.md: some minutes, most of them waiting for a slow radio.
bench-bytes: $(VENV)/.test
	$(BIN)/ipad-hil bench bytes --write

# Manual pages and completion: both are kept in the repository, `make lint` fails when they are out of date.
man: $(VENV)/.test
	$(BIN)/python -m tools.manual

# The source archive, and a wheel that is built from it and must have everything that the agent needs.
dist: $(VENV)/.dist
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m tools.archives dist

wheel: dist

# The Debian package, from the source archive, in a folder of its own: dpkg-buildpackage writes beside its sources.
deb: dist
	rm -rf build/deb && mkdir -p build/deb
	tar -C build/deb -xzf dist/ipad-$(VERSION).tar.gz
	cd build/deb/ipad-$(VERSION) && dpkg-buildpackage --build=binary --no-sign
	cp build/deb/*.deb dist/
	if command -v lintian >/dev/null; then lintian --fail-on error --tag-display-limit 0 dist/*.deb; fi

# Root only: boots a Debian 12 in a container and installs, runs, upgrades, removes and purges the package there.
try-deb: deb
	PYTHON=$(BIN)/python tools/trial/debian.sh dist/ipad_$(VERSION)_all.deb dist/ipad-$(VERSION)-py3-none-any.whl build/trial

# What belongs to the system and not to Python, for packages: units, users, udev rules. A kind of file is told by its name.
prefix ?= /usr
unitdir ?= $(prefix)/lib/systemd/system
udevdir ?= $(prefix)/lib/udev/rules.d
INSTALL_DATA := install -D -m 644 -t

install-system:
	$(INSTALL_DATA) $(DESTDIR)$(unitdir) $(foreach kind,service socket target path timer,$(wildcard systemd/*.$(kind)))
	$(if $(wildcard systemd/*.rules),$(INSTALL_DATA) $(DESTDIR)$(udevdir) $(wildcard systemd/*.rules))
	$(foreach kind,sysusers tmpfiles modules-load,$(if $(wildcard systemd/$(kind).d/*.conf),\
	  $(INSTALL_DATA) $(DESTDIR)$(prefix)/lib/$(kind).d $(wildcard systemd/$(kind).d/*.conf) &&)) true

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(PIP) -e '.[hil]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.fuzz: pyproject.toml | $(BIN)/python
	$(PIP) -e '.[test,fuzz]'
	@touch $@

$(LAB)/.lab: hil/lab/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(LAB)
	$(LAB)/bin/python -m pip install --quiet --disable-pip-version-check -r hil/lab/requirements.txt
	$(LAB)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.lint: pyproject.toml | $(BIN)/python
	$(PIP) -e '.[test,lint]'
	@touch $@

$(VENV)/.dist: pyproject.toml | $(BIN)/python
	$(PIP) build
	@touch $@

clean:
	rm -rf $(VENV) $(LAB) build dist .mypy_cache .ruff_cache .hypothesis
