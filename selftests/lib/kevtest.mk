# SPDX-License-Identifier: GPL-2.0
#
# What the test programs that run in the bed have in common. The including
# Makefile sets TEST_GEN_PROGS; each is one C file of that name.
#
#   make         builds them beside their sources, static
#   make clean   removes what was built

ROOT := ../..
LIB := ../lib
KSRC ?= $(shell $(ROOT)/tools/bed/bed ksrc)

ifeq ($(wildcard $(KSRC)/tools/testing/selftests/kselftest_harness.h),)
$(error kselftest_harness.h is not there: run $(ROOT)/tools/bed/bed setup)
endif

OUTPUT := $(CURDIR)
KHDR_INCLUDES := -I$(ROOT)/uapi
CFLAGS += -std=gnu11 -O2 -Wall -Wextra -Werror -pthread -D_GNU_SOURCE -I$(LIB) $(KHDR_INCLUDES) \
	-isystem $(KSRC)/tools/testing/selftests
LDFLAGS += -static -s
CLEAN_LIB := $(MAKE) --no-print-directory -C $(LIB) clean

include $(KSRC)/tools/testing/selftests/lib.mk

$(TEST_GEN_PROGS): $(LIB)/libkevtest.a

# Its Makefile knows whether it is up to date.
$(LIB)/libkevtest.a: always
	@$(MAKE) --no-print-directory -C $(LIB)

clean: clean_lib

clean_lib:
	@$(CLEAN_LIB)

.PHONY: always clean_lib
