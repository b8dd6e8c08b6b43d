"""A run made by hand: every kind of outcome once."""

from __future__ import annotations

from lintorch.engine.result import Diagnostic, FileResult, Hunk, Patch, PlacedEdit, Rewrite, Run, fingerprinted
from lintorch.rule import Retention, Severity
from lintorch.source.text import Position, Source
from lintorch.verify.verdict import Status, Verdict

TESTED = Verdict(Status.TESTED, inputs=("float32[2, 10]",), seeds=(0, 1, 2), modes=("train", "eval"), lines=(7,), peak_bytes=(2000, 1000))
REFUTED = Verdict(Status.REFUTED, "output[0] differs by 0.5", inputs=("float32[2]",), gradients="not applicable")
FIX = Patch("return it", (PlacedEdit(Position(7, 9), Position(8, 17), "return x"),), (Hunk(7, "        y = x\n        return y\n", "        return x\n"),))


def finding(code: str, line: int, **how) -> Diagnostic:
    given = {
        "rule": "returned-temporary",
        "message": f"`y` <&> 100%, \x1b[31m{code}",
        "path": "pkg/a:b,c.py",
        "symbol": "Net.forward",
        "severity": Severity.WARNING,
    }
    place = {"start": Position(line, 9), "end": Position(line, 14), "file_lines": (line, line)}
    return Diagnostic(code=code, line_text="        y = x\t# é", **{**given, **place, **how})


LEFT = finding("LT101", 7, fix=FIX, evidence=("y is read once",))
LOSS = finding("LT201", 9, rule="accumulated-live-loss", severity=Severity.ERROR, retains=Retention("activations", ("no backward covers it",)))
NOTE = finding("LT106", 9, rule="self-assignment", severity=Severity.INFO)
FIXED = finding("LT101", 17, rewrite=1, verdict=TESTED, fixed=True, fix=FIX)
REFUSED = finding("LT101", 27, rewrite=2, verdict=REFUTED, fix=FIX)

FILE = FileResult(
    "pkg/a:b,c.py",
    fingerprinted([LEFT, LOSS, NOTE, FIXED, REFUSED]),
    (Rewrite(1, "pkg/a:b,c.py", "Net", FIX, TESTED, True), Rewrite(2, "pkg/a:b,c.py", "Other", FIX, REFUTED, False)),
    withheld={"LT107": 2},
    original=Source.from_bytes("pkg/a:b,c.py", b"y = x\n"),
    text="x\n",
)
BROKEN = FileResult("broken.py", failures=("broken.py:2: is not valid Python (oh\x1b); correct it",), skipped="is not valid Python (oh)")
CLEAN = FileResult("clean.py")
RUN = Run((FILE, BROKEN, CLEAN), (("gen.py", "says that it is generated"),), fixing=True, written=True)
CHECK = Run((FileResult("pkg/a:b,c.py", fingerprinted([LEFT, LOSS])), CLEAN))
EMPTY = Run((CLEAN,))
