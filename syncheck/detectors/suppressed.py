"""Comments that silence findings.

SUP001
------
A suppression that suppresses nothing: the finding it names is gone, its id is misspelt, or it names no rule or no
reason. A comment that outlives its cause hides the next one.

Silent when the comment stands on (or just above) the line of a finding of that rule and says why the finding may
stand.

What to do: remove the comment, or correct it: // syncheck: ignore[RULE] the reason.

Seen: every code base with a linter.
"""

from __future__ import annotations
