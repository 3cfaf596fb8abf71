# make demo   builds and plays the demonstration: three replicas, a partition, the merge
# make test   builds and runs every test
# make sweep  lets the simulator hunt for broken promises, for FOR=10m or as long as you ask
# All work on a machine that has nothing but the Swift toolchain; what else is missing is installed.

SWIFT ?= swift
# Arguments for the programs and tests: make test ARGS="--filter Documents"
ARGS ?=

# How long a sweep goes on, such as 90m or 8h.
FOR ?= 10m

.PHONY: help demo test sweep build release lint clean prepare

help:
	@sed -n 's/^# make /make /p' $(MAKEFILE_LIST)
	@echo "make build  builds every program for debugging; make release builds them for use"
	@echo "make lint   checks the layout of the sources; make clean removes what was built"

demo: prepare
	$(SWIFT) build --product notes
	$(SWIFT) run --skip-build notes demo $(ARGS)

test: prepare
	$(SWIFT) test --no-parallel $(ARGS)

sweep: prepare
	$(SWIFT) build -c release --product skerry-sim
	$(SWIFT) run -c release --skip-build skerry-sim sweep --jobs 2 --for $(FOR) --coverage \
	  --keep-failures failures $(ARGS)

build: prepare
	$(SWIFT) build

release: prepare
	$(SWIFT) build -c release

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Demo Simulations Tests

clean:
	rm -rf .build

# Says what it does before it does it, and stops with a sentence when it cannot.
prepare:
	@if ! command -v $(SWIFT) >/dev/null 2>&1; then \
	  echo "Skerry is built with Swift 6.2 or newer, and no 'swift' was found on the PATH." >&2; \
	  echo "Install a toolchain from https://www.swift.org/install and run make again." >&2; \
	  exit 1; \
	fi
	@has() { printf '#include <%s>\n' "$$1" | $${CC:-$$(command -v clang || command -v cc || command -v gcc || echo clang)} -E -x c - >/dev/null 2>&1; }; \
	missing=""; \
	has sqlite3.h || missing="$$missing sqlite"; \
	has sodium.h || missing="$$missing sodium"; \
	has zstd.h || missing="$$missing zstd"; \
	[ -z "$$missing" ] && exit 0; \
	as_root() { if [ "$$(id -u)" = 0 ]; then "$$@"; elif command -v sudo >/dev/null 2>&1; then sudo "$$@"; else \
	  echo "Run this as root, or install sudo: $$*" >&2; return 1; fi; }; \
	if command -v apt-get >/dev/null 2>&1; then \
	  packages=$$(echo "$$missing" | sed 's/sqlite/libsqlite3-dev/; s/sodium/libsodium-dev/; s/zstd/libzstd-dev/'); \
	  echo "Installing$$packages with apt-get, which Skerry links against."; \
	  as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$packages >/dev/null; \
	elif command -v dnf >/dev/null 2>&1; then \
	  packages=$$(echo "$$missing" | sed 's/sqlite/sqlite-devel/; s/sodium/libsodium-devel/; s/zstd/libzstd-devel/'); \
	  echo "Installing$$packages with dnf, which Skerry links against."; \
	  as_root dnf install -y -q $$packages; \
	elif command -v brew >/dev/null 2>&1; then \
	  packages=$$(echo "$$missing" | sed 's/sodium/libsodium/'); \
	  echo "Installing$$packages with brew, which Skerry links against."; \
	  brew install -q $$packages; \
	else \
	  echo "Skerry links against libsqlite3, libsodium and libzstd; missing here:$$missing." >&2; \
	  echo "Install their development packages with your system's package manager and run make again." >&2; \
	  exit 1; \
	fi
