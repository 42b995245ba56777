"""What only the text of a C++ kernel shows: arithmetic that overflows, scalar stores, scalar loops.

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
"""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.analysis import Analysis
from syncheck.detectors.words import at
from syncheck.finding import Finding, Label


def noted(analysis: Analysis) -> Iterator[Finding]:
    """OVF001, MEM005 and PRF001: what the front end has noted, as findings."""
    for note in analysis.program.noted if analysis.program is not None else ():
        yield Finding(
            note.rule, note.severity, note.title, f"{at(note.span)}: {note.title}.", (Label("primary", note.span),),
            why=(note.why,), order=(note.order,),
        )  # fmt: skip
