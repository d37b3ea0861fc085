"""Configuration, calendar, prompts, numbers, translation: the rules that stand alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from structlog.testing import capture_logs

from helpline import checks, complaints, numbers, reference, translation, worker
from helpline.complaints import Actor, Filing
from helpline.config import ConfigurationError, load
from helpline.runtime import build_runtime
from models import Complaint, Translated

from prompts.catalogue import Catalogue, CatalogueError, load as load_catalogue, segment_count  # isort: skip
from tests.conftest import make_config


@pytest.fixture
def config(database_url, tmp_path):
    """With translation, which asks no server here: the translator is given."""
    return make_config(tmp_path, database_url, **{"translation.enabled": True})


def test_the_shipped_configuration_is_whole(tmp_path):
    assert load(environ={"HELPLINE_VAR": str(tmp_path)}).mode == "development"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "TWILIO_ACCOUNT_SID"),
        ({"PUBLIC_URL": "http://x.example"}, "https"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"HELPLINE_CARRIERS__TWILIO__CHECK_SIGNATURES": "false"}, "check_signatures"),
        ({"HELPLINE_SIMULATOR__ENABLED": "true"}, "simulator"),
        ({"PORT": "x"}, "PORT"),
        ({"HELPLINE_CARRIERS__INBOUND_SMS": "[]"}, "carriers.inbound_sms: empty"),
        ({"HELPLINE_CARRIERS__INBOUND_SMS": "[kannel]"}, "set server.trusted_proxies or KANNEL_SECRET"),
        ({"HELPLINE_CARRIERS__INBOUND_SMS": "[mobile_seva]"}, "carriers.mobile_seva.allow: empty"),
        ({"HELPLINE_CARRIERS__INBOUND_SMS": "[aggregator]"}, "AGGREGATOR_SECRET"),
        ({"HELPLINE_CARRIERS__OUTBOUND_SMS": "[cdac, kannel]"}, "CDAC_PASSWORD, CDAC_SECURE_KEY"),
        ({"HELPLINE_CARRIERS__OUTBOUND_SMS": "kannel"}, "KANNEL_PASSWORD"),
        ({"HELPLINE_CARRIERS__OUTBOUND_SMS": "[]"}, "carriers.outbound_sms"),
        ({"HELPLINE_CARRIERS__KANNEL__ALLOW": "[nonsense]"}, "carriers.kannel.allow"),
        ({"HELPLINE_VOICE__COLOUR": "red"}, "voice.colour"),
    ],
)
def test_production_refuses_to_be_careless(tmp_path, environ, says):
    with pytest.raises(ConfigurationError) as refused:
        load(environ={"HELPLINE_MODE": "production", "HELPLINE_VAR": str(tmp_path), **environ})
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "config", "secrets", "says"),
    [
        ({}, b"\xff\xfe", "", "config.yaml: "),
        ({"HELPLINE_CONFIG": "/tmp"}, None, "", "/tmp: "),
        ({"HELPLINE_SERVER__PROCESSES": "["}, None, "", "HELPLINE_SERVER__PROCESSES: "),
        ({"HELPLINE_SERVER__PROCESSES__X": "1"}, None, "", "HELPLINE_SERVER__PROCESSES__X: "),
        ({"PUBLIC_URL": "helpline.example"}, None, "", "PUBLIC_URL: "),
        ({"PUBLIC_URL": "https://"}, None, "", "PUBLIC_URL: "),
        ({}, None, "{", "secrets.json: "),
        ({}, None, '["a"]', "secrets.json: "),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, environ, config, secrets, says):
    if config is not None:
        (tmp_path / "config.yaml").write_bytes(config)
        environ = {"HELPLINE_CONFIG": str(tmp_path / "config.yaml")}
    if secrets:
        (tmp_path / "secrets.json").write_text(secrets)
    with pytest.raises(ConfigurationError) as refused:
        load(environ={"HELPLINE_VAR": str(tmp_path), **environ})
    assert says in str(refused.value)


def test_a_citizen_is_asked_to_the_end_before_the_complaint_is_closed(tmp_path):
    for days in ("5", "6"):
        with pytest.raises(ConfigurationError, match=r"casework\.feedback_days: \d days, but .* = 6 days long: it must be at least 7"):
            load(environ={"HELPLINE_VAR": str(tmp_path), "HELPLINE_CASEWORK__FEEDBACK_DAYS": days})
    assert load(environ={"HELPLINE_VAR": str(tmp_path), "HELPLINE_CASEWORK__FEEDBACK_DAYS": "7"}).casework.feedback_days == 7


def test_production_starts_on_indian_carriers_alone(tmp_path):
    environ = {"HELPLINE_MODE": "production", "HELPLINE_VAR": str(tmp_path), "PUBLIC_URL": "https://h.example", "SECRET_KEY": "k" * 40, "KANNEL_PASSWORD": "p",
               "KANNEL_SECRET": "s", "TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "t" * 32,
               "HELPLINE_CARRIERS__INBOUND_SMS": "[kannel]", "HELPLINE_CARRIERS__OUTBOUND_SMS": "[kannel]"}  # fmt: skip
    carriers = load(environ=environ).carriers
    assert (carriers.voice, carriers.inbound_sms, carriers.outbound_sms) == ("twilio", ("kannel",), ("kannel",)), "each direction as chosen"


def test_production_starts_when_all_is_there(tmp_path):
    environ = {"HELPLINE_MODE": "production", "HELPLINE_VAR": str(tmp_path), "PUBLIC_URL": "https://h.example", "SECRET_KEY": "k" * 40,
               "TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "t" * 32}  # fmt: skip
    config = load(environ=environ)
    assert (config.carriers.inbound_sms, config.carriers.outbound_sms, config.simulator.enabled) == (("twilio",), ("twilio",), False)
    assert "t" * 32 not in repr(config)


def test_development_secrets_are_made_once_and_private(tmp_path):
    one, two = (load(environ={"HELPLINE_VAR": str(tmp_path)}).secrets for _ in range(2))
    assert one == two
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def test_every_prompt_stands_in_three_languages_and_keeps_its_budget():
    catalogue = load_catalogue()
    assert len([entry for entry in catalogue if entry.sms]) > 30
    assert all(set(entry.texts) == {"bn", "en", "hi"} for entry in catalogue)


def test_a_faulty_prompt_is_named(tmp_path):
    (tmp_path / "x.yaml").write_text("a.b:\n  sms: true\n  segments: 1\n  bn: 'ক {x}'\n  en: '{y}'\n", encoding="utf-8")
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(tmp_path)
    assert "has no text in hi" in str(refused.value)
    assert "placeholders" in str(refused.value)


@pytest.mark.parametrize(("content", "says"), [(b"a.b: [", "x.yaml: "), (b"\xff", "x.yaml: "), (b"a.b: text", "x.yaml: a.b: "), (b"- a", "x.yaml: "),
                                               (b"a.b:\n  bn: '{x'\n  en: '{x'\n  hi: '{x'\n", "x.yaml: a.b: ")])  # fmt: skip
def test_prompts_that_cannot_be_read_are_named(tmp_path, content, says):
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(tmp_path)
    assert says in str(refused.value)


def test_a_file_of_prompts_that_is_gone_is_missed(tmp_path, database_url):
    runtime = build_runtime(make_config(tmp_path, database_url))
    without = Catalogue({entry.key: entry for entry in runtime.catalogue if not entry.key.startswith("sms.")})
    assert checks.missing_prompts(replace(runtime, catalogue=without)) == ["prompts: no sentence sms.… is there"]


@pytest.mark.parametrize("content", [b"\xff\xff", None])
def test_reference_data_that_cannot_be_read_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"x\.csv: "):
        list(reference._rows(tmp_path / "x.csv"))


def test_a_message_that_can_exceed_its_budget_keeps_the_application_from_starting(tmp_path):
    texts = "".join(f"  {lang}: '{'ক' * 50} {{office}}'\n" for lang in ("bn", "en", "hi"))
    (tmp_path / "x.yaml").write_text("a.b:\n  sms: true\n  segments: 1\n" + texts, encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"x\.yaml: a\.b: bn takes 2 segments at its longest, 1 are allowed"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("text", "segments"),
    [("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("ক" * 70, 1), ("ক" * 71, 2),
     ("ক" * 134, 2), ("ক" * 135, 3), ("😀" * 35, 1), ("😀" * 36, 2), ("a" * 159 + "’", 3), ("a" * 152 + "{" + "a" * 10, 2), ("a" * 159 + "€", 2),
     ("a" * 158 + "€", 1), ("a" * 152 + "€" + "b" * 152, 3), ("a" * 152 + "€" + "b" * 151, 2), ("₹", 1), ("’" + "a" * 70, 2),
     ("é" + "a" * 159, 1), ("ç" * 10, 1), ("Ç" * 160, 1), ("`", 1), ("\f", 1), ("\t", 1), ("\r\n" * 80, 1), ("\r\n" * 153, 2), ("e\u0301" * 36, 2),
     # what is one sign is never split: letters with vowel signs, a joined family, a flag; conjuncts are
     ("কি" * 35, 1), ("কি" * 36, 2), ("কি" * 66, 2), ("কি" * 67, 3), ("ক" * 66 + "কি" + "ক" * 66, 3), ("ক্ষ্ম" * 40, 3), ("য\u09bc" * 36, 2),
     ("ক" * 60 + "👨‍👩‍👧‍👦" + "ক" * 60, 3), ("ক" * 66 + "😀" + "ক" * 66, 3), ("ক" * 65 + "🇮🇳" + "ক" * 66, 3), ("🇮🇳" * 17, 1), ("🇮🇳" * 20, 2), ("👨‍👩‍👧‍👦" * 7, 2)],
)  # fmt: skip
def test_segments(text, segments):
    """What the npm package sms-segments-calculator 1.3 says."""
    assert segment_count(text) == segments


@pytest.mark.parametrize(
    ("raw", "number"),
    [("9830012345", "+919830012345"), ("09830012345", "+919830012345"), ("919830012345", "+919830012345"), ("+91 98300-12345", "+919830012345"),
     ("0919830012345", "+919830012345"), ("৯৮৩০০১২৩৪৫", "+919830012345"), ("033 2214 5555", "+913322145555"), ("anonymous", None), ("", None),
     ("AD-WBGOVT", None), ("1930", None), ("+266696687", None), ("sip:a@b", None)],
)  # fmt: skip
def test_telephone_numbers(raw, number):
    assert numbers.e164(raw) == number


@pytest.mark.parametrize(("number", "fits"), [("+913322145555", True), ("56070", True), ("567678", True), ("+919830012345", True), ("5607", False),
                                              ("05607", False), ("9830012345", False), ("WBGOVT", False), ("", False)])  # fmt: skip
def test_texts_may_go_to_a_short_code(runtime, number, fits):
    changed = runtime.config.model_copy(update={"helpline": runtime.config.helpline.model_copy(update={"sms_number": number})})
    object.__setattr__(runtime, "config", changed)
    assert [line for line in checks.everything(runtime) if line.startswith("helpline.sms_number")] == ([] if fits else [
        f"helpline.sms_number: {number} is not a telephone number in the form +91…"])  # fmt: skip


@given(st.text(max_size=60))
def test_no_number_is_too_strange(raw):
    numbers.e164(raw)
    numbers.masked(raw)


def test_nothing_personal_is_sent_to_the_translator(runtime, now):
    sent = []

    def engine(text, source, target):
        sent.append(text)
        return text.replace("রাস্তা", "road")

    with runtime.writing() as db:
        filing = Filing(channel="sms", language="bn", phone="+919830012345", name="মিনা দাস", category_code="ROAD",
                        description="রাস্তা ভাঙা, মিনা দাস, ফোন ৯৮৩০০ ১২৩৪৫, আধার 2345 6789 0123")  # fmt: skip
        complaints.file(db, runtime, filing, Actor("citizen", "sms"), now)
    worker.take_in_changes(runtime, now)
    assert translation.translate_due(runtime, now, engine) == 1
    assert "৯৮৩০০" not in sent[0]
    assert "2345" not in sent[0]
    assert "মিনা" not in sent[0]
    with runtime.reading() as db:
        made = db.scalars(select(Translated)).one()
        assert made.translation == "road ভাঙা, মিনা দাস, ফোন ৯৮৩০০ ১২৩৪৫, আধার 2345 6789 0123"
        assert made.engine == "googletrans"


def test_a_translator_that_is_away_is_asked_again_later(runtime, now):
    def away(*_):
        raise ConnectionError

    with runtime.writing() as db:
        complaints.file(db, runtime, Filing(channel="sms", language="bn", description="জল নেই"), Actor("citizen", "sms"), now)
    worker.take_in_changes(runtime, now)
    translation.translate_due(runtime, now, away)
    with runtime.reading() as db:
        made = db.scalars(select(Translated)).one()
    assert (made.state, made.attempts) == ("pending", 1)
    assert made.next_at > now


def test_that_the_translator_is_away_is_logged_once_and_once_that_it_is_back(runtime, now, monkeypatch):
    monkeypatch.setattr(translation, "_away", False)

    def away(*_):
        raise ConnectionError

    with runtime.writing() as db:
        for words in ("জল নেই", "আলো নেই", "রাস্তা ভাঙা"):
            complaints.file(db, runtime, Filing(channel="sms", language="bn", description=words), Actor("citizen", "sms"), now)
    worker.take_in_changes(runtime, now)
    hour = timedelta(hours=1)
    with capture_logs() as logged:
        for _ in range(3):
            translation.translate_due(runtime, now, away)
        assert [line["event"] for line in logged] == ["translation.away"]
        translation.translate_due(runtime, now + hour, lambda *_: "told")
        assert [line["event"] for line in logged] == ["translation.away", "translation.back"]


def test_the_switch_sends_nothing(tmp_path, sqlite_url, now):
    from helpline.runtime import build_runtime

    runtime = build_runtime(make_config(tmp_path, sqlite_url, **{"translation.enabled": False}))
    with runtime.writing() as db:
        complaints.file(db, runtime, Filing(channel="sms", language="bn", description="জল নেই"), Actor("citizen", "sms"), now)
    worker.take_in_changes(runtime, now)
    with runtime.reading() as db:
        assert db.scalars(select(Translated)).all() == []
    runtime.dispose()


def test_the_documented_lifecycle_is_the_tables():
    from pathlib import Path

    from helpline import lifecycle

    assert lifecycle.faults() == []
    assert Path("docs/lifecycle.md").read_text(encoding="utf-8") == lifecycle.as_markdown()


def test_every_setting_is_documented_in_the_configuration_itself():
    """Each line of config.yaml that sets a value at the first level of a section has a word of explanation or a plain name."""
    from pathlib import Path

    import yaml

    from helpline.config import Config

    raw = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    sections = set(Config.model_fields) - {"public_url", "port", "var", "secrets"}
    assert set(raw) == sections


def test_a_report_is_translated_for_the_citizen_and_a_corrected_text_anew(runtime, now):
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="sms", language="bn", phone="+919830012345", description="জল নেই"), Actor("citizen", "sms"), now)
    worker.take_in_changes(runtime, now)
    translation.translate_due(runtime, now, lambda *_: "no water")
    with runtime.writing() as db:
        for action, data in (("review", {}), ("forward", {"office": "phe"}), ("accept", {}), ("resolve", {"report": "The pump was repaired"})):
            role = "officer" if action in ("accept", "resolve") else "cell"
            complaints.act(db, runtime, filed.id, action, Actor(role, "agent"), now, data)
        db.execute(update(Complaint).where(Complaint.id == filed.id).values(description="জল নেই, পাম্প খারাপ"))
    worker.take_in_changes(runtime, now)
    with runtime.reading() as db:
        asked = {(t.subject, t.source, t.target, t.state) for t in db.scalars(select(Translated))}
    assert ("description", "bn", "en", "pending") in asked
    assert {subject.partition(":")[0] for subject, *_ in asked} == {"description", "event"}
    assert {target for subject, _, target, _ in asked if subject != "description"} == {"bn"}
