"""Telephone sound: 8 kHz, one channel, as 16 bit samples or µ-law; made, read and judged with the standard library."""

from __future__ import annotations

import io
import math
import struct
import wave
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

RATE = 8000
_PCM, _MU_LAW = 1, 7
SILENT_BELOW = 300  # of 32,768: the loudest sample of a silent file
FULL = 32_700  # a sample as good as full scale
CLIPPED_RUN = 4  # so many in a row are clipping, not a peak


class NotSound(Exception):
    """No WAV that can be read; the message says why."""


@dataclass(frozen=True)
class Sound:
    rate: int
    channels: int
    coding: str  # "16 bit", "µ-law", or what else it is
    seconds: float
    samples: tuple[int, ...]  # 16 bit values; empty for other codings

    @property
    def is_telephone(self) -> bool:
        return self.rate == RATE and self.channels == 1 and self.coding in ("16 bit", "µ-law")

    @property
    def is_silent(self) -> bool:
        return max(map(abs, self.samples), default=0) < SILENT_BELOW

    @property
    def is_clipped(self) -> bool:
        run = 0
        for sample in self.samples:
            run = run + 1 if abs(sample) >= FULL else 0
            if run >= CLIPPED_RUN:
                return True
        return False


@lru_cache(maxsize=16)
def silence(milliseconds: int) -> bytes:
    """A WAV of nothing."""
    return wav(bytes(2 * RATE * milliseconds // 1000))


def wav(frames: bytes) -> bytes:
    """16 bit samples at 8 kHz as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(frames)
    return out.getvalue()


def measure(path: Path) -> Sound:
    """What the file at `path` holds, without its samples; as long as the file is unchanged, it is read once. Raises NotSound."""
    return _measured(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8192)
def _measured(path: Path, _changed: int) -> Sound:
    found = read(path.read_bytes())
    return Sound(found.rate, found.channels, found.coding, found.seconds, ())


def read(content: bytes) -> Sound:
    """A WAV file, µ-law and the like included (which the `wave` module does not read). Raises NotSound."""
    chunks = _chunks(content)
    if "fmt " not in chunks or "data" not in chunks or len(chunks["fmt "]) < 16:
        raise NotSound("it is no WAV file")
    coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunks["fmt "][:16])
    data = chunks["data"]
    if not channels or not rate or not bits:
        raise NotSound("its header makes no sense")
    name = {(_PCM, 16): "16 bit", (_MU_LAW, 8): "µ-law"}.get((coding, bits), f"coding {coding} of {bits} bit")
    samples = _samples(name, data)
    return Sound(rate, channels, name, len(data) / (channels * rate * bits / 8), samples)


def _samples(coding: str, data: bytes) -> tuple[int, ...]:
    if coding == "16 bit":
        return struct.unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2])
    return tuple(_LINEAR[byte] for byte in data) if coding == "µ-law" else ()


def _chunks(content: bytes) -> dict[str, bytes]:
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise NotSound("it is no WAV file")
    chunks: dict[str, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        name, length = struct.unpack("<4sI", content[at : at + 8])
        chunks[name.decode("latin-1")] = content[at + 8 : at + 8 + length]  # a pipe's header may promise more than there is
        at += 8 + length + length % 2
    return chunks


def _expanded(byte: int) -> int:
    """ITU-T G.711 µ-law: one byte → 16 bit."""
    byte = ~byte & 0xFF
    value = (((byte & 0x0F) << 3) + 0x84 << ((byte & 0x70) >> 4)) - 0x84
    return -value if byte & 0x80 else value


_LINEAR = tuple(_expanded(byte) for byte in range(256))


def resampled(samples: tuple[int, ...], rate: int) -> bytes:
    """`samples` of `rate` a second as 16 bit at 8 kHz: what is above 4 kHz is filtered out first, or it would whistle."""
    taps = _low_pass(rate)
    half, step = len(taps) // 2, rate / RATE
    padded = (0,) * half + samples + (0,) * (half + 1)
    out = []
    for n in range(int(len(samples) / step)):
        at = round(n * step)
        value = sum(tap * sample for tap, sample in zip(taps, padded[at : at + len(taps)], strict=False))
        out.append(max(-32768, min(32767, round(value))))
    return struct.pack(f"<{len(out)}h", *out)


@lru_cache(maxsize=4)
def _low_pass(rate: int, width: int = 24) -> tuple[float, ...]:
    """A windowed sinc with its edge at 3.6 kHz."""
    cutoff = 3600 / rate
    taps = []
    for n in range(-width, width + 1):
        ideal = 2 * cutoff if n == 0 else math.sin(2 * math.pi * cutoff * n) / (math.pi * n)
        taps.append(ideal * (0.54 + 0.46 * math.cos(math.pi * n / width)))
    whole = sum(taps)
    return tuple(tap / whole for tap in taps)
