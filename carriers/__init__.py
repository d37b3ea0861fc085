"""The carriers: one file each. The only place, with `ivr/twiml.py`, that knows a provider's protocol."""
