# SPDX-License-Identifier: GPL-2.0
"""What has to be on the way to an entry and behind an exit, apart from the entry code.

For entry_code.py: each rule yields a line for what is wrong. A rule follows the flow of control
with both ways of each jump, through what the kernel may put in place of an alternative, and
asks whether one instruction can be reached without another one. Data is known by the symbols
that instructions refer to: where a pointer leads is not seen.
"""
import re

from object_code import INDIRECT_THUNK, REPLACEMENT, RETURN_THUNK, Flow, runs

MSR_PRED_CMD, MSR_FLUSH_CMD = 0x49, 0x10b
ENTRIES = ("vmlaunch", "vmresume")
# What may run between an exit and the next entry without having left the entry code
ENTRY_TEXT = ".noinstr.text"
L1D_FILL, PAGE, LINE = 0x10000, 0x1000, 0x40
KEV_DUE_FLUSH_L1D, KEV_REGION_RAM = 2, 1
GUEST_PHYSICAL_ADDRESS = 0x2400
# kev_vmx_l1d_due goes to a variable of the vCPU so many instructions later.
NEAR = 4

# Behind a flush of the L1 data cache nothing of the host's is looked at but these
AFTER_FLUSH = {
    "kev_vmx_config": "numbers of the CPU's VMX",
    "x86_verw_sel": "the operand of VERW",
    "pcpu_hot": "how deep calls are, of 6.12, where the entry fails",
}
# and nothing of it is called but these, which look at their own data
CALLED_AFTER_FLUSH = {
    "kev_vmx_insn_failed": "a VMX instruction has failed: the VM ends",
    "__ct_user_enter": "the kernel is told that a guest begins",
    "clear_bhb_loop": "a mitigation, where the entry fails",
    "__fentry__": "nothing, unless somebody traces functions",
}
# Who gets back from them enters no guest with what was prepared.
NO_ENTRY = ("kev_vmx_enter", "enter_watched", "kev_vmx_enter_guest")


class Module:
    """What the rules look at"""

    def __init__(self, obj, code, kernel):
        self.obj, self.code, self.kernel = obj, code, kernel

    def flow(self, **flags):
        """Where the code goes on with these flags of the kernel"""
        known = {self.kernel.flags[name]: value for name, value in flags.items()}
        return Flow(self.obj, self.code, {self.kernel.flags["ALWAYS"]: True, **known})

    def instructions(self):
        """All addresses"""
        for section, rows in self.code.items():
            for offset in rows:
                yield section, offset


def refers(flow, places, symbol):
    """Those that refer to a symbol"""
    return {at for at in places if any(name == symbol for name, _ in flow.row(at).refs)}


def calls(flow, places, *names):
    """Those that call one of these functions"""
    return {at for at in places if flow.calls(at) in names}


def some(found, what):
    """An empty set would fulfil every rule."""
    if not found:
        raise LookupError(f"there is no {what}")
    return found


def always(flow, starts, through, what, cut=()):
    """From there on, no function is left without getting to one of these."""
    for at in sorted(flow.ends(flow.reach(starts, through, cut))):
        yield f"{where(flow, at)}: a way that does not come by {what}"


def where(flow, at):
    """For people"""
    section, offset = at
    owner = next(((sec, start) for new, end, sec, start in flow.owners
                  if section == REPLACEMENT and new <= offset < end), at)
    return f"{flow.obj.function(*owner)} ({owner[0]}+{owner[1]:#x})"


def barrier_between_guests(module):
    """
    Behind VMPTRLD, unless that has failed, or what is recorded behind the barrier says that the
    last guest here was the same, which has not been elsewhere.
    """
    flow = module.flow(USE_IBPB=True)
    functions = {flow.obj.function(*at) for at in module.instructions()
                 if flow.row(at).name == "vmptrld"}
    for function in some(functions, "VMPTRLD"):
        start = flow.start(function)
        places = flow.reach([start])
        barriers = some(flow.wrmsrs(places, MSR_PRED_CMD), f"IBPB in {function}")
        loads = {at for at in places if flow.row(at).name == "vmptrld"}
        # The record: what is stored next behind the barrier
        stores = {at for at in flow.reach(barriers) if flow.row(at).name == "mov" and
                  re.fullmatch(r"%r\w+,0x[0-9a-f]+\(%r\w+\)", flow.row(at).operands)}
        records = {flow.row(at).operands.replace(" ", "") for at in stores if
                   at not in flow.reach([start], barriers)}
        cut = set()
        for at in places:
            row = flow.row(at)
            source, _, target = row.operands.partition(",")
            if row.name == "cmp" and records & {f"{source},{target}", f"{target},{source}"}:
                cut |= {flow.equal(to) for to in flow.after(at)}
        if not barriers & flow.reach(loads):
            yield f"{function}: IBPB is before VMPTRLD"
            continue
        for load in loads:
            cut.add(failure(flow, load, barriers))
        yield from always(flow, loads, barriers, "IBPB", cut)
        moved = some(calls(flow, flow.reach(loads), "kev_vmx_host_state_cpu"),
                     "vCPU that comes to a CPU")
        yield from always(flow, moved, barriers, "IBPB, though the vCPU has moved")
    off = module.flow(USE_IBPB=False)
    if off.wrmsrs(off.reach([off.start(name) for name in functions]), MSR_PRED_CMD):
        yield "IBPB also where the kernel does not use it"


def failure(flow, at, wanted):
    """The edge of the next conditional jump from where nothing wanted can be reached"""
    while True:
        following = flow.after(at)
        jumps = flow.row(at).name.startswith("j") and flow.row(at).name != "jmp"
        if jumps or not following:
            break
        at = following[0]
    hopeless = {(at, to) for to in following if not wanted & flow.reach([to])}
    if len(hopeless) != 1:
        raise LookupError(f"{where(flow, at)}: it is not clear what a failure leads to")
    return hopeless.pop()


def barrier_to_user(module):
    """What a guest leaves behind is told to the kernel, wherever the host's state comes back."""
    flow = module.flow(IBPB_EXIT_TO_USER=True)
    start = [flow.start("kev_vmx_disarm")]
    notes = {at for at in refers(flow, flow.reach(start), "x86_ibpb_exit_to_user")
             if flow.row(at).operands.startswith("$0x1,%gs:")}
    yield from always(flow, start, notes, "the note for the way to user space")
    off = module.flow(IBPB_EXIT_TO_USER=False)
    if refers(off, off.reach(start), "x86_ibpb_exit_to_user"):
        yield "the note is also there where the kernel does not want it"
    # Whoever arms a vCPU disarms it.
    armed = some(calls(flow, module.instructions(), "__SCT__kev_backend_arm"), "caller of arm()")
    disarms = calls(flow, module.instructions(), "__SCT__kev_backend_disarm")
    yield from always(flow, armed, disarms, "disarm()")


def spec_ctrl(module):
    """What the code behind an exit writes is what the host has now."""
    flow = module.flow(KERNEL_IBRS=True)
    start = [flow.start("kev_vmx_arm")]
    reads = refers(flow, flow.reach(start), "x86_spec_ctrl_current")
    stores = {to for at in reads for to in flow.after(at)
              if flow.row(to).operands.startswith(flow.row(at).target + ",")}
    yield from always(flow, start, stores, "the host's SPEC_CTRL")


def due_of(flow, places):
    """Notes that a flush is due, with what they go to: {address: offset in the vCPU}"""
    found = {}
    for at in refers(flow, places, "kev_vmx_l1d_due"):
        to = at
        for _ in range(NEAR):
            to = flow.after(to)[0]
            offset = re.fullmatch(r"%r\w+,(0x[0-9a-f]+)\(%r\w+\)", flow.row(to).operands)
            if offset:
                found[at] = offset[1]
                break
    return found


def due_offset(flow):
    """Where a vCPU has what is due"""
    offsets = set(due_of(flow, flow.reach([flow.start("kev_vmx_arm")])).values())
    if len(offsets) != 1:
        raise LookupError("kev_vmx_arm does not note that the L1 data cache is to be flushed")
    return offsets.pop()


def l1d_due(module):
    """A flush is due when something but the entry loop has run, and behind a fault."""
    flow = module.flow()
    offset = due_offset(flow)

    def notes(starts):
        return {at for at, to in due_of(flow, flow.reach(starts)).items() if to == offset}

    start = [flow.start("kev_vmx_arm")]
    yield from always(flow, start, notes(start), "the note of a flush")
    for function in ("kev_vmx_enter", "enter_watched"):
        start = [flow.start(function)]
        faults = some({at for at in flow.reach(start) if flow.obj.function(*at) == function and
                       flow.row(at).operands.startswith(f"${GUEST_PHYSICAL_ADDRESS:#x},")},
                      f"fault in {function}")
        yield from always(flow, faults, notes(start), "the note of a flush, behind a fault")
    # Of others kev_vmx_enter() has made the note.
    faults = some({at for at in calls(flow, module.instructions(), "kev_mem_fault_fast")
                   if at[0] == ENTRY_TEXT}, "fault that is answered at once")
    places = flow.reach(faults)
    # No answer, or with a page of RAM that was cleared before
    cut = {flow.equal(to) for at in places for to in flow.after(at)
           if re.fullmatch(rf"(test +%eax|cmp +\${KEV_REGION_RAM:#x}),%eax",
                           f"{flow.row(at).name} {flow.row(at).operands}")}
    yield from always(flow, faults, notes(faults), "the note of a flush, behind an answer", cut)


def l1d_asked(module):
    """What is due is a matter of the bug and of l1tf=."""
    flow = module.flow()
    start = [flow.start("kev_vmx_l1d_init")]
    places = flow.reach(start)
    sets = {at for at in refers(flow, places, "kev_vmx_l1d_due")
            if not flow.row(at).operands.startswith("$0x0,")}
    for name in ("l1tf_mitigation", "boot_cpu_data"):
        if some(sets, "flush") & flow.reach(start, refers(flow, places, name)):
            yield f"a flush that does not depend on {name}"


def entering(flow, module):
    """Functions that enter a guest, themselves or by what they call"""
    found = {flow.obj.function(*at) for at in module.instructions()
             if flow.row(at).name in ENTRIES}
    while True:
        more = {flow.obj.function(*at) for at in calls(flow, module.instructions(), *found)}
        if more <= found:
            return found
        found |= more


def l1d_before_entry(module):
    """What is due is done before each entry: the first of a stay, and the next ones."""
    flow = module.flow()
    offset = due_offset(flow)
    start = [flow.start("kev_vmx_prepare")]
    places = flow.reach(start)
    flushes = some(calls(flow, places, "kev_vmx_l1d_flush"), "flush")
    cut = {flow.equal(to) for at in places for to in flow.after(at)
           if re.match(rf"testb? +\${KEV_DUE_FLUSH_L1D:#x},",
                       f"{flow.row(at).name} {flow.row(at).operands}")}
    yield from always(flow, start, flushes, "the flush", cut)

    start = [flow.start("kev_vmx_enter")]
    places = flow.reach(start)
    prepared = some(calls(flow, places, "kev_vmx_prepare"), "preparation")
    cut = {flow.equal(to) for at in places for to in flow.after(at)
           if flow.row(at).name.startswith("cmp") and
           re.fullmatch(rf"\$0x0,{offset}\(%r\w+\)", flow.row(at).operands)}
    entries = some(calls(flow, places, *entering(flow, module)), "entry")
    for at in entries & flow.reach(start, prepared, cut):
        yield f"{where(flow, at)}: an entry that has not looked at what is due"

    start = [flow.start("kev_vmx_exited")]
    looks = {at for at in module.instructions() if flow.row(at).name == "or" and
             re.match(rf"{offset}\(", flow.row(at).operands)}
    # Where a note has just been made it is still in a register.
    looks |= set(due_of(flow, module.instructions()))
    looks |= {at for at in module.instructions() if flow.row(at).name == "mov" and
              re.match(rf"{offset}\(", flow.row(at).operands)}
    looks |= calls(flow, module.instructions(), "kev_vmx_prepare")
    again = {at for at in flow.reach(start)
             if (flow.row(at).name, flow.row(at).operands) == ("mov", "$0x1,%eax")}
    for at in some(again, "exit behind which the guest goes on") & flow.reach(start, looks):
        yield f"{where(flow, at)}: a next entry that has not looked at what is due"


def l1d_flush(module):
    """By the MSR where the CPU has it; else by reads of each line, behind which nothing is."""
    flow = module.flow()
    flag = ("boot_cpu_data", 1 << module.kernel.flags["FLUSH_L1D"] % 32)
    for events in known_runs(flow, flag, True):
        if ("wrmsr", MSR_FLUSH_CMD, 1, 0) != events[-1]:
            yield f"with FLUSH_L1D the last that happens is {events[-1]}"
        if fill(events):
            yield "the software's way, though there is FLUSH_L1D"
    for events in known_runs(flow, flag, False):
        if events[-1] != ("lfence",):
            yield f"the last of the software's way is {events[-1]}"
        yield from check_fill(events)


def known_runs(flow, flag, is_set):
    """The flush with and without the flag, but for what is no part of it"""
    symbol, mask = flag
    known = {(symbol, mask): is_set}
    for events in runs(flow, "kev_vmx_l1d_flush", known):
        events = [event for event in events if event != ("call", "__fentry__")]
        if not events:
            raise LookupError("kev_vmx_l1d_flush does nothing")
        yield events


def fill(events):
    """Loads by a pointer that was loaded before, and how far from there: (number of event, that)"""
    return [(i, event[1]) for i, event in enumerate(events)
            if event[0] == "read" and isinstance(event[1], tuple)]


def check_fill(events):
    """Each page, something that serialises, then each line"""
    serial = [i for i, event in enumerate(events) if event[0] in ("serialize", "iretq", "cpuid")]
    loads = fill(events)
    if len(serial) != 1 or not loads:
        yield "the software's way has no loop, or nothing between two"
        return
    base = loads[0][1][0]
    begin = loads[0][1][1]
    parts = [{at[1] - begin for i, at in loads if at[0] == base and (i > serial[0]) == later}
             for later in (False, True)]
    for part, step, what in zip(parts, (PAGE, LINE), ("page", "line")):
        if not part >= set(range(0, L1D_FILL, step)):
            yield f"not each {what} is read"
    behind = [event for event in events[loads[-1][0] + 1:] if event != ("lfence",)]
    if behind:
        yield f"behind the last line comes {behind[0]}"


def returns_to(flow, module, function, seen):
    """Behind the calls of a function, and of those that end by a jump to it"""
    if function in seen or function in NO_ENTRY:
        return
    seen.add(function)
    start = flow.obj.places.get(function)
    for at in module.instructions():
        row = flow.row(at)
        if row.name not in ("call", "jmp") or row.operands.startswith("*") or \
           flow.leads_to(at) != start or flow.obj.function(*at) == function:
            continue
        if row.name == "call":
            yield from flow.enter(flow.behind(at))
        else:
            yield from returns_to(flow, module, flow.obj.function(*at), seen)


def until_entry(flow, module, starts):
    """
    What is executed before the next entry: with the functions that are called, and behind the
    return of the first one. What does not get to an entry any more is left out where that shows.
    """
    inside = entering(flow, module)
    stop = {flow.obj.places.get("leave")}
    todo, done = [(to, False) for start in starts for to in flow.enter(start)], set()
    while todo:
        at, called = todo.pop()
        if (at, called) in done or at in stop:
            continue
        done.add((at, called))
        row, name, following = flow.row(at), flow.calls(at), flow.after(at)
        if row.name in ENTRIES:
            continue
        place = flow.leads_to(at) if name and name not in CALLED_AFTER_FLUSH else None
        if row.name == "jmp" and row.symbol in CALLED_AFTER_FLUSH:
            following = []
        elif place:
            todo += [(to, called or name not in inside) for to in flow.enter(place)]
            following = [] if name in inside else following
        elif row.symbol == RETURN_THUNK and not called:
            following = returns_to(flow, module, flow.obj.function(*at), set())
        todo += [(to, called) for to in following]
    return {at for at, _ in done}


def l1d_last(module):
    """Behind a flush nothing of the host's is touched but what has to be."""
    flow = module.flow()
    flushes = some(calls(flow, module.instructions(), "kev_vmx_l1d_flush"), "flush")
    places = until_entry(flow, module, [flow.behind(at) for at in flushes])
    some({at for at in places if flow.row(at).name == "vmresume"}, "entry behind a flush")
    for at in sorted(places):
        row = flow.row(at)
        if row.operands.startswith("*") or (row.symbol or "").startswith(INDIRECT_THUNK):
            yield f"{where(flow, at)}: a call by a pointer, between a flush and an entry"
        elif flow.calls(at):
            if not flow.leads_to(at) and flow.calls(at) not in CALLED_AFTER_FLUSH:
                yield f"{where(flow, at)}: {flow.calls(at)}() between a flush and an entry"
        elif not row.name.startswith("j"):
            for name in {flow.obj.variable(*ref) for ref in row.refs} - {None, *AFTER_FLUSH}:
                yield f"{where(flow, at)}: {name} between a flush and an entry"


def thunks(module):
    """
    Where a pointer leads is predicted by thunks alone, in all sections. The kernel makes calls
    of its own table for virtual machines direct when it loads the module.
    """
    flow = module.flow()
    direct = module.obj.paravirt()
    for at in sorted(module.instructions()):
        row = flow.row(at)
        if row.name in ("call", "jmp") and row.operands.startswith("*") and at not in direct:
            yield f"{where(flow, at)}: {row.name} {row.operands} without a thunk"


def return_thunks(module):
    """The same for returns"""
    flow = module.flow()
    for at in sorted(module.instructions()):
        if flow.row(at).name == "ret":
            yield f"{where(flow, at)}: a RET without a thunk"


# name, flags and options of the kernel that it needs, rule
RULES = [
    ("what one guest has taught the predictors", ["USE_IBPB"], [], barrier_between_guests),
    ("what a guest has taught them of its VMM", ["IBPB_EXIT_TO_USER"], [], barrier_to_user),
    ("the host's SPEC_CTRL", ["KERNEL_IBRS"], [], spec_ctrl),
    ("L1TF: when a flush is due", [], [], l1d_due),
    ("L1TF: whether one is ever due", [], [], l1d_asked),
    ("L1TF: what is due comes before the entry", [], [], l1d_before_entry),
    ("L1TF: both ways to flush", ["FLUSH_L1D"], [], l1d_flush),
    ("L1TF: what comes behind a flush", [], [], l1d_last),
    ("indirect branches", [], ["RETPOLINE"], thunks),
    ("returns", [], ["RETHUNK"], return_thunks),
]
