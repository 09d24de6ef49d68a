# dermstack. `make` alone prints this help; every target sets its environment up first.
#
#   make <stage> [RECIPE=name or path] [DATA=folder] [RUN=folder] [SET="a.b=1 c.d=2"] [FRESH=1] [JOBS=n] [ENGINE=ray ADDRESS=host:port]

STAGES  := plan sample verify eda folds pretrain train-cnn embed ablate label-efficiency suite distill compare features stack hospitals tune submission bundle predict audit score leaderboard export report
TARGETS := help setup $(STAGES) test test-slow test-all bench faults fuzz gpu-proof lint format check sbom vulnerabilities lock clean

# The words that may be typed: those of every stage, those of one target alone.
WORDS           := RECIPE DATA RUN SET FRESH DEVICE DETERMINISTIC JOBS ENGINE ADDRESS SEED
WORDS_pretrain  := FOLD DEVICES NODES
WORDS_train-cnn := FOLD DEVICES NODES
WORDS_distill   := TRIALS STORAGE
WORDS_tune      := TRIALS STORAGE
WORDS_predict   := IMAGES OUT
WORDS_report    := OUT
WORDS_score     := SOLUTION SUBMISSION
WORDS_leaderboard := RUNS SUBMISSIONS SOLUTION REFERENCE
WORDS_test      := JOBS
WORDS_test-slow := JOBS
WORDS_test-all  := JOBS
WORDS_check     := JOBS
WORDS_faults    := SECONDS JOBS
WORDS_fuzz      := SECONDS
ALL_WORDS       := $(WORDS) $(foreach target,$(TARGETS),$(WORDS_$(target)))

# Only what is typed after `make` counts: a DATA or SEED left in the shell must not steer a run.
$(foreach word,$(ALL_WORDS),$(if $(filter environment,$(origin $(word))),$(eval override $(word) :=)))

VENV   ?= .venv
FITS    = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p $(FITS) && echo $$p && break; done)

PY    := $(VENV)/bin/python
# The environment is keyed by what the lock says, not by file times: clones may share one VENV.
KEY   := $(shell cksum requirements.lock | tr -cs '0-9a-zA-Z\n' '-' | cut -d- -f1,2)
STAMP := $(VENV)/.dermstack-$(KEY)

# A word that nothing uses is refused before anything is done: `recipe=` would run the sample.
GOALS   := $(or $(MAKECMDGOALS),help)
TYPED   := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
USED    := VENV PYTHON $(foreach goal,$(GOALS),$(if $(filter $(goal),$(STAGES)),$(WORDS)) $(WORDS_$(goal)))
NEAREST  = $(if $(PYTHON),$(shell $(PYTHON) scripts/nearest.py '$(1)' $(2)))
$(foreach goal,$(filter-out $(TARGETS) $(STAMP),$(GOALS)),\
  $(error There is no target '$(goal)'$(call NEAREST,$(goal),$(TARGETS))))
$(foreach word,$(filter-out $(USED),$(TYPED)),\
  $(error Nothing that is asked for uses $(word)=$(call NEAREST,$(word),$(ALL_WORDS) VENV PYTHON)))

# By environment, so that quotes in SET reach Python as they were typed.
export SETTINGS := $(value SET)
export SOLUTION_FILE := $(value SOLUTION)
export SUBMISSION_FILE := $(value SUBMISSION)
export SUBMISSION_FILES := $(value SUBMISSIONS)
export RUN_FOLDERS := $(value RUNS)
export IMAGES_FOLDER := $(value IMAGES)
export STUDIES_ADDRESS := $(value STORAGE)

# Whether a word that is a switch is on: FRESH=1, but not FRESH=0.
ON = $(filter-out 0 no No NO false False FALSE,$(1))

OPTIONS  = $(if $(RECIPE),--recipe '$(RECIPE)') $(if $(DATA),--data '$(DATA)') $(if $(RUN),--run '$(RUN)') \
           $(if $(OUT),--out '$(OUT)') \
           $(if $(SET),--set "$$SETTINGS") $(if $(call ON,$(FRESH)),--fresh) \
           $(if $(DEVICE),--device '$(DEVICE)') $(if $(SEED),--seed '$(SEED)') \
           $(if $(call ON,$(DETERMINISTIC)),--deterministic) $(if $(JOBS),--jobs '$(JOBS)') \
           $(if $(ENGINE),--engine '$(ENGINE)') $(if $(ADDRESS),--address '$(ADDRESS)')

# Which trainings, and by how many processes each, on how many machines.
SHARED   = $(if $(FOLD),--fold '$(FOLD)') $(if $(DEVICES),--devices '$(DEVICES)') \
           $(if $(NODES),--nodes '$(NODES)')

# A test process for each of JOBS cores, and each on one thread: more would wait for one another.
TESTS    = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(PY) -m pytest -n $(or $(JOBS),2) \
           --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: $(TARGETS)

help: ## print this help
	@sed -n '3s/^# *//p' Makefile
	@echo
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  recipes: $(sort $(basename $(notdir $(wildcard recipes/*.toml))))"

setup: $(STAMP) ## make the environment VENV (.venv) from the lock, once

$(STAMP):
	@$(or $(PYTHON),false) $(FITS) || \
	  { echo 'setup: Python 3.11 to 3.13 is needed$(if $(PYTHON), and $(PYTHON) is none); name one with PYTHON=.' >&2; exit 2; }
	@echo 'setup: installing requirements.lock into $(VENV) (about 6 GB, once)'
	@$(PYTHON) -m venv '$(VENV)'
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@rm -f '$(VENV)'/.dermstack-*
	@touch '$@'

plan: setup ## what a run would do and what is done: every task, why, how long; does nothing
	@$(PY) -m scripts.plan $(OPTIONS)

sample: setup ## draw the synthetic competition (data/sample), labelled as such
	@$(PY) -m scripts.sample $(OPTIONS)

verify: setup ## check tables and images, find duplicates; names every problem in one pass
	@$(PY) -m scripts.verify $(OPTIONS)

eda: setup ## what the data say before any model, as one HTML page; labels of a held-out side unseen
	@$(PY) -m scripts.eda $(OPTIONS)

folds: setup ## decide once who is held out, grouped by patient; runs verify first
	@$(PY) -m scripts.folds $(OPTIONS)

pretrain: setup ## networks that learn without labels, for others to begin with (FOLD=k: on one fold)
	@$(PY) -m scripts.pretrain $(OPTIONS) $(SHARED)

train-cnn: setup ## the two-stage network on every fold (FOLD=k: on one); goes on where it was stopped
	@$(PY) -m scripts.train_cnn $(OPTIONS) $(SHARED)

embed: setup ## every picture as each fold's network sees it, in one space, for the stack
	@$(PY) -m scripts.embed $(OPTIONS)

ablate: setup ## what each part of the network brings: trained without it or with another, paired
	@$(PY) -m scripts.ablate $(OPTIONS)

label-efficiency: setup ## how scores grow with labels, from several beginnings; paired, as curves
	@$(PY) -m scripts.label_efficiency $(OPTIONS)

suite: setup ## many networks that differ by one change each, on one page (recipe dermamnist)
	@$(PY) -m scripts.suite $(OPTIONS)

distill: setup ## a teacher, students alone and taught, on a holdout (TRIALS=n: a study of one of them)
	@$(PY) -m scripts.distill $(OPTIONS) $(if $(TRIALS),--trials '$(TRIALS)')

compare: setup ## ways to stack what networks see (raw, mapped, frozen, ...), paired
	@$(PY) -m scripts.compare $(OPTIONS)

features: setup ## the tabular columns of every row, one function for train and test
	@$(PY) -m scripts.features $(OPTIONS)

stack: setup ## boosters over the frozen folds, beside baselines; runs what it needs first
	@$(PY) -m scripts.stack $(OPTIONS)

hospitals: setup ## what leaving a hospital out costs: the same recipe on such folds, paired
	@$(PY) -m scripts.hospitals $(OPTIONS)

tune: setup ## search better values for the boosters (TRIALS=n STORAGE=address); goes on where it stopped
	@$(PY) -m scripts.tune $(OPTIONS) $(if $(TRIALS),--trials '$(TRIALS)')

audit: setup ## look for leaks: noise labels, changed held-out rows, planted copies
	@$(PY) -m scripts.audit $(OPTIONS)

submission: setup ## the test scores as the CSV to hand in, checked before it appears
	@$(PY) -m scripts.submission $(OPTIONS)

bundle: setup ## the run as a folder that answers by itself: offline notebook, a hospital
	@$(PY) -m scripts.bundle $(OPTIONS)

predict: setup ## score new data (DATA=folder), or pictures (IMAGES=folder), with a finished run
	@$(PY) -m scripts.$(if $(IMAGES),predict_images,predict) $(OPTIONS) \
	  $(if $(IMAGES),--images "$$IMAGES_FOLDER")

score: setup ## what SUBMISSION=b.csv is worth against SOLUTION=a.csv, with intervals
	@$(PY) -m scripts.score $(OPTIONS) $(if $(SOLUTION),--solution "$$SOLUTION_FILE") \
	  $(if $(SUBMISSION),--submission "$$SUBMISSION_FILE")

leaderboard: setup ## finished RUNS="a b" side by side, or SUBMISSIONS="a.csv b.csv" of one SOLUTION=
	@$(PY) -m scripts.leaderboard $(OPTIONS) $(if $(RUNS),--runs "$$RUN_FOLDERS") \
	  $(if $(SUBMISSIONS),--submissions "$$SUBMISSION_FILES") \
	  $(if $(SOLUTION),--solution "$$SOLUTION_FILE") $(if $(REFERENCE),--reference '$(REFERENCE)')

export: setup ## a network as a bundle that others can ask, and as one HTML page that runs it
	@$(PY) -m scripts.export $(OPTIONS)

report: setup ## the run as one HTML page that needs nothing else, what it lacks too; its model card
	@$(PY) -m scripts.report $(OPTIONS)

test: setup ## run the tests (under 10 minutes on two cores)
	@$(TESTS)

test-slow: setup ## run the longer proofs, whole: full-size table, thirty kills, SLURM's jobs
	@$(TESTS) -m 'slow or whole'

test-all: setup ## what CI runs, in one call: the tests, and of the longer proofs a share
	@$(TESTS) -m 'not whole'

bench: setup ## measure speed, both sides in one run; JSON and pages in docs/benchmarks
	@$(PY) -m tests.bench

faults: setup ## make every fault: kills of each stage, damage, full disks, ...; a page in docs/benchmarks
	@$(PY) -m tests.faults $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(JOBS),--jobs '$(JOBS)')

fuzz: setup ## damaged files of strangers, SECONDS= (30) of each format; none may end in a traceback
	@$(PY) -m tests.faults.fuzz $(if $(SECONDS),--seconds '$(SECONDS)')

gpu-proof: setup ## what only a GPU can show: pace, waiting, MFU and memory, beside timm's own loop
	@$(PY) -m tests.bench.gpu_proof

lint: setup ## ruff, mypy --strict, import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy --num-workers 2
	@$(VENV)/bin/lint-imports

format: setup ## let ruff format and mend what it can
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

check: lint test ## what must hold before a commit

sbom: setup ## list every installed package with its licence (CycloneDX, runs/sbom.json); refuses some
	@mkdir -p runs
	@$(VENV)/bin/cyclonedx-py environment $(VENV) --output-file runs/sbom.json
	@$(PY) -m tests.supply.licences runs/sbom.json

vulnerabilities: setup ## hold the lock against the public advisories; exit 3 where none is reached
	@$(PY) -m tests.supply.vulnerabilities

lock: ## resolve requirements.lock anew (needs uv on the PATH)
	uv pip compile pyproject.toml --extra dev --extra boosters --extra cluster --extra postgres --universal --python-version 3.11 --generate-hashes \
	  --strip-extras --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

clean: ## delete caches; keeps data, runs and the environment
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
