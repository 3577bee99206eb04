# SPDX-License-Identifier: GPL-2.0
# make            the tools, in build/           make V=1 ...  shows the commands
# make install    to $(DESTDIR)$(PREFIX)         make static   single-file binaries, in build/static
# make test       all tests (root)               make unit lint fuzz-short live   parts of it
# make fuzz       long fuzzing                   make bench    the benchmarks    make demo   see it work

CC ?= cc
BPF_CLANG ?= clang
FUZZ_CLANG ?= clang
BPFTOOL ?= $(firstword $(shell command -v bpftool) /usr/sbin/bpftool)
PREFIX ?= /usr/local
B := build

TOOLS := $(notdir $(wildcard tools/*))
ARCH ?= $(shell uname -m)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(ARCH)))
VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)

CFLAGS ?= -O2 -g $(if $(filter x86_64,$(ARCH)),-mtune=skylake)
WARN := -Wall -Wextra -Wno-missing-field-initializers $(if $(CI),-Werror)
BASE := -std=c11 -D_GNU_SOURCE -I$(B) -MMD -MP $(WARN)
BPF_FLAGS := -g -O2 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -I/usr/include/$(ARCH)-linux-gnu \
	     $(WARN) -Wno-unused-parameter
LIBS := -lbpf -lelf -lz
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

BPF_OBJS := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
LIB_SRCS := $(wildcard libcommon/*.c protocols/*.c)
LIB_OBJS := $(LIB_SRCS:%.c=$(B)/%.o)
TOOL_SRCS := $(wildcard tools/*/*.c)
MAINS := $(foreach t,$(TOOLS),tools/$(t)/$(t).c)

# What tests link: everything that needs no kernel.
PURE_SRCS := $(filter-out libcommon/capture.c libcommon/session.c libcommon/preflight.c,$(LIB_SRCS)) \
	     $(filter-out $(MAINS),$(TOOL_SRCS))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
UNIT_HELPERS := $(filter-out $(wildcard tests/unit/test_*.c),$(wildcard tests/unit/*.c))
UNIT_OBJS := $(PURE_SRCS:%.c=$(B)/san/%.o) $(UNIT_HELPERS:%.c=$(B)/san/%.o)
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJS := $(PURE_SRCS:%.c=$(B)/fuzzobj/%.o)

.PHONY: all unit-build fuzz-build install static clean test unit lint fuzz fuzz-short live bench demo deps test-deps FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(TOOLS:%=$(B)/%)

# The kernel side: one object, one skeleton.
$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) Makefile
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_FLAGS) -c $< -o $@

$(B)/l7.bpf.o: $(BPF_OBJS)
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/l7.skel.h: $(B)/l7.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name l7 > $@

$(B)/libcommon/capture.o: $(B)/l7.skel.h

# The version is compiled into one object, anew when it changes.
$(B)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(B)/libcommon/args.o $(B)/san/libcommon/args.o $(B)/fuzzobj/libcommon/args.o: $(B)/version
VERSION_DEF = $(if $(findstring libcommon/args.c,$<),-DL7_VERSION='"$(VERSION)"')

$(B)/%.o: %.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(BASE) $(VERSION_DEF) -c $< -o $@

define tool_rule
$(B)/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard tools/$(1)/*.c)) $(LIB_OBJS)
	$$(call say,LD,$$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $$@ $$^ $(LIBS)
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rule,$(t))))

$(B)/static/%: $(B)/%
	$(call say,STATIC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -static -o $@ $(patsubst %.c,$(B)/%.o,$(wildcard tools/$*/*.c)) \
		$(LIB_OBJS) $(LIBS)

static: $(TOOLS:%=$(B)/static/%)

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 755 $(TOOLS:%=$(B)/%) $(DESTDIR)$(PREFIX)/sbin
	install -m 644 $(wildcard tools/*/*.8) $(DESTDIR)$(PREFIX)/share/man/man8

# Tests.
$(B)/san/%.o: %.c Makefile
	$(call say,CC-SAN,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -O1 -g $(SAN) $(BASE) $(VERSION_DEF) -c $< -o $@

$(B)/tests/%: $(B)/san/tests/unit/%.o $(UNIT_OBJS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) -o $@ $^ -lcriterion -lm

$(B)/fuzzobj/%.o: %.c Makefile
	$(call say,CC-FUZZ,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) -O1 -g -fsanitize=fuzzer-no-link $(SAN) $(BASE) $(VERSION_DEF) -c $< -o $@

$(B)/fuzz/%: $(B)/fuzzobj/tests/fuzz/%.o $(FUZZ_OBJS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) -fsanitize=fuzzer $(SAN) -o $@ $^ -lm

# Clients of the live tests that no package has.
$(B)/live/%: tests/live/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARN) -o $@ $< -luring

unit-build: $(UNIT_TESTS)
fuzz-build: $(FUZZERS)

test: test-deps
	$(Q)tests/run lint unit fuzz-short live
unit lint fuzz-short live:
	$(Q)tests/run $@
fuzz: fuzz-build
	$(Q)tests/run fuzz

# The benchmark's null tracer.
$(B)/bench/null.bpf.o: bench/null.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_FLAGS) -c $< -o $@
$(B)/null.skel.h: $(B)/bench/null.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name null > $@
$(B)/bench/null.o: $(B)/null.skel.h
$(B)/bench/null: $(B)/bench/null.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $< $(LIBS)

bench: all $(B)/bench/null
	$(Q)bench/run --write bench/RESULTS.md

deps:
	$(Q)scripts/install-deps build
test-deps:
	$(Q)scripts/install-deps build test
demo:
	$(Q)scripts/install-deps build demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/demo

clean:
	rm -rf $(B)

# A variable's value, for scripts: make -s print-BASE
print-%:
	@echo '$($*)'

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d $(B)/*/*/*/*/*.d)
