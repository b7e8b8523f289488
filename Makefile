# SPDX-License-Identifier: GPL-3.0-or-later
# `make check` runs every test, `make demo` shows a replacement. Both set up what they need, outside the tree.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/cloudpods-ha
HASH := sha256sum | cut -c1-12
# The environment is named after what is in it, the tree after where the checkout is.
VENV := $(CACHE)/venv-$(shell { cat tests/requirements.txt tests/constraints.txt; $(PYTHON) -V; } | $(HASH))
TREE := $(CACHE)/tree-$(shell pwd -P | $(HASH))
SCENARIOS := kubeadm k3s
# What a scenario needs besides the environment of the checks: the bed, whose packages are installed, or programs that have to be there.
BED_SCENARIOS := kubeadm k3s kubeadm-refusals k3s-refusals kubeadm-in-a-row k3s-in-a-row kubeadm-disturbed ocboot
# What `make e2e-all` runs, and every scenario there is.
ALL_SCENARIOS := $(BED_SCENARIOS) kind
KNOWN_SCENARIOS := $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml))
COMMA := ,
SPACE := $(subst ,, )
BED_STATE := $(or $(CLOUDPODS_HA_BED_STATE),/var/lib/cloudpods-ha-bed)
PROGRAMS_k3d := docker k3d
# Another ansible-core than that of the checks for the scenarios, as 2.16; make cores makes its environment.
CORE :=
WITH_CORE = $(if $(CORE),PATH=$(CACHE)/core-$(CORE)/bin:$$PATH ANSIBLE_COLLECTIONS_PATH=$(TREE):$(CACHE)/core-$(CORE)/collections)
# kind gets its programs, and a Docker when there is none, by a program that runs molecule. It is told when make is killed.
WITH_kind := setpriv --pdeathsig TERM tests/kind/with-kind

export PATH := $(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(TREE)
export ANSIBLE_HOME := $(CACHE)/ansible
export ANSIBLE_PIPELINING := true
export PYTHONDONTWRITEBYTECODE := 1
export RUFF_CACHE_DIR := $(CACHE)/ruff
export MYPY_CACHE_DIR := $(CACHE)/mypy
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: check
# The report is looked at in a browser.
check: PACKAGES := chromium:chromium
check: setup $(if $(filter $(BED_SCENARIOS),$(SCENARIOS)),bed-packages) ## all tests: lint, sanity, unit, playbooks, and beside them a whole replacement for each provider
	@# Replacements wait more than they compute, so they run beside each other, each on its own bed, and the rest beside them at lower CPU priority.
	@python tests/tools/check.py $(CACHE) lint,sanity,unit,playbooks \
		$(foreach scenario,$(SCENARIOS),e2e-$(scenario):CLOUDPODS_HA_BED_STATE=$(BED_STATE)$(if $(filter-out $(firstword $(SCENARIOS)),$(scenario)),-$(scenario))) \
		$(foreach scenario,$(filter-out $(SCENARIOS),$(ALL_SCENARIOS)),--not-run "e2e-$(scenario)=make e2e-all runs it")

.PHONY: demo
demo: setup bed-packages ## replace a killed master on the test bed and show the report; the bed stays up
	tests/bed/demo

.PHONY: pictures
pictures: setup ## make the pictures in the README, of the report and of the recorded console, with Chromium
	PYTHONPATH=$(TREE) python tests/tools/pictures.py chromium

.PHONY: recording
recording: setup bed-packages ## record the demo for asciinema, into docs/demo.cast
	python tests/tools/record.py docs/demo.cast tests/bed/demo

.PHONY: lint
lint: lint-python lint-types lint-layers lint-hosts lint-yaml lint-ansible lint-docs ## all that only reads files; -k continues after a failure

.PHONY: lint-python
lint-python: setup
	ruff check --output-format concise .
	ruff format --check --quiet . || { echo "Some files are not formatted; run: make format"; exit 1; }

.PHONY: lint-types
lint-types: setup
	@# ansible-core has types but no marker that says so: mypy reads them when they do not look installed.
	@mkdir -p $(TREE)-types && ln -sfn $(VENV)/lib/python3.*/site-packages/ansible $(TREE)-types/ansible
	MYPYPATH=$(TREE):$(TREE)-types mypy --config-file .mypy.ini -p ansible_collections.cloudpods.ha.plugins

.PHONY: lint-layers
lint-layers: setup
	PYTHONPATH=$(TREE) lint-imports --no-logo --no-cache --config .importlinter

.PHONY: lint-hosts
lint-hosts: setup ## what runs on hosts, modules and all they import, keeps to Python 3.6
	vermin --quiet --no-tips --eval-annotations --violations --target=3.6- $$(python tests/tools/host_code.py)

.PHONY: lint-yaml
lint-yaml: setup
	yamllint --strict .

.PHONY: lint-ansible
lint-ansible: setup
	ansible-lint --offline

.PHONY: lint-docs
lint-docs: setup
	antsibull-changelog lint
	@# It writes a log into the home folder.
	python tests/tools/role_readmes.py --check
	HOME=$(CACHE) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=dependent .

.PHONY: format
format: setup ## fix the form of the Python files
	ruff check --fix-only .
	ruff format .

.PHONY: readmes
readmes: setup ## write the tables of variables in the roles' READMEs from their argument specifications
	python tests/tools/role_readmes.py

.PHONY: changelog
changelog: setup ## write CHANGELOG.rst as the next release will have it, from the fragments
	tests/tools/changelog $(TREE)-changelog

.PHONY: unit
unit: setup ## unit tests; ARGS="-k name" picks some
	PYTHONPATH=$(TREE) pytest -p no:cacheprovider -rs --import-mode=importlib --strict-markers $(ARGS) tests/unit

.PHONY: playbooks
playbooks: setup ## the real playbooks against a served stand-in of the API; every command line: CLOUDPODS_HA_EVERY_COMMAND_LINE=1
	PYTHONPATH=$(TREE) pytest -n 3 --dist loadgroup -p no:cacheprovider --import-mode=importlib --strict-markers $(ARGS) tests/playbooks

.PHONY: torture
torture: setup ## every case that disturbs a replacement, for hours; goes on where it was; ARGS="--rows kills --sample 5", ARGS=--help
	PYTHONPATH=$(TREE) python -m ansible_collections.cloudpods.ha.tests.playbooks.torture $(ARGS)

.PHONY: refusals
refusals: setup ## write docs/refusals.md anew, from the code and from what the unit tests make
	@# The tests of the page fail until it is written.
	-CLOUDPODS_HA_REFUSALS=$(CACHE)/refusals.jsonl PYTHONPATH=$(TREE) pytest -q -p no:cacheprovider --import-mode=importlib tests/unit
	PYTHONPATH=$(TREE) python -m ansible_collections.cloudpods.ha.tests.refusals $(CACHE)/refusals.jsonl

.PHONY: cores
cores: setup ## the playbook tests with each ansible-core, hosts on its oldest Python; CORES="2.16" picks some
	tests/tools/cores $(CACHE) $(TREE) $(VENV) $(CORES)

.PHONY: pythons
pythons: setup ## unit and sanity tests of what runs on hosts, on each Python from 3.6 to 3.13 that is here
	python tests/tools/units_on_pythons.py $(TREE)-pythons $(CACHE)
	CORES_ONLY=1 tests/tools/cores $(CACHE) $(TREE) $(VENV) 2.16
	tests/tools/sanity_pythons $(TREE)-pythons-sanity $(CACHE)

.PHONY: image
image: setup ## the controller's image, from Debian packages and PyPI; needs root, debootstrap and podman
	tests/tools/image $(VENV) localhost/cloudpods-ha

.PHONY: sanity
sanity: setup ## build the tarball and run ansible-test sanity on what is in it
	tests/tools/sanity $(TREE)-sanity $(CACHE)

.PHONY: bench bench-scale bench-replacement
bench: bench-scale bench-replacement ## measure discovery of large clusters, and a replacement on the bed beside one by hand; writes docs/performance.md

bench-scale: setup
	PYTHONPATH=$(TREE) python tests/bench/scale.py docs/performance.md

bench-replacement: setup bed-packages
	PYTHONPATH=$(TREE) python tests/bench/replacement.py docs/performance.md

.PHONY: docs
docs: setup ## build the documentation site from the plugins and roles; any warning fails
	HOME=$(CACHE) tests/tools/docs-site $(TREE)-docs

.PHONY: build
build: setup ## build the tarball that users install; its path is the last line
	@mkdir -p $(TREE)-build && rm -f $(TREE)-build/*.tar.gz
	@ansible-galaxy collection build --output-path $(TREE)-build . >/dev/null
	@ls $(TREE)-build/*.tar.gz

.PHONY: importer
importer: build ## show the tarball to galaxy-importer, as Galaxy does; any warning fails
	tests/tools/importer $(PYTHON) $(TREE)-build/cloudpods-ha-*.tar.gz $(CACHE)

.PHONY: e2e
e2e: $(SCENARIOS:%=e2e-%) ## every molecule scenario of SCENARIOS; MOLECULE_ARGS=--destroy=never keeps its cluster up

.PHONY: e2e-all
e2e-all: setup bed-packages ## every molecule scenario that can run here, one after the other, for hours
	@python tests/tools/check.py $(CACHE) $(subst $(SPACE),$(COMMA),$(ALL_SCENARIOS:%=e2e-%))

.PHONY: $(KNOWN_SCENARIOS:%=e2e-%)
$(BED_SCENARIOS:%=e2e-%): bed-packages
$(KNOWN_SCENARIOS:%=e2e-%): e2e-%: setup
	@for program in $(PROGRAMS_$*); do command -v $$program >/dev/null || { echo "The scenario $* needs $$program."; exit 1; }; done
	@# A side effect whose playbook is not found is no more than a warning to molecule; here it is a failure.
	$(if $(CORE),CORES_ONLY=1 tests/tools/cores $(CACHE) $(TREE) $(VENV) $(CORE))
	$(WITH_CORE) $(WITH_$*) molecule test --no-command-borders --scenario-name $* $(MOLECULE_ARGS) 2>&1 | tee $(CACHE)/molecule-$*.log
	@! grep -F 'Missing playbook' $(CACHE)/molecule-$*.log

.PHONY: e2e-old
e2e-old: ## the scenario kubeadm as on old sites: ansible-core 2.16, hosts on Python 3.6; CLOUDPODS_HA_BED_MINIO=BINARY for a MinIO of 2021
	CLOUDPODS_HA_BED_PYTHON=3.6 $(MAKE) --no-print-directory e2e SCENARIOS=kubeadm CORE=2.16

.PHONY: e2e-down
e2e-down: setup ## take down what --destroy=never kept of SCENARIOS
	$(foreach one,$(SCENARIOS),$(WITH_$(one))$(if $(WITH_$(one)), --down) molecule destroy --no-command-borders --scenario-name $(one);)

.PHONY: bed
bed: setup bed-packages ## bring up the test bed alone
	tests/bed/bed up

.PHONY: bed-packages
bed-packages:
	@tests/tools/bed-packages $(PACKAGES)

.PHONY: shell
shell: setup ## a shell with the environment of the checks
	$${SHELL:-bash} -i

.PHONY: setup
setup: $(VENV)/.ready
	@mkdir -p $(TREE)/ansible_collections/cloudpods
	@ln -sfn "$$(pwd -P)" $(TREE)/ansible_collections/cloudpods/ha

$(VENV)/.ready:
	tests/tools/make-venv $(PYTHON) $(VENV)

.PHONY: clean
clean: ## remove this checkout's environment and tree from the cache
	rm -rf $(VENV) $(VENV).lock $(TREE) $(TREE)-sanity $(TREE)-types $(TREE)-build $(TREE)-docs $(TREE)-changelog \
		$(TREE)-pythons $(TREE)-pythons-sanity $(subst tree-,stand-in-,$(TREE))
