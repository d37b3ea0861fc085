"""A telephone's sound: what is typed becomes a WAV, spoken by espeak-ng where it is installed, else a soft tone."""

from __future__ import annotations

import io
import math
import shutil
import struct
import subprocess
import wave

RATE = 8000
_VOICES = {"bn": "bn", "en": "en", "hi": "hi"}


def spoken(text: str, language: str = "bn") -> bytes:
    """`text` as 8 kHz, 16 bit, one channel; never silent."""
    program = shutil.which("espeak-ng")
    if program:
        done = subprocess.run([program, "-v", _VOICES.get(language, "en"), "--stdout", "--", text[:2000]], capture_output=True, timeout=30, check=False)
        if done.returncode == 0 and len(done.stdout) > 1000:
            return done.stdout
    return tone(max(1.0, min(len(text) * 0.07, 60)))


def tone(seconds: float) -> bytes:
    samples = (int(6000 * math.sin(2 * math.pi * 330 * i / RATE) * (0.6 + 0.4 * math.sin(i / 900))) for i in range(int(RATE * seconds)))
    return as_wav(b"".join(struct.pack("<h", s) for s in samples))


def as_wav(frames: bytes) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(frames)
    return out.getvalue()


def seconds(wav: bytes) -> int:
    try:
        with wave.open(io.BytesIO(wav)) as file:
            frames = file.getnframes()
            if frames > 2**30:  # written to a pipe: the header does not know its length
                frames = max(0, len(wav) - 44) // (file.getsampwidth() * file.getnchannels())
            return max(1, round(float(frames) / float(file.getframerate())))
    except (wave.Error, EOFError):
        return 1
