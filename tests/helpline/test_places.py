"""Places by sound: in any script, with endings and recognition errors; what is ambiguous is said to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpline import amendments, classify, places
from helpline.places import Place, find_place


def found(text) -> Place:
    return find_place(text, classify.shipped().reference)


@pytest.mark.parametrize(("spellings", "district"), [
    (["তমলুক", "Tamluk", "Tomluk", "tomluke", "তমলুকের রাস্তা", "near Tamluk station", "तमलुक"], "317"),
    (["Cooch Behar", "Coochbehar", "coochbihar", "কোচবিহার", "কোচ বিহার", "কুচবিহার"], "308"),
    (["Jalpaiguri", "jolpaiguri", "জলপাইগুড়ি", "জলপাইগুরি"], "314"),
    (["Katwa", "katwar kache", "কাটোয়া"], "306"),
    (["Barrackpore", "Barackpur", "ব্যারাকপুর", "ব্যারাকপুরে"], "303"),
    (["Durgapur", "durgapoor", "দুর্গাপুর", "দুর্গাপুরের"], "704"),
    (["Howrah", "haora", "হাওড়া", "হাওরা"], "313"),
    (["Kharagpur", "kharakpur", "খড়্গপুর", "खड़गपुर"], "318"),
    (["উত্তর চব্বিশ পরগনা", "uttar 24 pargana", "N 24 Pgs"], "303"),
    (["নদিয়ার রানাঘাট", "Nadia", "ranaghat"], "320"),
])  # fmt: skip
def test_one_place_has_many_spellings(spellings, district):
    assert {spelling: found(spelling).district_code for spelling in spellings} == dict.fromkeys(spellings, district)


@pytest.mark.parametrize("typo", ["asansole", "behrampur", "kalimpng", "tarakeshor", "baruipoor"])
def test_what_recognition_mishears_is_still_found(typo):
    assert found(f"i am speaking from {typo}").district_code


@pytest.mark.parametrize(("text", "districts"), [
    ("বর্ধমান", ("306", "704")), ("Burdwan town", ("306", "704")), ("medinipur theke bolchi", ("317", "318")), ("Dinajpur", ("310", "311")),
    ("২৪ পরগনা", ("303", "304")), ("Bishnupur", ("304", "305")), ("a bus from Howrah to Kolkata", ("313", "315")),
])  # fmt: skip
def test_what_may_be_in_several_districts_is_never_guessed(text, districts):
    assert found(text) == Place(ambiguous=districts)


@pytest.mark.parametrize(("text", "district", "body"), [
    ("পশ্চিম মেদিনীপুর", "318", None), ("Purba Bardhaman", "306", None), ("Bishnupur, Bankura", "305", "Bishnupur"), ("Bishnupur South 24 pgs", "304", "Bishnupur"),
])  # fmt: skip
def test_the_district_beside_it_decides(text, district, body):
    place = found(text)
    assert (place.district_code, place.local_body, place.ambiguous) == (district, body, ())


@pytest.mark.parametrize("text", ["ডিলার মাল দেয় না", "রাতে বালি তুলছে", "নদীর বাঁধ ভেঙেছে", "parate mod khay", "আগুনে ঘর পুড়ে গেছে", "bhara beshi nicche", "বড় বটগাছের পাশে", "সারাদিন জল নেই"])
def test_everyday_words_are_no_places(text):
    assert found(text) == Place()


def test_an_everyday_word_by_itself_may_be_one():
    assert found("Mal").district_code == "314"
    assert found("बिजली नहीं है, बाली").district_code == "313"


@given(st.text(max_size=200))
def test_anything_can_be_looked_at(text):
    assert isinstance(found(text), Place)


def test_the_names_are_put_in_order_once_and_not_for_each_message(runtime, app, caller, monkeypatch, now):
    made = []
    order = places.Gazetteer.__init__
    monkeypatch.setattr(places.Gazetteer, "__init__", lambda self, reference: made.append(reference) or order(self, reference))
    with runtime.writing() as db:
        amendments.amend(db, "holidays", {"2027-01-02": {"date": "2027-01-02", "change": "+", "name_en": "a day"}}, None, now)
    app.extensions["runtime"].shelf.look_again()
    for text in ("there is no water in Tamluk", "FILE no street light in Barasat", "not Tamluk, Contai"):
        caller.texts(text)
        assert caller.reads
    assert len(made) <= 2, "as shipped and as amended"


@pytest.mark.parametrize(
    ("district", "place", "bengali"),
    [("303", "Barasat", "বারাসত"), ("305", "Bishnupur SO Bankura", "বিষ্ণুপুর"), ("315", "Baghbazar", "Baghbazar"), ("303", "Bishnupur", "Bishnupur"), ("303", "স্কুলপাড়া", "স্কুলপাড়া"), (None, "", "")],
)
def test_a_page_writes_a_local_body_in_its_readers_script_and_leaves_the_rest(district, place, bengali):
    reference = classify.shipped().reference
    assert places.written(reference, district, place, "bn") == bengali
    assert places.written(reference, district, place, "en") == place
