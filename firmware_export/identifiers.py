"""Names that C, C++, build systems and file systems accept, from names that people chose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from akrt.errors import UsageError

__all__ = ["MAX_LENGTH", "check_name", "constant_names", "mend_name"]

MAX_LENGTH = 40

# C99, C11, C23, C++17 keywords, alternative operators, and names that <stdint.h>, <string.h> and
# Arduino take as macros or types.
_WORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
constinit continue decltype default delete do double dynamic_cast else enum explicit export
extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
nullptr operator or or_eq private protected public register reinterpret_cast requires restrict
return short signed sizeof static static_assert static_cast struct switch template this
thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using
virtual void volatile wchar_t while xor xor_eq main size_t errno assert offsetof stdin stdout
stderr linux unix setup loop string byte boolean word
"""

# Headers whose place <name>.h would take in a search path: of C, POSIX, newlib and avr-libc, of
# compilers, Arduino (on file systems that ignore case), FreeRTOS, Zephyr and ESP-IDF.
_HEADERS = """
aio aliases alloca ar argp argz assert byteswap complex cpio crypt ctype dirent dlfcn elf endian
envz err errno error execinfo fcntl features fenv float fmtmsg fnmatch ftw getopt glob grp iconv
ifaddrs inttypes iso646 langinfo libgen libintl limits link locale malloc math memory monetary
mqueue ndbm netdb newlib nl_types obstack paths poll process pthread pty pwd reent regdef regex
resolv sched search semaphore setjmp shadow signal spawn stab stdalign stdarg stdatomic stdbit
stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string strings stropts syslog tar termcap
termio termios tgmath thread threads time trace ttyent uchar ulimit unctrl unistd utime utmp utmpx
values wait wchar wctype wordexp
devctl envlock fastmath fpu_control fstab fts gconv gshadow ieee754 ieeefp lastlog mcheck mntent
nss printf proc_service re_comp regexp sgtty stdfix stdio_ext syscall sysexits syslimits thread_db
ucontext
acc_prof arm_acle arm_bf16 arm_cde arm_cmse arm_fp16 arm_math arm_mve arm_mve_types arm_neon arm_sve
arm_vector_types backtrace cet cpuid intrin intrinsics mm3dnow mm_malloc omp openacc quadmath
quadmath_weak riscv_vector unwind unwind_arm_common varargs
arduino avr binary bluetooth board can client common eeprom ethernet hid hooks interrupts io
ipaddress keyboard mouse new pgmspace pins_arduino print printable sd serial server servo spi
stepper stream tone udp usb util variant wifi wire wiring wiring_private wmath wstring
croutine event_groups freertos freertosconfig list message_buffer mpu_wrappers portable portmacro
projdefs queue semphr stack_macros stream_buffer task timers
app_memory cache device devicetree drivers fatal init irq kernel kernel_structs linker shell
sys toolchain version zephyr
core_cm0 core_cm3 core_cm4 core_cm7 core_cm33 core_cm55 driver esp_err esp_log esp_system
lwip newlib sdkconfig soc tusb
"""

# Device names of Windows: no file can be called con.h there.
_DEVICES = "con prn aux nul " + " ".join(f"com{i} lpt{i}" for i in range(10))

# Targets that CMake, its generators, CTest, CPack, Zephyr and ESP-IDF make for themselves, without
# regard to case, and libraries of which lib<name>.a would take the place.
_TARGETS = """
all all_build app build clean continuous debug default_target depend dfu docs edit_cache
erase_flash experimental flash guiconfig help install install_local install_strip
list_install_components menuconfig monitor nightly nightly_memory_check package package_source
preinstall rebuild_cache run run_tests size test uninstall zero_check
akida atomic c c_nano compiler_rt crypto dl g gcc gcov ieee gloss m mbedtls nosys pthread rdimon
rt stdcpp supc unwind z
"""

_TAKEN = {
    "it is a reserved word": frozenset(_WORDS.split()),
    "its header would hide one of the system's": frozenset(_HEADERS.split()),
    "Windows has a device of this name": frozenset(_DEVICES.split()),
    "build systems and toolchains have a target or library of this name": frozenset(
        _TARGETS.split()
    ),
}
RESERVED = frozenset().union(*_TAKEN.values())

_ENDINGS = (
    "chip", "class", "kernels", "memory", "program", "selftest", "stream", "vectors", "weights",
)  # fmt: skip
"""Of the files and macros of an export: ``net_stream.h`` belongs to the export ``net``."""

# Letters that Unicode does not take apart into a letter of ASCII and a mark.
_LETTERS = str.maketrans(
    {
        **dict.fromkeys("æÆ", "AE"), **dict.fromkeys("œŒ", "OE"), **dict.fromkeys("øØ", "O"),
        **dict.fromkeys("đĐðÐ", "D"), **dict.fromkeys("þÞ", "TH"), **dict.fromkeys("łŁ", "L"),
        "ı": "I", "ß": "SS", "ẞ": "SS",
    }
)  # fmt: skip


def check_name(name: str) -> str:
    """`name`, if every symbol, file and target of an export can carry it.

    Raises:
        UsageError: it cannot; the message proposes a name that can.
    """
    problem = _problem(name)
    if problem is not None:
        raise UsageError(
            f"'{name}' cannot name the exported C symbols: {problem}; try '{mend_name(name)}'"
        )
    return name


def mend_name(name: str) -> str:
    """The nearest name that `check_name` accepts: ``DS-CNN (kws)`` becomes ``ds_cnn_kws``."""
    mended = re.sub(r"[^a-z0-9]+", "_", _ascii(name).lower()).strip("_")[:MAX_LENGTH].strip("_")
    if not mended or _unusable(mended) is not None:
        mended = f"model_{mended}".strip("_")[:MAX_LENGTH].rstrip("_")
    if _ending(mended) is not None:
        mended = mended[: MAX_LENGTH - len("_net")].rstrip("_") + "_net"
    return mended


def constant_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Labels as tails of macros, all different: ``_silence_`` becomes ``SILENCE``.

    Marks are dropped from letters: ``größe`` becomes ``GROSSE``. A label of which ASCII then lacks
    a letter becomes its index; of equals, every one has its index appended; where that makes equals
    again, all become their indices.
    """
    names = [_constant_name(text) or str(index) for index, text in enumerate(texts)]
    doubtful = {name for name in names if names.count(name) > 1}
    unique = [f"{name}_{i}" if name in doubtful else name for i, name in enumerate(names)]
    if len(set(unique)) < len(unique):  # "a", "a", "a_1"
        return tuple(map(str, range(len(texts))))
    return tuple(unique)


def _constant_name(text: str) -> str:
    """Empty where a letter or digit of `text` has no counterpart in ASCII."""
    plain = _ascii(text)
    if any(c.isalnum() and not c.isascii() for c in plain):
        return ""
    return re.sub(r"[^A-Z0-9]+", "_", plain.upper()).strip("_")


def _ascii(text: str) -> str:
    """Letters without their marks, as far as Unicode takes them apart."""
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(c for c in apart if not unicodedata.combining(c))


def _problem(name: str) -> str | None:
    if _unusable(name) is None and _ending(name) is not None:
        return f"names that end in '_{_ending(name)}' belong to the export of another name"
    return _unusable(name)


def _unusable(name: str) -> str | None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return "it must be lower-case letters, digits and '_', starting with a letter"
    if len(name) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    if "__" in name or name.endswith("_"):
        return "C++ reserves names with '__', and one that ends in '_' would make them"
    for problem, names in _TAKEN.items():
        if name in names:
            return problem
    if re.fullmatch("[a-z0-9]+intrin", name):
        return "its header would hide one of a compiler's"
    if name.startswith("akrt"):
        return "names that start with 'akrt' belong to the kernels"
    return None


def _ending(name: str) -> str | None:
    """How `name` ends, where files of another export may have that name."""
    return next((e for e in _ENDINGS if name.endswith(f"_{e}")), None)
