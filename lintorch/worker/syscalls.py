"""Numbers of the Linux system calls that a confined child is refused, for the two architectures that have a table here."""

from __future__ import annotations

import platform
from typing import Dict, FrozenSet, NamedTuple, Optional

# Names in the order of both columns: x86_64, arm64 (the generic table). None: the architecture has no such call.
_NUMBERS: Dict[str, "tuple[Optional[int], Optional[int]]"] = {
    # network
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept4": (288, 242),
    # other programs and processes
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "clone": (56, 220),
    "clone3": (435, 435),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "setpriority": (141, 140),
    "prlimit64": (302, 261),
    "setrlimit": (160, 164),
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setgroups": (116, 159),
    "capset": (126, 91),
    "personality": (135, 92),
    # what Landlock leaves open on files: metadata; and truncate, which its first versions leave open too
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "truncate": (76, 45),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    # memory that outlives or escapes the limits
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # the system
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
    "syslog": (103, 116),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "vhangup": (153, 58),
    # not refused as such: looked into, or needed by name
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "creat": (85, None),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
}

# Asked about with care by the filter itself: refused for some arguments only.
CONDITIONAL = frozenset({"clone", "clone3", "kill", "tkill", "tgkill", "prlimit64"})
# Refused only where Landlock does not guard the file system.
FILE_CHANGES = frozenset(
    {
        "creat",
        "openat2",
        "rename",
        "renameat",
        "renameat2",
        "unlink",
        "unlinkat",
        "mkdir",
        "mkdirat",
        "rmdir",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "mknod",
        "mknodat",
    }
)
_NEVER_REFUSED = frozenset({"open", "openat", "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"})
REFUSED = frozenset(_NUMBERS) - CONDITIONAL - FILE_CHANGES - _NEVER_REFUSED

# The highest call any table above knows; later ones are answered "no such call", which libraries expect of an older kernel.
NEWEST = 452


class Architecture(NamedTuple):
    """What a seccomp filter must know of a machine."""

    audit: int  # AUDIT_ARCH_*
    column: int

    def number(self, name: str) -> Optional[int]:
        """The number of a call, or None where the machine has none of that name."""
        return _NUMBERS[name][self.column]

    def numbers(self, names: FrozenSet[str]) -> "list[int]":
        """The numbers of those calls that the machine has, sorted."""
        return sorted(number for number in map(self.number, names) if number is not None)


_ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, 0),
    "amd64": Architecture(0xC000003E, 0),
    "aarch64": Architecture(0xC00000B7, 1),
    "arm64": Architecture(0xC00000B7, 1),
}


def architecture(machine: "Optional[str]" = None) -> Optional[Architecture]:
    """The table of a machine (default: this one), or None where there is none."""
    return _ARCHITECTURES.get((machine or platform.machine()).lower())
