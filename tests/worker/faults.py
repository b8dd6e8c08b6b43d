"""Faults of user code: what a careless or broken forward may do, and what must come of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

# Seconds that a job may take; faults that never end cost this much.
LIMIT = 4.0

SURVIVES = "same-trace|tested"


@dataclass(frozen=True)
class Fault:
    """`body` runs in forward (of both versions, or of the rewrite alone), `prelude` at import. `status` and `reason` are patterns of the verdict's."""

    name: str
    body: str
    reason: str
    status: str = "undecided"
    prelude: str = ""
    only_in_rewrite: bool = False

    def case(self) -> dict[str, object]:
        return asdict(self)


def refused(name: str, body: str, error: str = "PermissionError|OSError|RuntimeError|BlockingIOError", prelude: str = "") -> Fault:
    """Something that a child may not do: the call fails, and forward with it."""
    return Fault(name, body, f"({error})", prelude=prelude)


def swallowed(name: str, body: str, prelude: str = "") -> Fault:
    """The same where the code goes on regardless: it must have had no effect, and the verdict is as if it were not there."""
    attempt = "try:\n" + "\n".join(f"    {line}" for line in body.splitlines()) + "\nexcept Exception:\n    pass"
    return Fault(f"{name}, swallowed", attempt, "", SURVIVES, prelude)


LIBC = """\
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    if libc.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""

ENDLESS = (
    Fault("python loop", "while True:\n    pass", "timed out|processor time|ran for more than"),
    Fault("long multiplication holding the lock", "10 ** (10 ** 9)", "timed out|processor time|MemoryError|ran for more than"),
    Fault("regular expression backtracking", "re.match('(a+)+$', 'a' * 64 + 'b')", "timed out|processor time|ran for more than"),
    Fault(
        "deadlock with signals ignored",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        "timed out",
    ),
    Fault("sleep", "time.sleep(1000)", "timed out"),
    Fault("endless import", "", "^$|timed out|processor time|ImportTimeout|ran for more than", f"undecided|{SURVIVES}", prelude="while True:\n    pass"),
    Fault("endless rewrite", "while True:\n    pass", "the rewrite (timed out|used up its processor time)|ran for more than", only_in_rewrite=True),
)

MEMORY = (
    Fault(
        "list of byte arrays", "held = []\nwhile True:\n    held.append(bytearray(64 << 20))", "MemoryError|timed out|processor time|SIGKILL|ran for more than"
    ),
    Fault(
        "tensors without end",
        "held = []\nwhile True:\n    held.append(torch.ones(16 << 20))",
        "can't allocate memory|MemoryError|timed out|processor time|ran for more than|[Tt]oo ?[Ll]arge",
    ),
    Fault(
        "shared memory map",
        "import mmap\nheld = []\nwhile True:\n    m = mmap.mmap(-1, 256 << 20)\n    m.write(b'x' * (256 << 20))\n    held.append(m)",
        "OSError|MemoryError|ValueError|timed out|processor time|ran for more than",
    ),
    Fault("one tensor of a terabyte", "torch.empty(1 << 38)", "can't allocate memory|MemoryError|too large to be run"),
)

CRASHES = (
    Fault("abort", "os.abort()", "killed by SIGABRT"),
    Fault("segmentation fault", "import ctypes\nctypes.string_at(0)", "killed by SIGSEGV"),
    Fault(
        "overflow of the C stack",
        "sys.setrecursionlimit(10 ** 9)\ng = []\nfor _ in range(10 ** 6):\n    g = [g]\nrepr(g)",
        "killed by SIGSEGV|RecursionError|timed out|MemoryError|ran for more than",
    ),
    Fault("exit behind Python's back", "os._exit(0)", "ended without a result"),
    Fault("exit behind Python's back with a status", "os._exit(7)", "ended without a result"),
    Fault("sys.exit", "sys.exit(3)", "SystemExit"),
    Fault("sys.exit at import", "", "^$|SystemExit|cannot be loaded", f"undecided|{SURVIVES}", prelude="sys.exit(3)"),
    Fault("exit in the rewrite", "os._exit(0)", "the rewrite ended without a result", only_in_rewrite=True),
    Fault("abort in the rewrite", "os.abort()", "the rewrite was killed by SIGABRT", only_in_rewrite=True),
    Fault("recursion", "def again():\n    return again()\nagain()", "RecursionError"),
    Fault("keyboard interrupt", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    Fault(
        "torch taken apart",
        "for name in [n for n in sys.modules if n.startswith('torch')]:\n    del sys.modules[name]\nimport torch as again\nagain.ones(2)",
        "",
        "undecided|refuted|same-trace|tested",
    ),
)

PROCESSES = (
    refused("fork", "if os.fork() == 0:\n    os._exit(0)"),
    Fault("fork bomb", "while True:\n    os.fork()", "PermissionError"),
    refused("double fork", "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(60)\n    os._exit(0)"),
    refused("own session", "os.setsid()"),
    refused("own group", "os.setpgid(0, 0)"),
    Fault(
        "thread bomb",
        "held = [threading.Thread(target=time.sleep, args=(60,)) for _ in range(100000)]\nfor t in held:\n    t.start()",
        "can't start new thread|timed out|MemoryError|processor time|can't allocate|ran for more than",
    ),
    Fault("thread that stays", "threading.Thread(target=time.sleep, args=(60,)).start()", "", SURVIVES),
    Fault("hanging atexit", "import atexit\natexit.register(time.sleep, 60)", "", SURVIVES),
    refused("subprocess", "subprocess.run(['true'])"),
    refused("shell", "if os.system('true') != 0:\n    raise OSError('refused')"),
    refused("exec", "os.execv('/bin/true', ['true'])"),
    refused("data loader workers", "list(torch.utils.data.DataLoader([1, 2, 3], num_workers=1))"),
    refused("killing the parent", "os.kill(os.getppid(), signal.SIGKILL)"),
    refused("killing everybody", "os.kill(-1, signal.SIGKILL)"),
    refused("tracing the parent", "call(101, 16, os.getppid(), 0, 0)", prelude=LIBC),
    refused("io_uring", "call(425, 8, 0)", prelude=LIBC),
    refused("leaving the namespaces", "call(272, 0x10000000)", prelude=LIBC),
    refused("higher limits", "import resource as r\nr.setrlimit(r.RLIMIT_CPU, (r.RLIM_INFINITY, r.RLIM_INFINITY))", "ValueError|PermissionError"),
)

FILES = (
    refused("opening to write", "open(USER_FILE, 'w')"),
    refused("opening to append", "open(USER_FILE, 'a')"),
    refused("truncating", "os.truncate(USER_FILE, 0)"),
    refused("unlinking", "os.unlink(USER_FILE)"),
    refused("renaming", "os.rename(USER_FILE, USER_FILE + '2')"),
    refused("replacing", "open('mine', 'w').close() if False else os.replace(__file__, USER_FILE)"),
    refused("removing a tree", "import shutil\nshutil.rmtree(os.path.dirname(USER_FILE))"),
    refused("a new file beside", "open(USER_FILE + '.new', 'w')"),
    refused("a new folder", "os.mkdir(USER_FILE + '.d')"),
    refused("a symbolic link", "os.symlink('/etc/passwd', USER_FILE + '.link')"),
    refused("a hard link", "os.link(USER_FILE, USER_FILE + '.hard')"),
    refused("changing the mode", "os.chmod(USER_FILE, 0o777)"),
    refused("changing the times", "os.utime(USER_FILE, (1, 1))"),
    refused("changing the owner", "os.chown(USER_FILE, os.getuid(), os.getgid())"),
    refused("extended attributes", "os.setxattr(USER_FILE, 'user.x', b'1')"),
    refused("shared memory files", "open('/dev/shm/lintorch-test', 'w')"),
    refused("saving a model", "torch.save(torch.ones(2), USER_FILE + '.pt')"),
    refused("anonymous files", "os.memfd_create('x')"),
    refused("the terminal", "open('/dev/tty', 'w').write('x')"),
    refused("a huge private file", "open(os.path.join(os.environ['TMPDIR'], 'x'), 'wb').truncate(1 << 30)"),
    swallowed("opening to write", "open(USER_FILE, 'w').write('gone')"),
    swallowed("unlinking", "os.unlink(USER_FILE)"),
    swallowed("changing the mode", "os.chmod(USER_FILE, 0o777)"),
    Fault("its own private file", "with open(os.path.join(os.environ['TMPDIR'], 'x'), 'w') as f:\n    f.write('x')", "", SURVIVES),
    Fault("the null device", "print('x', file=open(os.devnull, 'w'))", "", SURVIVES),
)

NETWORK = (
    refused("tcp", "socket.create_connection(('127.0.0.1', 9), timeout=60)"),
    refused("udp", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))"),
    refused("unix socket", "socket.socket(socket.AF_UNIX).connect('/tmp/x')"),
    refused("name look-up", "socket.getaddrinfo('example.org', 80)", "gaierror|OSError|PermissionError"),
    refused("download", "torch.hub.load_state_dict_from_url('http://127.0.0.1:9/x.pt')", "URLError|PermissionError|OSError"),
    refused(
        "process group",
        "torch.distributed.init_process_group('gloo', init_method='tcp://127.0.0.1:29500', rank=0, world_size=1)",
        "RuntimeError|OSError|PermissionError|DistNetworkError|ValueError",
    ),
)

SECRETS = (
    Fault("environment", "if 'LINTORCH_SECRET' in os.environ:\n    raise ValueError('leaked')", "", SURVIVES),
    refused("the parent's environment", "open(f'/proc/{os.getppid()}/environ').read().index('x')", "PermissionError|OSError|ValueError"),
    Fault("standard input", "if sys.stdin.read():\n    raise ValueError('read something')", "", SURVIVES),
)

PIPES = (
    Fault("flood of prints", "print('x' * (4 << 20))", "", SURVIVES),
    Fault("flood on the descriptor", "for _ in range(16):\n    os.write(1, b'x' * (1 << 20))", "", SURVIVES),
    Fault("writing to every descriptor", "for fd in range(3, 64):\n    try:\n        os.write(fd, b'forged')\n    except OSError:\n        pass", "no result"),
    Fault("closing every descriptor", "os.closerange(0, 256)", "without a result|no result|failure|OSError"),
    Fault(
        "forged bytes from the rewrite",
        "for fd in range(3, 64):\n    try:\n        os.write(fd, b'lintorch' + bytes(200))\n    except OSError:\n        pass",
        "the rewrite sent bytes that are no result",
        only_in_rewrite=True,
    ),
)

MEDDLING = (
    Fault(
        "comparison made blind",
        "torch.allclose = torch.equal = lambda *a, **k: True\ntorch.testing.assert_close = lambda *a, **k: None\nx = x + 1e-3",
        "output",
        "refuted",
        only_in_rewrite=True,
    ),
    Fault("default dtype changed", "torch.set_default_dtype(torch.float64)", "default dtype", "refuted", only_in_rewrite=True),
    Fault("many threads", "torch.set_num_threads(8)\n(torch.ones(256, 256) @ torch.ones(256, 256)).sum()", "", "same-trace|tested|undecided"),
    Fault("compiling", "x = torch.compile(lambda v: v + 1)(x)", "", "same-trace|tested|undecided"),
    Fault("changing between calls", "x = x + time.perf_counter()", "differs from itself"),
    Fault("reading memory nobody wrote", "x = x + torch.empty(64)[:1]", "differs from itself|NaN"),
)

FAULTS = (*ENDLESS, *MEMORY, *CRASHES, *PROCESSES, *FILES, *NETWORK, *SECRETS, *PIPES, *MEDDLING)
