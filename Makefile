# SPDX-License-Identifier: GPL-2.0-only
# People's entry. `make help` lists what there is.

BED := tools/bed/bed
W ?= 1
# The kernel to build for: the bed's, or KDIR=/lib/modules/$(uname -r)/build
KDIR ?= $(shell $(BED) kdir)

VERSION := $(file <VERSION)
# For what carries a date: that of the last commit, or of the release's files
SOURCE_DATE_EPOCH ?= $(shell { [ -e .git ] && git log -1 --format=%ct 2>/dev/null; } || \
	stat -c %Y VERSION)

.DEFAULT_GOAL := all

all: modules tools guests selftests ## build everything

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install what is missing and fetch the bed's kernel
	@$(BED) setup

# Who names a kernel has its headers, and may be on a machine that the bed cannot set up.
modules: $(if $(filter file,$(origin KDIR)),setup) ## kev.ko for the bed's kernel, or for KDIR
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) W=$(W) modules

tools: setup ## libkev and kevctl
	@$(MAKE) --no-print-directory -C tools/libkev
	@$(MAKE) --no-print-directory -C tools/kevctl

guests: setup ## the guests
	@$(MAKE) --no-print-directory -C guests

selftests: modules tools guests ## the selftests
	@$(MAKE) --no-print-directory -C selftests

# The one that `make test` builds the module for, too
NEXT_KERNEL := 6.12-cloud-amd64

demo: modules tools guests ## boot the bed, load kev.ko, run guests/hello
	@selftests/demo.sh

test: ## every test; the last line is "N passed, N failed"
	@$(BED) setup --kernel $(NEXT_KERNEL) --lint
	@selftests/run.sh

test-models: ## the tests on every CPU model
	@$(BED) setup
	@selftests/run.sh --models

KERNELS := amd64 rt-amd64 6.12-cloud-amd64 6.12-rt-amd64
test-kernels: ## a module for every kernel of Debian's, the tests of the bed on RT and 6.12
	@$(BED) setup $(KERNELS:%=--kernel %)
	@selftests/run.sh --kernels

test-rt: ## the tests of the bed on the RT kernel
	@$(BED) setup --kernel rt-amd64
	@selftests/run.sh --rt

debug-kernel: ## the bed's instrumented kernel: KASAN, lockdep and more
	@$(BED) debug-kernel

PROGRAMS ?=
export PROGRAMS
test-debug: debug-kernel ## the tests of the bed on the instrumented kernel; PROGRAMS="uapi/run guest/churn" for some
	@$(BED) setup
	@selftests/run.sh --debug

test-leaks: debug-kernel ## each program once with kmemleak, which is four times slower; PROGRAMS for some
	@$(BED) setup
	@selftests/run.sh --leaks

test-detectors: debug-kernel ## does the instrumented kernel notice errors in a module
	@$(BED) setup
	@selftests/run.sh --detectors

tsan: setup ## ThreadSanitizer on the core's locking, in user space
	@$(MAKE) --no-print-directory -s -C selftests/tsan run

soak: debug-kernel ## 100,000 kicks, 1,000 NMIs and the like
	@$(BED) setup
	@selftests/run.sh --soak

MUTANTS ?=
test-mutants: ## do the tests notice when the code is broken; MUTANTS="NAME 'boot-*'" for some
	@$(BED) setup
	@selftests/mutants/run.sh $(MUTANTS)

BENCH_ARGS ?=
bench: modules selftests ## kev beside KVM; BENCH_ARGS='cpuid kick' for some rows
	@bench/run.py $(BENCH_ARGS)

bench-check: modules selftests ## is kev as fast as bench/baseline.json says
	@bench/run.py --check $(BENCH_ARGS)

bench-baseline: modules selftests ## write bench/baseline.json and the documentation's table anew
	@bench/run.py --baseline $(BENCH_ARGS)

bench-scale: modules selftests ## 1 to 1,000 VMs at once: Documentation/scale.svg
	@bench/run.py --scale

SECONDS ?= 20
fuzz: setup ## libFuzzer on the pure code and kevctl's readers, SECONDS each
	@$(MAKE) --no-print-directory -C selftests/fuzz run SECONDS=$(SECONDS)

KERNEL ?= default
fuzz-ioctl: fuzz-bed ## random calls by several threads in the bed, for SECONDS; KERNEL=debug
	@selftests/fuzzers/run.sh ioctl --seconds $(SECONDS) --kernel $(KERNEL)

fuzz-guest: fuzz-bed ## random guests in the bed, for SECONDS; KERNEL=debug
	@selftests/fuzzers/run.sh guest --seconds $(SECONDS) --kernel $(KERNEL)

fuzz-entry: setup ## the entry check beside the emulated CPU, over random states
	@selftests/fuzzers/entry.sh

fuzz-enough: ## have the fuzzers run here for as long as a release asks for
	@selftests/fuzz/enough.sh

# What they need, for that kernel
fuzz-bed: setup
ifeq ($(KERNEL),debug)
	@$(BED) debug-kernel
	@selftests/copy-tree.sh build/debug
	@$(MAKE) --no-print-directory -C build/debug \
		KDIR=$$($(BED) kdir --kernel debug) modules fuzzers
else
	@$(MAKE) --no-print-directory modules fuzzers
endif

fuzzers:
	@$(MAKE) --no-print-directory -C selftests/fuzzers

docs: setup man ## Documentation as HTML in build/docs, and the manual pages
	@sphinx-build -q -W -b html Documentation build/docs
	@echo "build/docs/index.html"

SPHINXBUILD ?= sphinx-build
man: ## the manual pages in build/man
	@command -v $(SPHINXBUILD) >/dev/null || \
		{ echo "$(SPHINXBUILD) is missing: apt-get install python3-sphinx" >&2; exit 1; }
	@rm -rf build/man
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) \
		$(SPHINXBUILD) -q -W -b man -d build/doctrees-man Documentation/man build/man
	@echo "build/man/man1/kevctl.1"

check: modules ## sparse, checkpatch, shellcheck
	@selftests/check.sh

coverage: setup ## which lines of the pure code the unit tests run
	@$(MAKE) --no-print-directory -C selftests/unit coverage

reached: modules tools guests selftests debug-kernel ## what of the module tests reach: an hour
	@selftests/copy-tree.sh build/debug
	@$(MAKE) --no-print-directory -C build/debug KCFLAGS=-g \
		KDIR=$$($(BED) kdir --kernel debug) modules
	@selftests/reached.sh

lint: modules ## check, and every other static check that there is
	@$(BED) setup --lint
	@selftests/lint/run.sh

# KDIR is another one here: the source of a kernel.
in-tree: ## put kev into the kernel source tree KDIR
	@tools/in-tree/install.sh "$(if $(filter file,$(origin KDIR)),,$(KDIR))"

test-in-tree: tools guests ## kev in a kernel tree: as module, built in, booted; builds a kernel
	@$(BED) setup --also tools/in-tree/packages
	@tools/in-tree/test.sh

IMAGE_CONF ?= tools/image/kev.conf
IMAGE_GUESTS ?= guests/hello
IMAGE_APPEND ?=
image: modules tools guests ## a small bootable system: build/image/kev.iso and kev.img
	@$(BED) setup --also tools/image/packages
	@tools/image/build.py --conf "$(IMAGE_CONF)" $(IMAGE_GUESTS:%=--guest "%") \
		--append "$(IMAGE_APPEND)" build/image

test-image: modules tools guests ## the image: same bytes again, size, boots in the bed
	@$(BED) setup --also tools/image/packages
	@tools/image/test.sh

# Whoever called sudo in a tree of his own builds there himself, lest files of root's are in his way; not
# where there are some already.
AS_OWNER := $(if $(SUDO_UID),$(if $(filter 0:$(SUDO_UID):,$(shell id -u):$(shell stat -c %u .):$(shell \
	find . -xdev -uid 0 -print -quit)),setpriv --reuid=$(SUDO_UID) --regid=$(SUDO_GID) --init-groups))

build-here:
	+$(AS_OWNER) $(MAKE) --no-print-directory -C tools/libkev
	+$(AS_OWNER) $(MAKE) --no-print-directory -C tools/kevctl
	+$(AS_OWNER) $(MAKE) --no-print-directory -C guests

load: build-here ## build for the running kernel and load kev.ko
	+$(AS_OWNER) $(MAKE) -C /lib/modules/$(shell uname -r)/build M=$(CURDIR) modules
	insmod kev.ko
	@# whoever called sudo may run guests until the module is unloaded
	@if [ -n "$$SUDO_GID" ]; then chgrp "$$SUDO_GID" /dev/kev; fi

unload: ## unload kev.ko
	rmmod kev

# For all of the Makefiles below, each in its own directory
override DESTDIR := $(if $(DESTDIR),$(abspath $(DESTDIR)))
PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man

install: build-here ## kevctl, libkev, guests, manual pages, completion, udev rule, unit, group
	$(MAKE) -C tools/libkev install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	$(MAKE) -C tools/kevctl install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	$(MAKE) -C guests install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	@rm -rf build/man
	@+$(AS_OWNER) $(MAKE) --no-print-directory man || echo "going on without manual pages" >&2
	@for page in build/man/man?/*; do \
		[ -e "$$page" ] || continue; \
		install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page || exit 1; \
	done
	$(MAKE) -C tools/system install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)

DKMSDIR = $(DESTDIR)/usr/src/kev-$(file <VERSION)

install-dkms: ## the module's source, for `dkms install kev/VERSION`
	install -d $(DKMSDIR)
	install -m 644 Kbuild VERSION dkms.conf $(DKMSDIR)
	find src include uapi -name '*.[chS]' -exec install -D -m 644 '{}' '$(DKMSDIR)/{}' ';'

deb: ## Debian packages and their source package in build/deb
	@$(BED) setup --also tools/bed/packages-deb
	@tools/deb.sh build/deb

test-deb: ## install, upgrade and remove the packages in a Debian of their own: some minutes
	@$(BED) setup --also tools/bed/packages-deb
	@selftests/packages.sh

TAG ?=
dist: ## the release's tarball in build/dist, of what is committed or of TAG=v1.2.3
	@tools/dist.sh $(TAG)

test-dist: setup ## is the tarball the same twice, and can all be built from it: some minutes
	@selftests/dist.sh

clean: ## remove what was built
	@for d in tools/libkev tools/kevctl guests selftests; do \
		$(MAKE) --no-print-directory -C $$d clean || exit 1; done
	@rm -rf build
	@if [ -d "$(KDIR)" ]; then $(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) clean; fi

.PHONY: all help setup modules tools guests selftests demo test test-models test-kernels test-rt \
	debug-kernel test-debug test-leaks test-detectors tsan soak test-mutants bench \
	bench-check bench-baseline bench-scale fuzz fuzz-ioctl fuzz-guest fuzz-entry fuzz-enough \
	fuzz-bed fuzzers docs man check coverage reached lint in-tree test-in-tree image \
	test-image build-here load unload install install-dkms deb test-deb dist test-dist clean
