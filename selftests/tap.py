#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Count what test programs printed as TAP.

usage: tap.py [--some] [--skips FILE] LOG

LOG holds the output of one or more programs, each between the lines
"# begin NAME" and "# end NAME STATUS". A program passes as many cases as it has
lines "ok"; it fails one more when it ran fewer cases than its plan says, has none, has no
plan, died, or exited with another status than its lines explain. A skip has to
stand in FILE as "PROGRAM: CASE", or "PROGRAM: REASON (CASE CASE)" of the kernel's
harness, and what stands there has to be skipped: a case that is never run must not go
unseen. With --some that goes for the programs in LOG only.
In the file "optional" beside FILE stands what may be skipped: what needs something that the project
does not bring; it names no CASE after a REASON. A line "# at SECONDS" before the two lines of a
program tells the time.

Prints what failed, which programs took longest, then "PASSED FAILED SKIPPED".
"""
import os
import re
import sys

RESULT = re.compile(r'^(ok|not ok) (\d+)\s*(?:- )?(.*)$')
PLAN = re.compile(r'^1\.\.(\d+)')
SKIP = re.compile(r'#\s*SKIP\b\s*(.*)', re.IGNORECASE)
# What the kernel's harness says before a case
RUN = re.compile(r'^#\s+RUN\s+(?:global\.)?(\S+) \.\.\.$')
# What a list of skips says after a reason
AT = re.compile(r'# at (\d+(?:\.\d+)?)')
END = re.compile(r'# end (.*) (\d+)')
CASES = re.compile(r'^(.*) \(([^()]+)\)$')
KSFT_FAIL, KSFT_SKIP = 1, 4
# Which programs are worth a look: so many at most, of so many seconds at least
SLOWEST, SLOW = 10, 5


class Program:
    def __init__(self, name, began):
        self.name = name
        self.began = began
        self.seconds = None
        self.plan = None
        self.case = None
        self.passed = 0
        self.failures = []
        self.skips = []
        self.lines = []

    def feed(self, line):
        self.lines.append(line)
        plan = PLAN.match(line)
        if plan:
            self.plan = int(plan.group(1))
            return
        run = RUN.match(line)
        if run:
            self.case = run.group(1)
            return
        result = RESULT.match(line)
        if not result:
            return
        verdict, _, text = result.groups()
        skip = SKIP.search(text)
        if verdict == 'not ok':
            self.failures.append(text)
        elif skip:
            # The kernel's harness gives a skip no name but its reason.
            self.skips.append((text[:skip.start()].strip() or skip.group(1), self.case))
        else:
            self.passed += 1
        self.case = None

    def finish(self, status):
        cases = self.passed + len(self.failures) + len(self.skips)
        if self.plan is None:
            self.failures.append(f'printed no plan (status {status})')
        elif cases != self.plan:
            self.failures.append(f'ran {cases} of {self.plan} cases (status {status})')
        elif not cases:
            self.failures.append(f'has no case (status {status})')
        elif status == KSFT_SKIP and not self.skips:
            self.failures.append(f'exited with {status}, but skipped nothing')
        elif status not in (0, KSFT_SKIP) and not self.failures:
            self.failures.append(f'exited with {status}, but no case failed')
        elif status == 0 and self.failures:
            self.failures.append('exited with 0, but cases failed')


def read_programs(path):
    programs, current, stray, now = [], None, [], None
    with open(path, encoding='utf-8', errors='replace') as log:
        for line in log:
            line = line.rstrip('\r\n')
            at, end = AT.fullmatch(line), END.fullmatch(line)
            if at:
                now = float(at.group(1))
            elif line.startswith('# begin '):
                if current:
                    current.finish('none: it never ended')
                    programs.append(current)
                current = Program(line[len('# begin '):], now)
            elif end and current and end.group(1) == current.name:
                current.finish(int(end.group(2)))
                if now is not None and current.began is not None:
                    current.seconds = now - current.began
                programs.append(current)
                current = None
            elif current:
                current.feed(line)
            else:
                stray.append(line)
    if current:
        current.finish('none: it never ended')
        programs.append(current)
    return programs, stray


def slowest(programs):
    """The programs that took longest, with their seconds; None if no program took long."""
    slow = sorted((p for p in programs if p.seconds is not None and p.seconds >= SLOW),
                  key=lambda p: -p.seconds)[:SLOWEST]
    return ', '.join(f'{p.name} {p.seconds:.0f} s' for p in slow) or None


def allowed_skips(path):
    """Of each (PROGRAM: CASE, None) or (PROGRAM: REASON, CASE), in a set; or None."""
    if not path:
        return None
    allowed = set()
    try:
        with open(path, encoding='utf-8') as f:
            lines = [line.strip() for line in f if line.strip() and not line.startswith('#')]
    except FileNotFoundError:
        return allowed
    for line in lines:
        listed = CASES.match(line)
        if listed:
            allowed |= {(listed.group(1), case) for case in listed.group(2).split()}
        else:
            allowed.add((line, None))
    return allowed


def tell(skip):
    """As a list of skips has it."""
    return skip[0] if skip[1] is None else f'{skip[0]} ({skip[1]})'


def main(argv):
    skips_file = None
    some = argv[0] == '--some'
    if some:
        argv = argv[1:]
    if argv[0] == '--skips':
        skips_file, argv = argv[1], argv[2:]
    programs, stray = read_programs(argv[0])
    allowed = allowed_skips(skips_file)
    optional = allowed_skips(skips_file and os.path.join(os.path.dirname(skips_file), 'optional'))
    passed = failed = skipped = 0
    seen = set()
    for program in programs:
        for what, case in program.skips:
            seen.add((f'{program.name}: {what}', case))
        if program.failures:
            print(f'--- {program.name}')
            print('\n'.join(program.lines[-60:]))
            for case in program.failures:
                print(f'FAILED {program.name}: {case}')
        passed += program.passed
        failed += len(program.failures)
        skipped += len(program.skips)
    if allowed is not None:
        for skip in sorted(seen - allowed, key=tell):
            if (skip[0], None) in optional:
                continue
            print(f'FAILED skipped, and not in {skips_file}: {tell(skip)}')
            failed += 1
        names = {program.name for program in programs}
        for skip in sorted(allowed - seen, key=tell):
            if some and skip[0].partition(': ')[0] not in names:
                continue
            print(f'FAILED in {skips_file}, but not skipped: {tell(skip)}')
            failed += 1
    if not programs:
        print('\n'.join(stray[-40:]))
        print('FAILED no test program ran')
        failed += 1
    slow = slowest(programs)
    if slow:
        print(f'slowest: {slow}')
    print(passed, failed, skipped)


if __name__ == '__main__':
    main(sys.argv[1:])
