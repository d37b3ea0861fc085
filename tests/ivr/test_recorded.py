"""Recorded prompts: real WAV files, some made here and some spoken by espeak-ng, judged and played."""

from __future__ import annotations

import csv
import io
import math
import struct
import wave

import httpx
import pytest
from sqlalchemy import select

from commands import simulator_settings
from helpline import checks
from ivr import sound, speech, studio, timing
from ivr.recorded import Recordings, parts
from models import Complaint
from prompts.catalogue import load
from simulator.driver import Caller
from simulator.network import Network
from tests.conftest import PUBLIC_URL, make_config

YEAR = 2026


def tone(seconds, *, rate=8000, level=0.5, channels=1):
    frames = b"".join(struct.pack("<h", int(level * 32767 * math.sin(2 * math.pi * 330 * n / rate))) * channels for n in range(int(seconds * rate)))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames)
    return out.getvalue()


def mu_law(seconds):
    data = bytes(0x80 + n % 40 for n in range(int(seconds * 8000)))
    head = struct.pack("<4sIHHIIHHH", b"fmt ", 18, 7, 1, 8000, 8000, 1, 8, 0)
    body = head + struct.pack("<4sI", b"data", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.fixture
def database_url(sqlite_url):
    """Nothing here depends on the store."""
    return sqlite_url


@pytest.fixture
def recorded(tmp_path):
    """A directory of recordings, to be filled: name → WAV."""
    directory = tmp_path / "audio"

    def record(language, **files):
        (directory / language).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (directory / language / f"{name}.wav").write_bytes(content)
        return directory

    return record


@pytest.fixture
def application(sqlite_url, tmp_path, recorded):
    """The application with the recordings of the directory, and a caller."""
    made = []

    def start(directory):
        from app import create_app

        config = make_config(tmp_path, sqlite_url, **{"voice.audio_dir": str(directory)})
        app = create_app(config)
        client = httpx.Client(transport=httpx.WSGITransport(app=app), base_url=PUBLIC_URL)
        made.extend([app, client])
        return app, Caller(Network(simulator_settings(config), client), "+919830012345")

    yield start
    for part in made:
        part.extensions["runtime"].dispose() if hasattr(part, "extensions") else part.close()


def heard(caller):
    return [text.removeprefix(f"♪ {PUBLIC_URL}/ivr/audio/") for text in caller.last_said.split("\n")]


# ── judged ──


@pytest.fixture
def line():
    return studio.Line("problem", "bn", load()["voice.problem"].texts["bn"])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (tone(6.0), None),
        (mu_law(6.0), None),
        (tone(6.0, level=0), "silent"),
        (tone(6.0, level=0.003), "silent"),
        (tone(9.0), "9.0 s long, 8 are allowed"),
        (tone(1.0), "cut off?"),
        (tone(6.0, rate=44100), "44100 Hz"),
        (tone(6.0, channels=2), "2 channels"),
        (b"ID3\x04not a wav", "no WAV file"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "no WAV file"),
    ],
)
def test_each_file_is_judged(recorded, line, content, fault):
    found = studio.check(recorded("bn", problem=content), [line])
    assert (found == []) if fault is None else (len(found) == 1 and fault in found[0] and found[0].startswith("bn/problem.wav: "))


def test_clipping_is_found_and_a_peak_is_not(recorded, line):
    loud = [min(32767, max(-32768, int(60000 * math.sin(n / 9)))) for n in range(48000)]
    clipped = sound.wav(struct.pack("<48000h", *loud))
    assert "clipped" in studio.check(recorded("bn", problem=clipped), [line])[0]
    peaks = [32767 if n % 100 == 0 else int(9000 * math.sin(n / 9)) for n in range(48000)]
    assert studio.check(recorded("bn", problem=sound.wav(struct.pack("<48000h", *peaks))), [line]) == []


def test_what_is_missing_and_what_nobody_plays_is_told(recorded, line):
    directory = recorded("bn", probelm=tone(6.0))
    assert studio.check(directory, [line]) == [f"bn/problem.wav: missing: {line.text}", "bn/probelm.wav: nobody plays this"]


def test_mu_law_is_expanded_as_the_recommendation_says():
    assert [sound._LINEAR[byte] for byte in (0x00, 0x80, 0x7F, 0xFF, 0xF0, 0x70)] == [-32124, 32124, 0, 0, 120, -120]


def test_what_cannot_be_heard_at_8_khz_is_filtered_out():
    rate = 22050
    low = tuple(int(9000 * math.sin(2 * math.pi * 700 * n / rate)) for n in range(rate))
    high = tuple(int(9000 * math.sin(2 * math.pi * 6500 * n / rate)) for n in range(rate))
    kept = struct.unpack("<8000h", sound.resampled(low, rate))
    gone = struct.unpack("<8000h", sound.resampled(high, rate))
    assert max(kept[500:7500]) > 8000
    assert max(map(abs, gone[500:7500])) < 500


# ── the script ──


def test_the_script_has_every_sentence_and_value_once_in_each_language(app):
    lines = studio.script(app.extensions["runtime"], YEAR, ("bn", "en", "hi"))
    files = [line.file for line in lines]
    assert len(files) == len(set(files)) > 1000
    for wanted in ("bn/digit.0", "bn/day.31", "bn/month.12", "bn/year.2026", "hi/district.303", "en/department.phe", "bn/category.ROAD.LIGHT",
                   "bn/main.choices-1", "bn/registered-3", "bn/problem", "en/helpline"):  # fmt: skip
        assert f"{wanted}.wav" in files, wanted
    assert all(line.text.strip() for line in lines)
    assert not any("{" in line.text for line in lines)


def test_flask_prompts_script(app):
    done = app.test_cli_runner().invoke(args=["prompts", "script", "--csv", "--language", "bn"])
    rows = list(csv.DictReader(io.StringIO(done.output)))
    row = next(row for row in rows if row["id"] == "registered-2")
    assert row == {"id": "registered-2", "language": "bn", "text": "আবার বলছি:", "file": "bn/registered-2.wav",
                   "seconds": f"{timing.seconds('আবার বলছি:', 'bn'):.1f}", "sentence": load()["voice.registered"].texts["bn"]}  # fmt: skip
    assert "bn/problem.wav  " in app.test_cli_runner().invoke(args=["prompts", "script"]).output


def test_flask_prompts_check(app, recorded, monkeypatch):
    directory = recorded("bn", problem=tone(6.0))
    monkeypatch.setattr("ivr.recorded.audio_directory", lambda _config: directory)
    done = app.test_cli_runner().invoke(args=["prompts", "check", "--language", "bn"])
    assert done.exit_code == 1
    assert "bn/name.wav: missing" in done.output
    assert "bn: 1 of " in done.output


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a sentence.", [("part", "key", "a sentence.")]),
        ("{topic}, {n}.", [("value", "topic", ""), ("value", "n", "")]),
        ("No. {ack}। again: {ack}", [("part", "key-1", "No."), ("value", "ack", ""), ("part", "key-2", "again:"), ("value", "ack", "")]),
        (" ", []),
    ],
)
def test_a_sentence_is_split_at_its_values(text, made):
    assert parts("key", text) == made


# ── played ──


def test_a_recording_replaces_synthetic_speech_prompt_by_prompt(application, recorded):
    app, caller = application(recorded("en", **{"main.choices-1": tone(2), "problem": tone(6), "name": tone(2)}))
    caller.dials().presses("2")
    assert heard(caller)[0] == "en/main.choices-1.wav"
    assert heard(caller)[1] == "silence/350.wav"
    assert "status of a complaint" in heard(caller)[2], "the others are synthetic"
    caller.presses("1", "1", "1")
    assert heard(caller) == ["en/problem.wav"]
    with app.test_client().get("/ivr/audio/en/problem.wav") as got:
        assert got.data == tone(6)
        assert got.mimetype == "audio/wav"
    assert app.test_client().get("/ivr/audio/en/..%2f..%2fconfig.wav").status_code == 404


PIECES = ["registered-1", "registered-2", "registered-3", *(f"digit.{n}" for n in range(10))]


def filed(caller):
    return caller.dials().presses("2", "1", "1", "1").speaks("road", "en").presses("1", "3").speaks("R", "en").presses("1", "1")


def test_the_number_is_put_together_from_recorded_digits_with_pauses(application, recorded):
    app, caller = application(recorded("en", **dict.fromkeys(PIECES, tone(0.5))))
    filed(caller)
    with app.extensions["runtime"].reading() as db:
        ack = db.scalars(select(Complaint)).one().ack
    said = []
    for group in (ack[:3], ack[3:7], ack[7:]):
        said += [f"en/digit.{figure}.wav" for figure in group] + ["silence/400.wav"]
    assert heard(caller)[:27] == ["en/registered-1.wav", *said[:-1], "en/registered-2.wav", *said[:-1]][:27]
    assert "en/registered-3.wav" in heard(caller)


def test_with_one_piece_missing_the_whole_sentence_is_synthetic(application, recorded):
    there = [*PIECES[:3], "digit.2"]  # whatever the number will be, one of its digits is not there
    _app, caller = application(recorded("en", **dict.fromkeys(there, tone(0.5))))
    filed(caller)
    assert "The complaint number is" in heard(caller)[0]
    assert not any("digit" in piece for piece in heard(caller))


def test_dates_names_and_years_from_their_digits(recorded):
    names = ["told.date-1", "day.14", "month.12", *(f"digit.{n}" for n in range(10)), "district.303", "item.district-1", "item.district-2", "category.ROAD"]
    recordings = Recordings(load(), recorded("bn", **dict.fromkeys(names, tone(0.4))))
    from datetime import UTC, datetime

    due = speech.date(datetime(2026, 12, 14, 6, tzinfo=UTC), "bn", load())
    assert due == "১৪ ডিসেম্বর ২০২৬"
    year = ["digit.2", "digit.0", "digit.2", "digit.6"]
    assert recordings.of("told.date", "bn", {"date": due}) == ["told.date-1", "day.14", "month.12", *year]
    topic, key = speech.Spoken("উত্তর ২৪ পরগনা", "district.303"), speech.digits("3", "bn")
    assert recordings.of("item.district", "bn", {"topic": topic, "n": key}) == ["district.303", "item.district-1", "digit.3", "item.district-2"]
    assert recordings.of("item.district", "bn", {"topic": "a plain text", "n": key}) == []
    assert recordings.of("item.district", "en", {"topic": topic, "n": key}) == []


# ── a synthetic set ──


def test_a_set_rendered_by_espeak_is_fit_marked_and_played(app, application, tmp_path):
    """Real speech in three languages: whole sentences, values, and the measured seconds of the tree."""
    directory = tmp_path / "rendered"
    wanted = ("problem", "main.choices", "digit.1", "digit.2", "month.5", "registered", "category.ROAD.LIGHT")
    lines = [line for line in studio.script(app.extensions["runtime"], YEAR, ("bn",)) if line.name.startswith(wanted)]
    lines += [line for line in studio.script(app.extensions["runtime"], YEAR, ("en", "hi")) if line.name in ("problem", "digit.7")]
    assert studio.render(directory, lines) == len(lines)
    assert studio.check(directory, lines) == []
    assert "no studio recordings" in (directory / checks.SYNTHETIC).read_text(encoding="utf-8")
    for line in lines:
        spoken = sound.read((directory / line.file).read_bytes())
        assert (spoken.rate, spoken.channels, spoken.coding) == (8000, 1, "16 bit")
        assert 0.1 < spoken.seconds < timing.LONGEST
    app, caller = application(directory)
    assert any("recordings there are synthetic" in fault for fault in checks.everything(app.extensions["runtime"]))
    caller.dials().presses("1", "1", "1", "1")
    assert heard(caller) == ["bn/problem.wav"]
    from ivr.drawing import Drawing
    from ivr.speaking import Speaker

    box = Drawing(Speaker(app.extensions["runtime"]), "bn").boxes["problem"]
    measured = sound.read((directory / "bn" / "problem.wav").read_bytes()).seconds
    assert box.seconds == pytest.approx(measured)
    assert "বিপ শব্দের পরে" in box.said, "drawn in words all the same"


def test_without_espeak_it_says_what_to_do(app, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    done = app.test_cli_runner().invoke(args=["prompts", "render", "--language", "bn"])
    assert done.exit_code == 1
    assert ".ci/install-espeak" in done.output
