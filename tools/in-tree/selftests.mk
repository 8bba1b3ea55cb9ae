# SPDX-License-Identifier: GPL-2.0
# Tests of /dev/kev and of guests. They want root, and kev loaded or built in.

TEST_GEN_PROGS := $(patsubst %.c,%,$(wildcard *.c))
# The guests that they run
TEST_GEN_FILES := images

CFLAGS += -std=gnu11 -O2 -Wall -Wextra -pthread -D_GNU_SOURCE -Ilib $(KHDR_INCLUDES) -isystem .. \
	-DKT_GUESTS='"images"'
LDFLAGS += -static
EXTRA_CLEAN = $(LIB) $(LIB_OBJS)

include ../lib.mk

LIB := $(OUTPUT)/libkevtest.a
LIB_OBJS := $(patsubst lib/%.c,$(OUTPUT)/kevtest-%.o,$(wildcard lib/*.c))

$(TEST_GEN_PROGS): $(LIB)

$(LIB): $(LIB_OBJS)
	$(RM) $@
	$(AR) rcs $@ $^

$(LIB_OBJS): $(OUTPUT)/kevtest-%.o: lib/%.c $(wildcard lib/*.h)
	$(CC) $(CFLAGS) -c $< -o $@

# Their makefile builds beside the sources.
$(OUTPUT)/images: $(wildcard guests/*) $(wildcard guests/lib/*.[chS])
	mkdir -p $@
	[ guests -ef $(OUTPUT)/guests ] || cp -r guests $(OUTPUT)
	$(MAKE) -C $(OUTPUT)/guests
	cd $(OUTPUT)/guests && cp `$(MAKE) -s list` $@
	touch $@

clean: clean_guests

clean_guests:
	[ ! -d $(OUTPUT)/guests ] || $(MAKE) -C $(OUTPUT)/guests clean

.PHONY: clean_guests
