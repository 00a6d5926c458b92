# furrow: `make demo` runs it on an embedded sample, `make test` passes the tests; CONTRIBUTING.md says the rest.
BUILD ?= build
CC ?= gcc
PREFIX ?= /usr/local

ifdef SAN
BUILD := $(BUILD)-san
SANITIZE := -fsanitize=address,undefined -fno-omit-frame-pointer
endif

HDF5 := $(shell pkg-config --exists hdf5 2>/dev/null && echo hdf5 || echo hdf5-serial)
PACKAGES := OpenCL libcjson $(HDF5) zlib
WARNINGS := -Wall -Wextra -Wconversion -Wshadow
DEFINES := -D_POSIX_C_SOURCE=200809L -DCL_TARGET_OPENCL_VERSION=120
ALL_CFLAGS = -std=c11 -O2 -g $(WARNINGS) $(DEFINES) -Isrc -Iinclude -I. $(SANITIZE) \
             $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) $(CFLAGS)
LIBRARIES = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lclblast -lpthread -lm $(LDFLAGS)

SOURCES := $(filter-out src/cli/%,$(wildcard src/*/*.c)) $(wildcard data-tools/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/kernel_text.o
CLI_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/cli/*.c))
KERNELS := $(sort $(wildcard cl/*.cl cl/*.clh))
TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/test_*.c))
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/test_%,$(wildcard tests/*.c)))

.PHONY: all demo test test-full test-devices check-cl lint bench install clean tests
.SECONDARY:

all: $(BUILD)/furrow

$(BUILD)/furrow: $(CLI_OBJECTS) $(BUILD)/libfurrow.a
	$(CC) $(SANITIZE) -o $@ $^ $(LIBRARIES)

$(BUILD)/libfurrow.a: $(OBJECTS)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/kernel_text.o: $(BUILD)/kernel_text.c
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/kernel_text.c: scripts/embed.sh $(KERNELS)
	@mkdir -p $(@D)
	sh scripts/embed.sh $(KERNELS) > $@.part
	mv $@.part $@

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_SUPPORT) $(BUILD)/libfurrow.a
	$(CC) $(SANITIZE) -o $@ $^ $(LIBRARIES) -lcmocka

tests: $(TESTS)

clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d) $(TESTS:=.d) $(TEST_SUPPORT:.o=.d)
