# 烽燧 Fengsui. `make` alone shows the list.
.DEFAULT_GOAL := help
.PHONY: help setup frontend run test drill sim fuzz bench check check-types check-rules openapi lock clean screenshots
SHELL := /bin/sh
PY := .venv/bin/python
# Each target starts a dozen processes: what one has compiled, the next has not to (half of the time that an import takes).
export PYTHONDONTWRITEBYTECODE :=

help: ## 本列表 This list
	@echo "烽燧 Fengsui"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'
	@echo
	@echo "  环境变量 make run reads: PACK= DATA= DSN= PORT=8000 MQTT_PORT=1883 DRILL=flood-night|none SPEED=60"

setup: ## 安装 .venv with everything for work on the code
	@sh deploy/setup.sh dev

frontend: ## 前端包 Install the console's map again (npm, or Node.js from PyPI) after a set-up that could not
	@sh deploy/setup.sh dev
	@$(PY) deploy/frontend.py dev --again

run: ## 运行 The whole system on the sample district, a flood night as an exercise; Ctrl-C stops it
	@sh deploy/setup.sh run
	@exec $(PY) -m services run

test: ## 测试 The whole suite; REQUIRE_REAL=1 makes a missing real part a failure
	@sh deploy/setup.sh dev
	@exec $(PY) -m pytest -n 4 --dist loadgroup -rsfE

drill: ## 实景演练 The flood night on the wall clock, real processes, SQLite then PostgreSQL, with the score sheet: SPEED=60 HOURS=10
	@sh deploy/setup.sh dev
	@exec $(PY) -m tests.drill

sim: ## 仿真 The seeded world with its faults: SEEDS=200 (FIRST=1), or SEED=7 to see one night again
	@sh deploy/setup.sh dev
	@$(PY) -m tests.simulation $(if $(SEED),--seed $(SEED) $(if $(SHORT),--short),--seeds $(or $(SEEDS),200) --first $(or $(FIRST),1))

fuzz: ## 随机 The property tests with new random examples, ten times as many; HYPOTHESIS_PROFILE=nightly for a night
	@sh deploy/setup.sh dev
	@HYPOTHESIS_PROFILE=$(or $(HYPOTHESIS_PROFILE),fuzz) $(PY) -m pytest -n 2 -rsfE tests/property

bench: ## 基准 The dispatch writer's work, district small and large, both databases; the console under the drill (Chromium)
	@sh deploy/setup.sh dev
	@$(PY) -m tests.bench.dispatch
	@$(PY) -m tests.bench.console

check: ## 检查 Lint, types, import rules, drift of lock and schemas; no network
	@sh deploy/setup.sh dev
	@$(MAKE) --no-print-directory -j2 -O check-types check-rules

check-types:
	@.venv/bin/mypy

check-rules:
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@$(PY) deploy/lock.py --check
	@.venv/bin/lint-imports
	@$(PY) -m deploy.openapi --check

screenshots: ## 截图 Write docs/images anew: the console on the flood night (Chromium); SHOTS="overview fuse" takes some
	@sh deploy/setup.sh dev
	@$(PY) -m deploy.screenshots $(SHOTS)

openapi: ## 接口文件 Write docs/openapi anew from the code
	@sh deploy/setup.sh dev
	@$(PY) -m deploy.openapi

lock: ## 锁定依赖 Compile requirements*.txt from pyproject.toml (maintainers; needs uv)
	@sh deploy/setup.sh dev
	@$(PY) deploy/lock.py

clean: ## 清理 Remove .venv and caches; DATA stays
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis
