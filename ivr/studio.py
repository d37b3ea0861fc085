"""For the studio: which recordings the voice line can use, which of those there are and whether they are fit, and a synthetic set of
them to review until there are real ones. `flask prompts script | check | render`."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from helpline.checks import SYNTHETIC
from helpline.config import Config
from helpline.reference import Named, Reference
from helpline.runtime import Runtime
from ivr import sound, timing
from ivr.menu import choices_of
from ivr.recorded import audio_directory, part_name, parts
from ivr.speech import figures
from prompts.catalogue import Catalogue, Entry

MARKED = "Made by espeak-ng for review: no studio recordings, not for citizens.\n"
SHORTEST = 0.3  # of the reckoned time: what is shorter was cut off
_VOICES = {"bn": "bn", "en": "en-gb", "hi": "hi"}
_WORDS_A_MINUTE = {"bn": 175, "en": 160, "hi": 170}
YEARS = 4


class NoVoice(Exception):
    """espeak-ng is not installed."""


@dataclass(frozen=True)
class Line:
    """One recording: `name` is its file's name without `.wav`."""

    name: str
    language: str
    text: str
    sentence: str = ""  # that it is a part of

    @property
    def file(self) -> str:
        return f"{self.language}/{self.name}.wav"


# ── the script ──


def script(runtime: Runtime, year: int, languages: Sequence[str]) -> list[Line]:
    """Every recording that can be used, language by language, sentences first; years from `year` on."""
    return [line for language in languages for line in _lines(runtime.config, runtime.reference, runtime.catalogue, year, language)]


def _lines(config: Config, reference: Reference, catalogue: Catalogue, year: int, language: str) -> Iterator[Line]:
    for entry in catalogue:
        yield from (Line(name, language, text, entry.texts[language]) for name, text in _sentences(entry, language))
    values: list[tuple[str, str]] = [("helpline", config.helpline.name(language))]
    values += [(f"digit.{n}", figures(str(n), language)) for n in range(10)]
    values += [(f"day.{n}", figures(str(n), language)) for n in range(1, 32)]
    values += [(f"year.{n}", figures(str(n), language)) for n in range(year, year + YEARS)]
    tables: dict[str, Mapping[str, Named]] = {"category": reference.categories, "district": reference.districts, "department": reference.departments}
    values += [(f"{kind}.{code}", named.name(language)) for kind, table in tables.items() for code, named in table.items()]
    yield from (Line(name, language, text) for name, text in values)


def _sentences(entry: Entry, language: str) -> Iterator[tuple[str, str]]:
    """(file name, words) of what a prompt is put together from."""
    if not entry.key.startswith("voice."):
        return
    key = entry.key.removeprefix("voice.")
    if key.endswith(".choices"):
        yield from ((part_name(key, number), text) for number, text in enumerate(choices_of(entry.texts[language]), start=1))
    else:
        yield from ((name, words) for kind, name, words in parts(key, entry.texts[language]) if kind == "part")


def as_text(lines: Iterable[Line]) -> str:
    """For reading: one line a recording."""
    return "".join(f"{line.file}  {line.text}\n" for line in lines)


def as_csv(lines: Iterable[Line]) -> str:
    """For the studio's table; `sentence` shows where a part of one stands."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["id", "language", "text", "file", "seconds", "sentence"])
    rows.writerows([line.name, line.language, line.text, line.file, f"{timing.seconds(line.text, line.language):.1f}", line.sentence] for line in lines)
    return out.getvalue()


# ── what there is ──


def check(directory: Path, lines: Sequence[Line]) -> list[str]:
    """What is missing or unfit in `directory`, and what nobody plays, one sentence each."""
    found = [fault for line in lines for fault in _faults(directory / line.file, line)]
    wanted, languages = {line.file for line in lines}, {line.language for line in lines}
    there = [path for language in sorted(languages) for path in sorted((directory / language).glob("*")) if path.is_file()]
    return found + [f"{path.relative_to(directory)}: nobody plays this" for path in there if str(path.relative_to(directory)) not in wanted]


def _faults(path: Path, line: Line) -> list[str]:
    if not path.is_file():
        return [f"{line.file}: missing: {line.text}"]
    try:
        heard = sound.read(path.read_bytes())
    except sound.NotSound as error:
        return [f"{line.file}: {error}"]
    if not heard.is_telephone:
        return [f"{line.file}: {heard.rate} Hz, {heard.channels} channels, {heard.coding}: it must be 8000 Hz, 1 channel, 16 bit or µ-law"]
    reckoned = timing.seconds(line.text, line.language)
    judged = {
        "silent": heard.is_silent,
        "clipped: its loudest parts are cut off": heard.is_clipped,
        f"{heard.seconds:.1f} s long, {timing.LONGEST:.0f} are allowed": heard.seconds > timing.LONGEST,
        f"{heard.seconds:.1f} s long, cut off? It should take {reckoned:.1f}": not heard.is_silent and heard.seconds < SHORTEST * reckoned,
    }
    return [f"{line.file}: {fault}" for fault, is_so in judged.items() if is_so]


def coverage(directory: Path, lines: Sequence[Line]) -> list[str]:
    """How much of each language is recorded."""
    told = []
    for language in dict.fromkeys(line.language for line in lines):
        own = [line for line in lines if line.language == language]
        told.append(f"{language}: {sum((directory / line.file).is_file() for line in own)} of {len(own)} recorded")
    return told


def is_synthetic(config: Config) -> bool:
    return (audio_directory(config) / SYNTHETIC).is_file()


# ── a set to review ──


def render(directory: Path, lines: Sequence[Line], told: Callable[[int], None] = lambda _done: None) -> int:
    """Speak every line into `directory` with espeak-ng, 8 kHz and one channel, marked as synthetic. Raises NoVoice."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise NoVoice
    directory.mkdir(parents=True, exist_ok=True)
    (directory / SYNTHETIC).write_text(MARKED, encoding="utf-8")
    for language in {line.language for line in lines}:
        (directory / language).mkdir(exist_ok=True)
    with ProcessPoolExecutor() as pool:
        for done, (line, wav) in enumerate(zip(lines, pool.map(partial(_spoken, program), lines, chunksize=16), strict=True), start=1):
            (directory / line.file).write_bytes(wav)
            told(done)
    return len(lines)


def _spoken(program: str, line: Line) -> bytes:
    speed = str(_WORDS_A_MINUTE[line.language])
    made = subprocess.run([program, "-v", _VOICES[line.language], "-s", speed, "--stdout", "--", line.text], capture_output=True, check=True, timeout=60)
    heard = sound.read(made.stdout)
    return sound.wav(sound.resampled(_without_silence(heard.samples, heard.rate), heard.rate))


def _without_silence(samples: tuple[int, ...], rate: int) -> tuple[int, ...]:
    """Pieces follow one another: a twentieth of a second is left before and after."""
    loud = [at for at, sample in enumerate(samples) if abs(sample) > sound.SILENT_BELOW]
    rest = rate // 20
    return samples[max(0, loud[0] - rest) : loud[-1] + rest] if loud else samples
