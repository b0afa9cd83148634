"""The processor at hand: which it is, and the flags that arithmetic libraries choose by."""

import functools
import platform
import re
from dataclasses import dataclass
from pathlib import Path

_ARITHMETIC_FLAGS = re.compile(r"^(sse|ssse|avx|fma|f16c|amx|neon|asimd|sve)")
# What a cap by oneDNN's name takes for granted, by the kernel's names of the flags.
_NEEDS = {
    "AVX2": {"avx2", "fma", "f16c"},
    "AVX512_CORE": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"},
}


@dataclass(frozen=True, slots=True)
class Processor:
    """Its vendor, family, model and stepping, as people call it, and its flags of arithmetic."""

    name: str
    title: str
    flags: tuple[str, ...]

    def lacks(self, isa: str) -> list[str]:
        """List the flags that an instruction set needs and this processor does not have."""
        return sorted(_NEEDS[isa] - {*self.flags})


@functools.cache
def processor() -> Processor:
    """Read it from the kernel; where that does not tell, there is a name and no flag."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return Processor(platform.processor(), platform.processor(), ())
    text = cpuinfo.read_text().split("\n\n")[0]
    lines = (line.partition(":") for line in text.splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    parts = [fields.get(key, "") for key in ("vendor_id", "cpu family", "model", "stepping")]
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return Processor(
        name=" ".join(filter(None, parts)),
        title=fields.get("model name", ""),
        flags=tuple(sorted(flag for flag in flags if _ARITHMETIC_FLAGS.match(flag))),
    )
