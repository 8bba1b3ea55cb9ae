#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# GDB on guests that are processes: see native_kev.c.
set -euo pipefail
cd "$(dirname "$0")"
KEVCTL=./kevctl-native GUESTS=../../guests TCP=1 exec ../guest/gdb.sh
