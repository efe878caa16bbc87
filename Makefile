# The same commands as `python3 dev.py`, which does the work. `make` alone lists them.
# Arguments: make test ARGS="tests/unit -k backoff". Another Python: make up PYTHON=python3.13

PYTHON ?= python3
ARGS ?=
COMMANDS = help up test lint twins bench ci

.PHONY: $(COMMANDS)
$(COMMANDS):
	@$(PYTHON) dev.py $@ $(ARGS)
