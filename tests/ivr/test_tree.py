"""An accessible tree: nothing too long, too deep or out of reach, and drawn as it is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from ivr import aloud, drawing, routes, timing
from ivr.actions import LEADS
from ivr.menu import Do, Menu, Pages
from ivr.speaking import Speaker
from ivr.tree import TREE
from prompts.catalogue import Catalogue, load

LANGUAGES = ("bn", "en", "hi")


@pytest.fixture
def database_url(sqlite_url):
    """Nothing here depends on the store."""
    return sqlite_url


def test_the_shipped_tree_is_accessible(runtime):
    assert routes.faults(runtime) == []


def test_what_is_too_much_for_a_caller_is_refused_at_start(runtime):
    entries = {entry.key: entry for entry in load()}
    wordy = replace(entries["voice.pin"], texts=dict.fromkeys(LANGUAGES, "অনেক কথা " * 20))
    found = routes.faults(replace(runtime, catalogue=Catalogue({**entries, "voice.pin": wordy})))
    assert len(found) == 3
    assert all("voice.pin takes" in fault for fault in found)
    with pytest.raises(routes.TreeError):
        routes.create_blueprint(replace(runtime, catalogue=Catalogue({**entries, "voice.pin": wordy})))


@pytest.mark.parametrize(("words", "found"), [("অনেক কথা " * 20 + "।", 3), ("অনেক কথা। " * 20, 0), ("দপ্তরে {office} " + "কথা " * 12 + "।", 3)])
def test_what_a_call_of_ours_reads_out_is_timed_a_sentence_at_a_time_with_its_longest_values(runtime, words, found):
    entries = {entry.key: entry for entry in load()}
    told = replace(entries["call.forwarded"], texts=dict.fromkeys(LANGUAGES, words))
    faults = routes.faults(replace(runtime, catalogue=Catalogue({**entries, "call.forwarded": told})))
    assert len(faults) == found and all("call.forwarded takes" in fault for fault in faults)


def test_there_is_a_pause_after_each_sentence_of_a_call():
    said = aloud.spoken("Complaint 261 2345 6789 is under review. Expected: 14 Dec 2026.", "en")
    assert [getattr(piece, "text", "pause") for piece in said] == ["Complaint 2 6 1‖2 3 4 5‖6 7 8 9 is under review.", "pause", "Expected: 14 Dec 2026."]


def test_a_deep_tree_is_found():
    deep = {**TREE, "subcategory": replace(TREE["subcategory"], then="keep_deep"), "deeper": Menu("main", "main", {"1": "problem"})}
    found = timing.too_deep(deep, {**LEADS, "keep_deep": ("deeper",)})
    assert "main > category > subcategory > deeper" in found[0]
    assert timing.too_deep(TREE, LEADS) == []


def test_a_key_that_nobody_names_is_found():
    silent = {**TREE, "place": replace(TREE["place"], choices={**TREE["place"].choices, "5": "name"})}
    assert len(timing.unsaid_keys(silent, load())) == 3
    assert timing.unsaid_keys(TREE, load()) == []


def test_a_node_that_takes_the_nought_is_found():
    busy = {**TREE, "place": replace(TREE["place"], choices={**TREE["place"].choices, "0": "name"})}
    assert timing.without_a_person(busy) == ["ivr: place: 0 does not reach a person"]


def test_the_action_is_said_before_the_key():
    for entry in load():
        if entry.key.endswith(".choices"):
            for language, press in (("bn", "টিপুন"), ("hi", "दबा")):
                for sentence in timing.choices_of(entry.texts[language]):
                    keys = [at for at, ch in enumerate(sentence) if ch in "০১২৩৪৫৬৭৮৯0123456789"]
                    assert press not in sentence or keys[0] > len(sentence) / 3 or "থেকে" in sentence or "से" in sentence, (entry.key, sentence)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tree_is_drawn_whole(runtime, language):
    drawn = drawing.Drawing(Speaker(runtime), language)
    text = drawn.text()
    for name, node in TREE.items():
        if name != "goodbye":  # said only after an agent has rung off
            assert f"{name} · " in text, name
        if isinstance(node, Menu) and name != "language":
            assert {choice.key for choice in drawn.boxes[name].choices} >= set(node.choices) - {"2", "3", "4"}
    picture = ET.fromstring(drawing.svg(drawn))
    titles = {element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert set(TREE) - {"goodbye"} <= titles
    assert picture.get("lang") == language


def test_the_boxes_of_the_picture_do_not_overlap(runtime):
    picture = ET.fromstring(drawing.svg(drawing.Drawing(Speaker(runtime), "bn")))
    boxes = [tuple(float(r.get(k)) for k in ("x", "y", "width", "height")) for r in picture.iter("{http://www.w3.org/2000/svg}rect") if r.get("rx")]
    assert len(boxes) > 30
    for i, (x, y, w, h) in enumerate(boxes):
        for other_x, other_y, other_w, other_h in boxes[:i]:
            assert x + w <= other_x or other_x + other_w <= x or y + h <= other_y or other_y + other_h <= y


def test_the_quickest_ways_are_measured_with_their_keys(runtime):
    drawn = drawing.Drawing(Speaker(runtime), "bn")
    ways = drawn.ways()
    new, known = ways["to hear a status, a new caller"], ways["to hear a status, a known number"]
    assert new.keys == "1 2 " + "#" * 11
    assert known.keys == "1"
    assert known.seconds < new.seconds < 60
    filing = ways["to file a complaint, a known number"]
    assert filing.nodes[0] == "main"
    assert filing.nodes[-1] == "registered"
    assert filing.seconds < 180


def test_seconds_are_reckoned_by_what_is_said():
    assert timing.seconds("", "bn") == 0
    assert timing.seconds("১ ২ ৩", "bn") > timing.seconds("১", "bn") * 2
    assert timing.seconds("জল, নেই", "bn") > timing.seconds("জল নেই", "bn")
    assert timing.seconds("Water. Road.", "en") > timing.seconds("Water Road.", "en")


@pytest.mark.parametrize("options", [[], ["--language", "hi"], ["--language", "bn", "--svg", "tree.svg"]])
def test_flask_tree(app, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = app.test_cli_runner().invoke(args=["tree", *options])
    assert done.exit_code == 0, done.output
    if "--svg" in options:
        ET.parse(tmp_path / "tree.svg")
    else:
        assert "to file a complaint" in done.output


def test_every_list_and_menu_leads_on():
    for name, node in TREE.items():
        if isinstance(node, Menu | Pages) and getattr(node, "heard", ""):
            assert Do(node.heard).action in LEADS, name
