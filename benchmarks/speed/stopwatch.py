"""Runs one command and prints what it took. A process of its own and a small one: Linux counts the memory of whoever starts a program as the program's."""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = {"wall": time.perf_counter() - start, "processor": usage.ru_utime + usage.ru_stime, "megabytes": usage.ru_maxrss / 1024}
    print(json.dumps({**took, "status": os.waitstatus_to_exitcode(status)}))
