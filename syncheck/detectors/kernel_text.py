"""What only the text of a C++ kernel shows: arithmetic that overflows, scalar stores and loops, other ranks' memory.

OVF001
------
An offset into GM is multiplied out in 32 bits: from some value on the product wraps, and the pointer that is formed
goes far outside of the tensor. The index is often small in every test and large in production (a block of a page
table). An error where the declared domain reaches that value, else a warning where that value is at most 1048576.

Silent when one factor is 64 bits wide before the multiplication, when the domain of the value (a `// syncheck: param`
comment or -D) ends below, and for offsets that no GM pointer is moved by.

What to do: cast the first factor to uint64_t (int64_t) before it is multiplied.

Seen: `bt[i] * N * K` of paged attention before the review of #596 (simpler 50b5e3bf0, lines 194 and 226): wraps from
block 131072 on; no test had one above 16383.

MEM005
------
The scalar unit writes GM through its data cache, and nothing cleans the line: other cores and the next kernel read
what was there before. Or it is cleaned, and two blocks or both vector lanes write different words of one 64-byte line:
each writes back the whole line as it has it, and one of the two words is lost.

Silent when a dcci of the same tensor, or of the whole cache, follows in the text, and neighbouring blocks and lanes
store at least a line apart, or only one of them stores; for scalar stores to on-chip memory.

What to do: dcci(pointer, SINGLE_CACHE_LINE, CACHELINE_OUT) behind the store (and dsb(DSB_DDR)), each block in a line of
its own; or store a tile.

Seen: the path for a length of zero of the kernels of #499 (simpler 9735785f6, aic_qk_matmul lines 134 to 139).

PRF001
------
A loop stores element by element from the scalar unit what one tile instruction would write: hundreds of cycles for
each element instead of one for a whole row.

Silent for loops that do anything else besides, and for loops whose stores are of on-chip memory only by one element.

What to do: TEXPANDS (or a copy) on a tile, and one TSTORE.

Seen: the zero loop of paged attention before the review of #596 (simpler 50b5e3bf0, lines 561 to 566).

RNK001
------
A kernel clears (or sets) a word of its own on which it waits later, TWAIT or TTEST. Every rank runs this kernel, and
none waits for the others before it notifies: one that runs ahead has notified before the store, its notification is
overwritten, and the wait never ends.

Silent when, between the store and the wait, the kernel notifies the other ranks and waits for them on another word;
when the two addresses differ by something unknown; and for stores in another arm of a branch than the wait.

What to do: do not clear signals in the kernel. Wait for a number that grows with each round (WaitCmp::GE), or clear
the words where no rank runs, before the launch.

Seen: the ring all-reduce of simpler before 690efbcfb and 367aaad28, the combine step of expert parallelism before
3ad42064e: the wait hung, in one run of many.

RNK002
------
A kernel reads or writes the memory of another rank, `p - bases[own rank] + bases[other rank]`, where that rank, which
runs the same kernel, stores or reads the same bytes of its own, and neither waits for the other in between. A warning
where the kernel only reads it and has not waited for anything: then the order of launches has to see to it.

Silent when a TWAIT stands between the two in the text (which rank notifies whom is not followed), when the place
depends on which rank this is or on something unknown, and in branches that ask for the rank.

What to do: TNOTIFY behind the owner's last access, TWAIT before that of the other rank.

Seen: the all-reduce of simpler before 92214b864, which read the inputs of all ranks without waiting for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.analysis import Analysis
from syncheck.detectors.words import at
from syncheck.finding import Finding, Label


def noted(analysis: Analysis) -> Iterator[Finding]:
    """OVF001, MEM005, PRF001, RNK001 and RNK002: what the front end has noted, as findings."""
    for note in analysis.program.noted if analysis.program is not None else ():
        yield Finding(
            note.rule, note.severity, note.title, f"{at(note.span)}: {note.title}.", (Label("primary", note.span),),
            why=(note.why,), order=(note.order,),
        )  # fmt: skip
