"""Our signature check is that of the carrier's SDK, over whatever may come."""

from __future__ import annotations

import hashlib
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict
from werkzeug.test import EnvironBuilder

from carriers.webhook import Refused, is_signed, receive, signature

TOKEN = "a-token"
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
fields = st.lists(st.tuples(words.filter(bool), words), max_size=8)
bases = st.sampled_from(["https://h.example", "https://h.example:443", "http://h.example:80", "https://h.example:8443", "http://127.0.0.1:5000"])
paths = words.map(lambda w: "/ivr/" + quote(w, safe=""))


@given(bases, paths, fields)
def test_equal_to_the_sdk(base, path, pairs):
    params = MultiDict(pairs)
    url = base + path
    validator = RequestValidator(TOKEN)
    theirs = validator.compute_signature(url, params)
    assert signature(url, pairs, TOKEN) == theirs
    for sent in (url, base + "/other"):
        given_ = validator.compute_signature(sent, params)
        assert is_signed(url, pairs, b"", given_, TOKEN) == validator.validate(url, params, given_)


@given(st.binary(max_size=200), st.booleans())
def test_json_bodies(body, right):
    digest = hashlib.sha256(body if right else body + b"x").hexdigest()
    url = f"https://h.example/sms/status?bodySHA256={digest}"
    ours = is_signed(url, [], body, signature(url, [], TOKEN), TOKEN)
    assert ours == (right or not body)


def request(body=b"", path="/ivr/step?a=%E0%A6%AC%2F", headers=None, content_type="application/x-www-form-urlencoded"):
    environ = EnvironBuilder(method="POST", headers=headers or {}, content_type=content_type).get_environ()
    return {**environ, "RAW_URI": path, "QUERY_STRING": path.partition("?")[2]}


def test_behind_a_proxy_the_public_address_counts():
    body = urlencode({"CallSid": "CA1", "From": "+919830012345"}).encode()
    good = signature("https://h.example/ivr/step?a=%E0%A6%AC%2F", [("CallSid", "CA1"), ("From", "+919830012345")], TOKEN)
    webhook = receive(request(headers={"X-Twilio-Signature": good, "Host": "evil.example"}), body, "https://h.example", (TOKEN,))
    assert webhook.get("From") == "+919830012345"
    assert webhook.query["a"] == "ব/"


@pytest.mark.parametrize("given_", ["", "wrong", "ü", "A" * 1000])
def test_what_is_not_signed_is_refused(given_):
    with pytest.raises(Refused):
        receive({**request(), "HTTP_X_TWILIO_SIGNATURE": given_}, b"CallSid=CA1", "https://h.example", (TOKEN, ""))


def test_two_tokens_are_valid_while_one_is_changed():
    good = signature("https://h.example/x", [("a", "b")], "next")
    assert receive({**request(path="/x"), "HTTP_X_TWILIO_SIGNATURE": good}, b"a=b", "https://h.example", (TOKEN, "next")).get("a") == "b"


def test_a_flood_of_fields_is_refused():
    with pytest.raises(Refused):
        receive(request(), b"&".join(b"a=%d" % n for n in range(2000)), "https://h.example", ())
