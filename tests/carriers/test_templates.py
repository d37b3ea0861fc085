"""TRAI's register: the list to register, what it costs, what differs from what was registered, and that what is sent fits it."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from app import create_app
from helpline import complaints, templates
from helpline.complaints import Actor, Filing
from models import Outgoing
from prompts.catalogue import segment_count
from simulator.driver import Caller
from tests.conftest import make_config

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ID = "1107160000000000001"


@pytest.fixture
def listed(runtime):
    return list(csv.DictReader(io.StringIO(templates.as_csv(runtime))))


@pytest.fixture
def with_ids(runtime, monkeypatch):
    """Every template with an id, as after the registration."""
    for n, entry in enumerate(list(runtime.catalogue)):
        if entry.sms:
            ids = {language: f"11071{n:012d}{k:02d}" for k, language in enumerate(entry.texts)}
            monkeypatch.setitem(runtime.catalogue._entries, entry.key, replace(entry, dlt=ids))
    return runtime


def command(app, *args):
    return app.test_cli_runner().invoke(args=["sms", "templates", *map(str, args)])


def test_the_list_has_every_text_with_its_variables(runtime, listed):
    texts = [entry for entry in runtime.catalogue if entry.sms]
    assert len(listed) == 3 * len(texts) > 100
    row = next(row for row in listed if row["template_name"] == "sms.rated.en")
    assert row["content"] == "CM Helpline: Thank you for your rating ({#var#}) of complaint {#var#}."
    assert row["content_typed"] == "CM Helpline: Thank you for your rating ({#numeric#}) of complaint {#alphanumeric#}."
    assert row["variables"] == "1 rating numeric max 1; 2 ack alphanumeric max 13"
    assert (row["content_type"], row["segments"], row["cost"]) == ("Text", "1", "0.15")


def test_no_variable_may_be_longer_than_the_register_allows(runtime, listed):
    assert all(size <= 30 for t in templates.all_of(runtime) for _, _, size in t.variables)
    assert all("{#var#}{#var#}" not in row["content"] for row in listed)
    assert not any(re.search(r"\{(?!#)", row["content"]) for row in listed), "what the configuration fixes stands in the text"


def test_the_table_for_people(app):
    shown = command(app).output
    assert re.search(r"notify\.registered +bn +\d+ +\d/\d +0\.\d\d  -", shown)


def test_parts_at_their_longest_stay_within_the_budget(runtime):
    for template in templates.all_of(runtime):
        assert template.segments <= template.budget
        assert segment_count(template.example) <= template.segments


def test_a_longer_name_that_breaks_a_budget_is_told(database_url, tmp_path):
    config = make_config(tmp_path, database_url, **{"helpline.display_number": "1800-345-5555 or 033-2214-5555, or come to the office " * 9})
    app = create_app(config)
    found = app.test_cli_runner().invoke(args=["check"]).output
    assert re.search(r"prompts: sms\.help \(en\) takes \d+ parts at its longest, 4 are allowed", found)
    app.extensions["runtime"].dispose()


def test_what_an_indian_carrier_needs_is_told(database_url, tmp_path):
    app = create_app(make_config(tmp_path, database_url, **{"carriers.outbound_sms": ["kannel"]}))
    found = app.test_cli_runner().invoke(args=["check"]).output
    for says in ("KANNEL_PASSWORD: set in the environment", "sms.dlt_entity_id: kannel needs", "sms.dlt_header: kannel needs", "have none (`flask sms templates`)"):
        assert says in found
    app.extensions["runtime"].dispose()


# ── compared with what was registered ───────────────────────────────────────────────────────────────────────────────


def registered(path, rows, names=("Template ID", "Template Content", "Header", "Status")):
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
    return path


def as_registered(runtime):
    return [[t.ids[0], t.content, "WBGOVT", "Approved"] for t in templates.all_of(runtime)]


def compared(runtime, path):
    return templates.differences(runtime, templates.read_registered(path))


def test_our_own_list_filled_in_fits(with_ids, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(templates.as_csv(with_ids), encoding="utf-8")
    assert compared(with_ids, path) == []


def test_a_portals_export_fits(with_ids, tmp_path):
    assert compared(with_ids, registered(tmp_path / "export.csv", as_registered(with_ids))) == []


def test_differences_are_told_in_plain_words(with_ids, tmp_path):
    rows = as_registered(with_ids)
    names = [t.name for t in templates.all_of(with_ids)]
    place = names.index("sms.rated (en)")
    wrong = rows[place][0]
    rows[place][1] = "CM Helpline: Thanks for your rating ({#var#}) of complaint {#var#}."
    gone = rows.pop(names.index("sms.stopped (bn)"))[0]
    rows[0][3] = "Pending"
    rows.append([ID, "Something of old {#var#}", "WBGOVT", "Approved"])
    found = compared(with_ids, registered(tmp_path / "export.csv", rows))
    assert len(found) == 4
    assert f"sms.rated (en), {wrong}: after “CM Helpline: Thank” we send “ you”, registered is “s”" in found
    assert f"sms.stopped (bn): {gone} is not among the registered templates" in found
    assert any("its status is “Pending”" in one for one in found)
    assert f"{ID} is registered, and nothing we send has it: Something of old {{#var#}}" in found


def test_a_type_that_does_not_fit_is_told(with_ids, tmp_path):
    rows = as_registered(with_ids)
    place = [t.name for t in templates.all_of(with_ids)].index("sms.rated (en)")
    rows[place][1] = "CM Helpline: Thank you for your rating ({#numeric#}) of complaint {#numeric#}."
    [found] = compared(with_ids, registered(tmp_path / "export.csv", rows))
    assert "its variables are registered as numeric, numeric; we send rating numeric, ack alphanumeric" in found


def test_an_id_that_only_has_to_be_put_in_is_told(runtime, tmp_path):
    content = next(t.content for t in templates.all_of(runtime) if t.name == "sms.rated (bn)")
    decomposed = content.replace("য়", "য\u09bc")
    found = compared(runtime, registered(tmp_path / "export.csv", [[ID, decomposed + "  ", "", ""]]))
    assert f"sms.rated (bn): registered as {ID}, which is not in prompts/*.yaml" in found
    assert "sms.rated (en): not registered" in found


def test_a_sender_it_was_not_registered_for_is_told(database_url, tmp_path, with_ids):
    config = with_ids.config.model_copy(update={"sms": with_ids.config.sms.model_copy(update={"dlt_header": "WBCMOF"})})
    found = compared(replace(with_ids, config=config), registered(tmp_path / "export.csv", as_registered(with_ids)))
    assert found
    assert all("registered for the sender WBGOVT; we send as WBCMOF" in one for one in found)


def test_the_command_ends_with_1_when_something_differs(app, tmp_path):
    answer = command(app, "--registered", registered(tmp_path / "export.csv", []))
    assert answer.exit_code == 1
    assert "no column for the id and the content" in answer.output
    answer = command(app, "--registered", registered(tmp_path / "export.csv", [[ID, "x", "", ""]]))
    assert (answer.exit_code, "sms.help (en): not registered" in answer.output) == (1, True)


# ── what is sent fits what is registered ────────────────────────────────────────────────────────────────────────────


def test_everything_that_is_sent_fits_its_template(app, network, now):
    """A conversation in three languages and a complaint's whole life: an operator would let every message of it pass."""
    runtime = app.extensions["runtime"]
    contents = {(t.key, t.language): t.content for t in templates.all_of(runtime)}
    for number, text in (("+919830012345", "অভিযোগ রাস্তার আলো জ্বলে না, বারাসাত"), ("+919830012346", "FILE no water for three days PIN 713101"),
                         ("+919830012347", "शिकायत तीन दिन से पानी नहीं 713101")):  # fmt: skip
        Caller(network, number).texts(text)
    with runtime.writing() as db:
        for language in ("bn", "en", "hi"):
            filed = complaints.file(db, runtime, Filing(channel="voice", language=language, phone="+919830012345"), Actor("citizen", "voice"), now)
            for action, data in (("review", {}), ("resolve", {"report": "The street light was repaired and seen to burn at night."}), ("reopen", {})):
                actor = Actor("citizen", "sms") if action == "reopen" else Actor("cell", "agent")
                complaints.act(db, runtime, filed.id, action, actor, now, data)
    with runtime.reading() as db:
        rows = db.scalars(select(Outgoing)).all()
    assert len({row.template for row in rows}) >= 5
    for row in rows:
        assert templates.fits(contents[row.template, row.language], row.body), (row.template, row.body)
    assert not templates.fits(contents["sms.help", "en"], "something else")
    assert not templates.fits("Complaint {#var#} is open", f"Complaint {'9' * 31} is open")


@pytest.mark.parametrize("language", ["bn", "en", "hi"])
def test_a_value_that_is_too_long_ends_with_a_whole_word(runtime, language):
    """ "Live or hanging wire, broken p" and "দুর্ব্" are no words; thirty characters is the register's limit."""
    shortened = 0
    for category in runtime.reference.categories.values():
        name = category.name(language)
        sms = runtime.catalogue.sms("sms.which_of_2", language, helpline="H", ack1="1", ack2="2", about1=name, about2="x")
        found = next(part for part in (name, *(name[:n] + "..." for n in range(len(name), 3, -1))) if part in sms.text)
        assert len(found) <= 30
        if found != name:
            shortened += 1
            head = found.removesuffix("...")
            assert not head.endswith((" ", ",", "(", "/")) and not name[len(head)].isalpha(), found
    assert shortened > 3
