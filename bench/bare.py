"""The baseline: a bare Flask application that answers a constant TwiML under the same server with the same settings."""

from flask import Flask, Response

app = Flask(__name__)
TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response><Say>ok</Say></Response>'


@app.post("/")
def answer() -> Response:
    return Response(TWIML, mimetype="text/xml")
