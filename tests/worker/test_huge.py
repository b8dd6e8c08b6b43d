"""Memory gathered in huge pages holds what it held."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """\
import hashlib, os
from lintorch.worker.huge import gather

held = [os.urandom(64) * 16 for _ in range(20_000)]
before = hashlib.sha256(b"".join(held)).hexdigest()
gather()
print(hashlib.sha256(b"".join(held)).hexdigest() == before)
print(next(line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are asked for on Linux alone")
def test_contents_stay_and_pages_are_huge_where_the_system_has_them() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    same, kilobytes = done.stdout.split()
    assert same == "True"
    if kilobytes == "0":
        pytest.skip("this system gathers nothing")
    assert int(kilobytes) >= 2048
