"""Telephone sound: 8 kHz, one channel, 16 bit."""

from __future__ import annotations

import io
import wave
from functools import lru_cache

RATE = 8000


@lru_cache(maxsize=16)
def silence(milliseconds: int) -> bytes:
    """A WAV of nothing."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(2 * RATE * milliseconds // 1000))
    return out.getvalue()
