"""Which lines of one file run: by sys.monitoring where there is one, else by a trace function that leaves other files alone."""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any, Callable, Optional, Set

_TOOL = 3  # free for others than debuggers, coverage tools, profilers and optimisers


class LineLog:
    """Whenever entered, notes the lines of `path` that run."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: Set[int] = set()
        self._before: Any = None

    def __enter__(self) -> LineLog:
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            self._before = sys.gettrace()
            sys.settrace(self._enter_frame)
        else:
            monitoring.use_tool_id(_TOOL, "lintorch")
            monitoring.register_callback(_TOOL, monitoring.events.LINE, lambda code, line: self._line(monitoring, code, line))
            monitoring.set_events(_TOOL, monitoring.events.LINE)
        return self

    def __exit__(self, *error: object) -> None:
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            sys.settrace(self._before)
        else:
            monitoring.set_events(_TOOL, 0)
            monitoring.free_tool_id(_TOOL)

    def _line(self, monitoring: Any, code: CodeType, line: int) -> Any:
        if code.co_filename == self.path:
            self.lines.add(line)
        return monitoring.DISABLE  # one look at a line is enough

    def _enter_frame(self, frame: FrameType, event: str, argument: Any) -> Optional[Callable[..., Any]]:
        return self._in_frame if frame.f_code.co_filename == self.path else None

    def _in_frame(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        if event == "line":
            self.lines.add(frame.f_lineno)
        return self._in_frame
