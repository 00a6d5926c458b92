#!/bin/sh
# tests/test_binaries.sh with the networks of images too: minutes.
FURROW_TEST_FULL=1 exec sh "$(dirname "$0")/test_binaries.sh"
