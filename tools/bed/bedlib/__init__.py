# SPDX-License-Identifier: GPL-2.0
"""The parts of "bed run": boot a real kernel in an emulator, run a command there.

The way of a run: run.py reads the options; payload.py packs what the run needs; image.py has the
machine's first files (built once); bochs.py or qemu.py starts an emulator, bochs.py preferably from
a saved machine; session.py follows the machine until it is done, with frame.py for what
its agent says and klog.py to judge its kernel's log.
"""
