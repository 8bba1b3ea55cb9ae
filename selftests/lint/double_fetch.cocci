// SPDX-License-Identifier: GPL-2.0
/// What is read from user space twice may have changed between: who has checked the first must not
/// use the second.
// Options: --no-includes --include-headers
virtual report

@twice@
expression from, to, other, size, more, known;
type T;
position at;
@@
(
 get_user(to, from)
|
 get_user(to, (T)from)
|
 copy_from_user(to, from, size)
|
 copy_struct_from_user(to, known, from, size)
|
 kev_memdup_user(from, size)
)
 ... when any
     when != from = other
(
 get_user@at(other, from)
|
 get_user@at(other, (T)from)
|
 copy_from_user@at(other, from, more)
|
 copy_struct_from_user@at(other, known, from, more)
|
 kev_memdup_user@at(from, more)
)

@script:python depends on report@
at << twice.at;
@@
coccilib.report.print_report(at[0], "WARNING: read from user space a second time")
