"""The telephone in a terminal: `flask call` and `flask text`, over HTTP to the running helpline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TextIO

import httpx

from simulator.network import Call, Network
from simulator.settings import Settings
from simulator.twiml import ApplicationError

HELP = "Keys: type digits, * and #. `say …` speaks, an empty line is silence, `hang` rings off."


class NoAnswer(Exception):
    """No helpline answers where it should; says where that is."""


def _network(settings: Settings, client: httpx.Client) -> Network:
    try:
        client.head(settings.public_url)
    except httpx.TransportError:
        raise NoAnswer(f"the helpline does not answer; is it running at {settings.public_url}?") from None
    return Network(settings, client)


def call(settings: Settings, number: str, stdin: TextIO, stdout: TextIO) -> None:
    """An interactive call; ends when either side rings off, the input ends, or with Ctrl-C. Raises NoAnswer."""
    with httpx.Client(timeout=30) as client:
        network = _network(settings, client)
        print(f"Calling {settings.helpline_number} from {number}. {HELP}", file=stdout)
        _talk(network, network.dial(number), stdin, stdout)


def wait_for_call(settings: Settings, number: str, stdin: TextIO, stdout: TextIO, *, seconds: float = 600) -> None:
    """Wait until the helpline calls `number`, and answer it: an interactive call. Raises NoAnswer."""
    with httpx.Client(timeout=30) as client:
        network = _network(settings, client)
        print(f"Waiting for a call to {number}. {HELP}", file=stdout)
        until = time.monotonic() + seconds
        while (sid := network.ringing(number)) is None:
            if time.monotonic() > until:
                print("* nobody called", file=stdout)
                return
            time.sleep(0.25)
        print("* it rings; Enter answers, `no` turns it away", file=stdout)
        if stdin.readline().strip() == "no":
            network.turn_away(sid)
            return
        _talk(network, network.pick_up(sid), stdin, stdout)


def _talk(network: Network, now: Call, stdin: TextIO, stdout: TextIO) -> None:
    """Until either side rings off, the input ends, or Ctrl-C."""
    shown = _show(now, 0, stdout)
    try:
        while now.state == "in-progress":
            _prompt(now, stdout)
            line = stdin.readline()
            if not line or line.strip() == "hang":
                break
            now = _do(network, now, line.strip())
            shown = _show(now, shown, stdout)
    except KeyboardInterrupt:
        print(file=stdout)
    network.hang_up(now.sid)
    print("-- the call has ended --", file=stdout)


def _do(network: Network, now: Call, line: str) -> Call:
    if not line:
        return network.silence(now.sid)
    if line.startswith("say "):
        return network.speak(now.sid, line[4:])
    keys = "".join(ch for ch in line if ch in "0123456789*#")
    return network.press(now.sid, keys) if keys else now


def _prompt(now: Call, stdout: TextIO) -> None:
    asks = (now.pending or {}).get("verb")
    print("[speak] > " if asks == "Record" else "[keys] > ", end="", file=stdout, flush=True)


def _show(now: Call, shown: int, stdout: TextIO) -> int:
    for heard in now.heard[shown:]:
        mark = {"helpline": "  ", "caller": "> ", "network": "* "}[heard.who]
        print(f"{mark}{heard.text}", file=stdout)
    return len(now.heard)


def text(settings: Settings, number: str, body: str, stdout: TextIO, *, wait: float = 3.0, media: Sequence[tuple[str, bytes]] = ()) -> None:
    """Send one SMS, with `media` (media type, content); print the reply, and what else arrives within `wait` seconds. Raises NoAnswer."""
    with httpx.Client(timeout=30) as client:
        network = _network(settings, client)
        before = {m["sid"] for m in network.messages(number)}
        try:
            network.text(number, body, media=media)
        except ApplicationError as error:
            raise NoAnswer(f"the helpline's answer could not be used ({error.code})") from None
        until, shown = time.monotonic() + wait, set(before)
        while time.monotonic() < until:
            for message in network.messages(number):
                if message["sid"] not in shown and message["recipient"] == number:
                    print(message["body"], file=stdout)
                shown.add(message["sid"])
            time.sleep(0.25)
