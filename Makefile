# 政策库的常用命令。第一次运行会自己装好需要的东西，以后就很快。
#   make serve            核查、建索引、生成网站，打开 http://127.0.0.1:8000（换端口：make serve PORT=9000）
#   make test             装好测试要用的东西，跑全部检查和测试
#   make bench            跑性能测量，和别的引擎比（SIZES="1000 10000" ARTICLES=条文 QUESTIONS=问题 OUT=build/bench）
#   make words            按条目的标题、俗称更新分词用的行业词
#   make hints            按字段更新 VS Code 里的提示（.vscode/policies.code-snippets）
#   make lock             按 pyproject.toml 更新锁定的版本
#   make vendor           从 npm 重新取表单编辑用的 Decap CMS，核对摘要

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := .venv/bin
BENCH := .venv-bench/bin
SIZES ?= 1000 10000 57771 147283
OUT ?= build/bench
export NO_MKDOCS_2_WARNING := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: serve test check lint types tests bench words hints lock vendor clean

serve: .venv/.serve
	@$(BIN)/policykb serve --host $(HOST) --port $(PORT)

test: lint types check tests

check: .venv/.test
	$(BIN)/policykb check $(if $(REVIEWED_SINCE),--require-review --since $(REVIEWED_SINCE))

lint: .venv/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/.test
	$(BIN)/mypy

tests: .venv/.test
	$(BIN)/python tests/prepare.py
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

bench: .venv-bench/.bench .venv/.test
	$(BENCH)/python benchmarks/run.py --sizes $(SIZES) --out $(OUT) \
		$(if $(ARTICLES),--articles $(ARTICLES)) $(if $(QUESTIONS),--questions $(QUESTIONS))
	$(BENCH)/python benchmarks/loading.py
	$(BIN)/python benchmarks/website.py
	$(BIN)/python benchmarks/matching.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "需要 Python 3.11 或更新的版本；用 make PYTHON=/路径/python3.12 指明。"; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "建不了虚拟环境；Debian、Ubuntu 请先装 python3-venv。"; exit 1; }

.venv/.serve: requirements.lock pyproject.toml | .venv/bin/python
	@echo "正在安装需要的包（第一次大约一分钟）……"
	@$(BIN)/pip install -qq --require-hashes --requirement requirements.lock
	@$(BIN)/pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: requirements-test.lock .venv/.serve
	@echo "正在安装测试要用的包……"
	@$(BIN)/pip install -qq --require-hashes --requirement requirements-test.lock
	@touch $@

# 别的引擎只在这里装，不进 .venv。
.venv-bench/.bench: requirements-bench.lock pyproject.toml | .venv/bin/python
	@echo "正在安装测量要用的包……"
	@.venv/bin/python -m venv .venv-bench
	@$(BENCH)/pip install -qq --require-hashes --requirement requirements-bench.lock
	@$(BENCH)/pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

words: .venv/.serve
	@mkdir -p build
	$(BIN)/python -m indexer.words > build/words.txt && mv build/words.txt indexer/lexicon/words.txt

hints: .venv/.serve
	$(BIN)/python -m indexer.hints > .vscode/policies.code-snippets

lock: .venv/.test
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile $(LOCK) --extra build -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --all-extras -c requirements.lock -o requirements-test.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --extra build --extra fast --group bench -c requirements-test.lock \
		-o requirements-bench.lock pyproject.toml

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

DECAP := 3.16.3
DECAP_INTEGRITY := sha512-hf+dPlCh7TJmWl8+6VRzHYOWhri5xgUknrZbDewaWe4s9B7xJ8PQugp2QHeSldMUKzav6+z0oIpwUYhUJDYtYw==
DIGEST := import base64, hashlib, pathlib, sys; \
	print("sha512-" + base64.b64encode(hashlib.sha512(pathlib.Path(sys.argv[1]).read_bytes()).digest()).decode())

vendor: .venv/bin/python
	@mkdir -p build/vendor
	@cd build/vendor && npm pack --silent decap-cms@$(DECAP)
	@seen=$$($(BIN)/python -c '$(DIGEST)' build/vendor/decap-cms-$(DECAP).tgz); echo "包：$$seen"; \
		test "$$seen" = "$(DECAP_INTEGRITY)" || { echo "和 DECAP_INTEGRITY 不一样，没有更新。"; exit 1; }
	@tar -xzf build/vendor/decap-cms-$(DECAP).tgz -C build/vendor
	@cp build/vendor/package/dist/decap-cms.js build/vendor/package/dist/decap-cms.js.LICENSE.txt indexer/editor/
	@echo "文件：$$($(BIN)/python -c '$(DIGEST)' indexer/editor/decap-cms.js)"

clean:
	rm -rf build .venv .venv-bench
