# furrow: `make demo` runs it on synthetic data, `make test` passes the tests; CONTRIBUTING.md says the rest.
BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
OBJCOPY ?= objcopy

ifdef SAN # a folder of its own, also when make calls itself with BUILD in the environment
override BUILD := $(BUILD:-san=)-san
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# PoCL alone: a driver that is loaded with RTLD_DEEPBIND ends a sanitized program.
SANITIZER_OPTIONS := ASAN_OPTIONS=allocator_may_return_null=1 LSAN_OPTIONS=suppressions=scripts/leaks.txt OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd
endif

ifdef FUZZ # `make fuzz`: clang's libFuzzer, which brings a main of its own
override BUILD := $(BUILD:-fuzz=)-fuzz
CC := clang
SANITIZE := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

ifdef COVERAGE # `make coverage`: gcc counts every branch; the child that looks at HDF5 files first keeps its counts too
override BUILD := $(BUILD:-coverage=)-coverage
CC := gcc
SANITIZE := -O0 --coverage -Wl,--wrap=_exit
COVERAGE_EXIT = $(BUILD)/tests/tools/coverage_exit.o
endif

HDF5 := $(shell pkg-config --exists hdf5 2>/dev/null && echo hdf5 || echo hdf5-serial)
# Scenes and maps need GDAL. Without it geo_absent.c, which says so, stands for the other src/format/geo*.c. GDAL= leaves
# it out.
GDAL := $(shell pkg-config --exists gdal 2>/dev/null && echo gdal)
PACKAGES := OpenCL clblast libcjson $(HDF5) zlib libpng $(GDAL)
WARNINGS := -Wall -Wextra -Wconversion -Wshadow
DEFINES := -D_POSIX_C_SOURCE=200809L -DCL_TARGET_OPENCL_VERSION=120
ALL_CFLAGS := -std=c11 -O2 -g -fPIC -fvisibility=hidden $(WARNINGS) $(DEFINES) -Isrc -Iinclude -I. $(SANITIZE) \
              $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) $(CFLAGS)
LIBRARIES := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lpthread -lm $(LDFLAGS)

comma := ,

# V=1 shows the commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,echo "  $(1)")

GEO_UNUSED := $(if $(GDAL),src/format/geo_absent.c,src/format/geo.c src/format/geo_raster% src/format/geo_layer% \
                src/format/geo_shape% src/format/geo_write%)
SOURCES := $(filter-out src/cli/% $(GEO_UNUSED),$(wildcard src/*/*.c)) $(wildcard data-tools/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/kernel_text.o $(COVERAGE_EXIT)
CLI_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/cli/*.c))
KERNELS := $(sort $(wildcard cl/*.cl cl/*.clh))
TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
TEST_TOOLS := $(patsubst %,$(BUILD)/tests/tools/%,damage torch_files two_steps)
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/test_%,$(wildcard tests/*.c)))

# The library that is installed: src/ without the command line; data-tools/ belongs to the commands alone.
VERSION := $(shell sed -n 's/^\#define FURROW_VERSION "\(.*\)"/\1/p' include/furrow.h)
SONAME := libfurrow.so.$(basename $(VERSION))
LIBRARY := $(BUILD)/lib
LIBRARY_OBJECTS := $(filter-out $(BUILD)/data-tools/%,$(OBJECTS))

.PHONY: all demo test test-full fuzz fuzzers coverage coverage-build test-devices check-cl lint bench library manual install uninstall clean tests setup
.SECONDARY:

all: $(BUILD)/furrow

$(BUILD)/furrow: $(CLI_OBJECTS) $(BUILD)/libfurrow.a
	$(call say,LINK $@)
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(LIBRARIES)

# Made anew when GDAL comes or goes: what a library holds then is not newer than it.
GEO_MARK := $(BUILD)/with-$(or $(GDAL),no-gdal)

$(GEO_MARK):
	@mkdir -p $(@D)
	@rm -f $(BUILD)/with-*
	@touch $@

$(BUILD)/libfurrow.a: $(OBJECTS) $(GEO_MARK)
	$(call say,AR $@)
	@rm -f $@
	$(Q)ar rcs $@ $(OBJECTS)

# The shared library gives out what furrow.h declares and nothing else. So does the static one: an archive of all objects
# would also define furrow's inner names, such as fail, in the program that uses it.
library: $(LIBRARY)/$(SONAME) $(LIBRARY)/libfurrow.a

$(LIBRARY)/$(SONAME): $(LIBRARY_OBJECTS) scripts/library.map
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(Q)$(CC) $(SANITIZE) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=scripts/library.map $(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) -o $@ $(LIBRARY_OBJECTS) $(LIBRARIES)

$(LIBRARY)/libfurrow.a: $(LIBRARY_OBJECTS)
	@mkdir -p $(@D)
	$(call say,AR $@)
	@rm -f $@
	$(Q)$(LD) -r -o $(@D)/furrow.o $^
	$(Q)$(OBJCOPY) --localize-hidden $(@D)/furrow.o
	$(Q)ar rcs $@ $(@D)/furrow.o
	@rm -f $(@D)/furrow.o

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC $<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/kernel_text.o: $(BUILD)/kernel_text.c Makefile
	$(call say,CC $<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/kernel_text.c: scripts/embed.sh $(KERNELS)
	@mkdir -p $(@D)
	$(call say,EMBED cl/*)
	$(Q)sh scripts/embed.sh $(KERNELS) > $@.part
	@mv $@.part $@

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_SUPPORT) $(BUILD)/libfurrow.a
	$(call say,LINK $@)
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(LIBRARIES) -lcmocka

# Without libFuzzer a target reads the files that it is given (make coverage).
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(if $(FUZZ),,$(BUILD)/tests/tools/replay.o) $(BUILD)/libfurrow.a
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(Q)$(CC) $(SANITIZE) $(if $(FUZZ),-fsanitize=fuzzer) -o $@ $^ $(LIBRARIES)

$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o
	$(call say,LINK $@)
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(TOOL_LIBRARIES) $(LDFLAGS)

# damage runs thousands of times, and would be slow to start with libraries that it does not need.
$(BUILD)/tests/tools/two_steps: TOOL_LIBRARIES = $(shell pkg-config --libs $(HDF5))
$(BUILD)/tests/tools/torch_files: TOOL_LIBRARIES = $(LIBRARIES) -lcmocka
$(BUILD)/tests/tools/torch_files: $(BUILD)/tests/torch_fixtures.o $(BUILD)/tests/zip_test.o $(BUILD)/libfurrow.a

# Loaded before a program (LD_PRELOAD), so never sanitized.
$(BUILD)/tests/preload/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(Q)$(CC) -std=c11 -O2 -g $(WARNINGS) $(CFLAGS) -fPIC -shared -o $@ $< -ldl -lpthread

tests: $(TESTS) $(TEST_TOOLS) $(BUILD)/tests/preload/faults.so $(FUZZERS)

fuzzers: $(FUZZERS)

# What every first command does: the packages, then (make again: now pkg-config knows them) the program.
setup:
	@sh scripts/setup.sh

JOBS ?= $(shell nproc 2>/dev/null || echo 2)
AGAIN = @$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

demo: setup
	$(AGAIN) all
	@sh scripts/demo.sh $(BUILD)

# All tests but the long ones; operations and nets with both families of kernel forms; JOBS programs at once. TEST_CACHE
# keeps compiled kernels between runs.
TEST_CACHE ?= $(BUILD)/cache
TEST_ENVIRONMENT = FURROW_CACHE_DIR=$(abspath $(TEST_CACHE)) FURROW=$(abspath $(BUILD))/furrow $(SANITIZER_OPTIONS)
TILED := $(sort $(filter $(BUILD)/tests/test_op_% $(BUILD)/tests/test_net $(BUILD)/tests/test_net_%,$(TESTS)))
UNTILED := $(sort $(filter-out $(TILED),$(TESTS)) $(wildcard tests/test_*.sh))

test: setup
	$(AGAIN) all tests
	@$(TEST_ENVIRONMENT) sh scripts/test.sh 1200 $(UNTILED) FURROW_TILE=cpu $(TILED) FURROW_TILE=gpu $(TILED)

# The long ones too: kills and resumes, damaged files by the thousand, reference results at published sizes.
test-full: test
	@FURROW_TEST_FULL=1 $(TEST_ENVIRONMENT) sh scripts/test.sh 14400 $(sort $(wildcard tests/full_*.sh))

test-devices: setup
	$(AGAIN) all tests
	@sh scripts/test-devices.sh $(BUILD)

# Every reader of files against made-up ones (tests/fuzz/): for SECONDS in all, or, without, the kept ones alone.
SECONDS ?= 0
fuzz:
	@sh scripts/setup.sh clang libclang-rt-14-dev
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) FUZZ=1 fuzzers
	@sh scripts/fuzz.sh $(BUILD)-fuzz $(SECONDS)

# Which branches of the readers of files and of checkpointing are taken by their tests, damaged files and failing calls.
# A quarter of an hour: EVERY=10 fails each tenth call alone.
coverage: setup
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) COVERAGE=1 coverage-build
	@sh scripts/coverage.sh $(BUILD)-coverage

COVERAGE_TESTS := base base_schema data_tiles format_% network_config pack_% run_resume weights weights_checkpoint
coverage-build: $(BUILD)/furrow $(filter $(COVERAGE_TESTS:%=$(BUILD)/tests/test_%),$(TESTS)) $(FUZZERS) \
	$(BUILD)/tests/preload/faults.so $(BUILD)/tests/tools/torch_files $(BUILD)/tests/tools/two_steps

check-cl:
	@sh scripts/check-cl.sh

lint:
	@sh scripts/lint.sh

bench: all
	$(BUILD)/furrow bench psetae
	$(BUILD)/furrow bench pseltae
	$(BUILD)/furrow bench utae

# Manual pages and completion come from the tables that the program parses its arguments by.
MANUAL := $(BUILD)/manual
manual: $(MANUAL)/made
$(MANUAL)/made: $(BUILD)/furrow
	$(call say,MAN $(MANUAL))
	@rm -rf $(MANUAL) && mkdir -p $(MANUAL)/man1 $(MANUAL)/man5
	$(Q)for page in $$($< --man); do $< --man $$page > $(MANUAL)/man$${page##*.}/$$page || exit 1; done
	$(Q)$< --completion bash > $(MANUAL)/furrow.bash
	$(Q)$< --completion zsh > $(MANUAL)/_furrow
	@touch $@

SHARE := $(DESTDIR)$(PREFIX)/share
install: all library manual
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/pkgconfig \
	           $(SHARE)/furrow/configs/ablations $(SHARE)/doc/furrow/examples $(SHARE)/man/man1 $(SHARE)/man/man5 \
	           $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions
	install -m 755 $(BUILD)/furrow $(DESTDIR)$(PREFIX)/bin/
	install -m 644 include/furrow.h $(DESTDIR)$(PREFIX)/include/
	install -m 755 $(LIBRARY)/$(SONAME) $(DESTDIR)$(LIBDIR)/libfurrow.so.$(VERSION)
	ln -sf libfurrow.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libfurrow.so
	install -m 644 $(LIBRARY)/libfurrow.a $(DESTDIR)$(LIBDIR)/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@PACKAGES@|$(PACKAGES)|' scripts/furrow.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/furrow.pc
	install -m 644 configs/*.json $(SHARE)/furrow/configs/
	install -m 644 configs/ablations/*.json $(SHARE)/furrow/configs/ablations/
	install -m 644 README.md CHANGELOG.md LICENSE $(wildcard docs/*.*) $(SHARE)/doc/furrow/
	install -m 644 docs/examples/* $(SHARE)/doc/furrow/examples/
	install -m 644 $(MANUAL)/man1/* $(SHARE)/man/man1/
	install -m 644 $(MANUAL)/man5/* $(SHARE)/man/man5/
	install -m 644 $(MANUAL)/furrow.bash $(SHARE)/bash-completion/completions/furrow
	install -m 644 $(MANUAL)/_furrow $(SHARE)/zsh/site-functions/_furrow

# What install puts there, for the same DESTDIR, PREFIX and LIBDIR.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/furrow $(DESTDIR)$(PREFIX)/include/furrow.h \
	      $(addprefix $(DESTDIR)$(LIBDIR)/,libfurrow.so.$(VERSION) $(SONAME) libfurrow.so libfurrow.a pkgconfig/furrow.pc)
	rm -f $(SHARE)/man/man1/furrow.1 $(SHARE)/man/man1/furrow-*.1 $(SHARE)/man/man5/furrow-*.5 \
	      $(SHARE)/bash-completion/completions/furrow $(SHARE)/zsh/site-functions/_furrow
	rm -rf $(SHARE)/furrow $(SHARE)/doc/furrow

clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d) $(TESTS:=.d) $(FUZZERS:$(BUILD)/fuzz/%=$(BUILD)/tests/fuzz/%.d) $(TEST_SUPPORT:.o=.d)
