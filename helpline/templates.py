"""The SMS templates as TRAI's register (DLT) wants them: the list to register, what it costs, and what differs from what was.

A template's fixed part is registered word for word; each variable holds at most 30 characters and, since November 2025, has a
type. What the configuration fixes (short name, telephone numbers) is fixed here too.
"""

from __future__ import annotations

import csv
import io
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from helpline.config import Config
from helpline.runtime import Runtime
from prompts.catalogue import MAX_VALUE, Entry, is_gsm7, longest_value, segment_count

NUMERIC = frozenset({"rating", "count", "ending", "check"})  # all other variables hold letters, spaces or dashes too
_SAMPLES = {
    "ack": "261 2345 6789", "date": "14 Dec 2026", "news": "14 Dec 2026", "check": "123456789", "rating": "5", "count": "2", "ending": "2345",
    "keyword": "STATUS", "original": "261 2345 6789",
}  # fmt: skip
_ANY = "{#var#}"
_TAG = re.compile(r"\{#\s*([A-Za-z]+)\s*#\}")
ACTIVE = frozenset({"", "active", "approved", "registered", "enabled"})


class NotReadable(Exception):
    """The file of registered templates cannot be used; the message says why."""


@dataclass(frozen=True)
class Template:
    """One text in one language. `content` with {#var#}, `typed` with the variables' types, `example` as a citizen may get it."""

    key: str
    language: str
    ids: tuple[str, ...]  # a carrier may have its own
    content: str
    typed: str
    variables: tuple[tuple[str, str, int], ...]  # name, type, longest
    example: str
    segments: int  # at its longest
    budget: int
    characters: int

    @property
    def name(self) -> str:
        return f"{self.key} ({self.language})"


@dataclass(frozen=True)
class Registered:
    id: str
    content: str
    header: str = ""
    status: str = ""

    @property
    def types(self) -> list[str]:
        return [kind.lower() for kind in _TAG.findall(self.content)]


def all_of(runtime: Runtime) -> Iterator[Template]:
    """Every SMS text of the catalogue, in every language that is offered."""
    for entry in runtime.catalogue:
        if entry.sms:
            for language in runtime.config.helpline.languages:
                yield _template(runtime, entry, language)


def _template(runtime: Runtime, entry: Entry, language: str) -> Template:
    config, text = runtime.config, entry.texts[language]
    helpline, samples = config.helpline, _samples(runtime, language)
    fixed = {"helpline": helpline.short_name, "phone": helpline.display_number, "emergency": helpline.emergency_number}
    names = [name for _, name, _, _ in string.Formatter().parse(text) if name and name not in fixed]
    kinds = {name: "numeric" if name in NUMERIC else "alphanumeric" for name in names}
    longest = text.format_map(fixed | {name: longest_value(name, language) for name in names})
    return Template(
        key=entry.key,
        language=language,
        ids=tuple(dict.fromkeys(found for carrier in config.carriers.outbound_sms if (found := entry.dlt_id(language, carrier)))),
        content=text.format_map(fixed | dict.fromkeys(names, _ANY)),
        typed=text.format_map(fixed | {name: f"{{#{kind}#}}" for name, kind in kinds.items()}),
        variables=tuple((name, kinds[name], len(longest_value(name, language))) for name in names),
        example=text.format_map(fixed | {name: samples.get(name, "x") for name in names}),
        segments=segment_count(longest),
        budget=entry.segments,
        characters=len(longest),
    )


def _samples(runtime: Runtime, language: str) -> dict[str, str]:
    reference = runtime.reference
    named = {
        "office": reference.departments["cmo"].name(language),
        "category": next(iter(reference.categories.values())).name(language),
        "reason": runtime.catalogue.text("reason.court", language),
    }
    return _SAMPLES | {name: value[:MAX_VALUE] for name, value in named.items()}


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS = ("template_name", "template_id", "entity_id", "header", "template_type", "content_type", "content", "content_typed", "variables", "example",
           "segments", "cost")  # fmt: skip


def as_csv(runtime: Runtime) -> str:
    """The list for the register."""
    out, config = io.StringIO(), runtime.config
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for t in all_of(runtime):
        variables = "; ".join(f"{n} {name} {kind} max {size}" for n, (name, kind, size) in enumerate(t.variables, start=1))
        writer.writerow([f"{t.key}.{t.language}", " ".join(t.ids), config.sms.dlt_entity_id, config.sms.dlt_header, "Service Implicit",
                         "Text" if is_gsm7(t.content) else "Unicode", t.content, t.typed, variables, t.example, t.segments,
                         f"{t.segments * config.sms.cost_per_segment:.2f}"])  # fmt: skip
    return out.getvalue()


def as_table(runtime: Runtime) -> str:
    """Parts and cost of each text at its longest, for people."""
    lines, price = [f"{'template':<32} {'':<3} {'characters':>10} {'parts':>6} {'cost ₹':>8}  DLT template"], runtime.config.sms.cost_per_segment
    for t in all_of(runtime):
        lines.append(f"{t.key:<32} {t.language:<3} {t.characters:>10} {t.segments:>3}/{t.budget:<2} {t.segments * price:>8.2f}  {' '.join(t.ids) or '-'}")
    return "\n".join(lines)


def faults(runtime: Runtime) -> list[str]:
    """What keeps messages from going out in India, one sentence each, for `flask check`."""
    config, templates = runtime.config, list(all_of(runtime))
    found = [f"prompts: {t.name} takes {t.segments} parts at its longest, {t.budget} are allowed" for t in templates if t.segments > t.budget]
    for carrier in config.carriers.outbound_sms:
        settings = config.carriers.sending(carrier)
        found += [f"prompts: {t.name} has up to {t.characters} characters, carriers.{carrier}.max_characters is {settings.max_characters}"
                  for t in templates if t.characters > settings.max_characters]  # fmt: skip
        if settings.templates_required:
            found += _not_registered(config, carrier, [t for t in templates if not runtime.catalogue.dlt_id(t.key, t.language, carrier)])
    return found


def _not_registered(config: Config, carrier: str, without: list[Template]) -> list[str]:
    settings, found = config.carriers.sending(carrier), []
    if not (settings.entity_id or config.sms.dlt_entity_id):
        found.append(f"sms.dlt_entity_id: {carrier} needs the principal entity's id")
    if not (settings.header or config.sms.dlt_header):
        found.append(f"sms.dlt_header: {carrier} needs the registered sender")
    if without:
        named = ", ".join(t.name for t in without[:3]) + (f" and {len(without) - 3} more" if len(without) > 3 else "")
        found.append(f"prompts: {carrier} sends nothing without a DLT template id, and {named} have none (`flask sms templates`)")
    return found


# ── what was registered ─────────────────────────────────────────────────────────────────────────────────────────────

_NAMES = {
    "id": ("template_id", "content_template_id", "templateid", "ct_id", "dlt_template_id"),
    "content": ("content_typed", "content", "template_content", "message", "template_message", "template_text"),
    "header": ("header", "sender_id", "senderid", "headers"),
    "status": ("status", "approval_status", "template_status"),
}


def read_registered(path: Path) -> list[Registered]:
    """A portal's export, or our own list filled in: CSV with at least a template's id and its content. Raises NotReadable."""
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NotReadable(f"{path}: {error}") from None
    given = {_folded(name): name for name in (rows[0] if rows else {}) if name}
    columns = {ours: [given[name] for name in names if name in given] for ours, names in _NAMES.items()}
    missing = [ours for ours in ("id", "content") if not columns[ours]]
    if missing:
        raise NotReadable(f"{path}: no column for {' and '.join('the ' + name for name in missing)}; expected {_NAMES['id'][0]} and content")
    found = []
    for row in rows:
        values = {ours: next((row[name].strip() for name in names if row.get(name)), "") for ours, names in columns.items()}
        found += [Registered(key, values["content"], values["header"], values["status"]) for key in values["id"].strip("'").split()]
    return found


def _folded(name: str) -> str:
    return re.sub(r"[^a-z]+", "_", name.strip().lower()).strip("_")


def differences(runtime: Runtime, registered: Iterable[Registered]) -> list[str]:
    """What we send against what was registered, one sentence a difference; empty when all of it fits."""
    known = {entry.id: entry for entry in registered}
    by_content = {_plain(entry.content): entry for entry in known.values()}
    found: list[str] = []
    sent: set[str] = set()
    for template in all_of(runtime):
        sent.update(template.ids)
        if not template.ids:
            same = by_content.get(_plain(template.content))
            found.append(f"{template.name}: registered as {same.id}, which is not in prompts/*.yaml" if same else f"{template.name}: not registered")
            sent.update([same.id] if same else [])
        for key in template.ids:
            found += _compared(runtime.config, template, known[key]) if key in known else [f"{template.name}: {key} is not among the registered templates"]
    return found + [f"{key} is registered, and nothing we send has it: {entry.content[:60]}" for key, entry in known.items() if key not in sent]


def _compared(config: Config, template: Template, registered: Registered) -> Iterator[str]:
    where = f"{template.name}, {registered.id}"
    ours, theirs = _plain(template.content), _plain(registered.content)
    if ours != theirs:
        yield f"{where}: {_first_difference(ours, theirs)}"
    elif any(kind not in ("var", wanted) for kind, (_, wanted, _) in zip(registered.types, template.variables, strict=True)):
        wanted = ", ".join(f"{name} {kind}" for name, kind, _ in template.variables)
        yield f"{where}: its variables are registered as {', '.join(registered.types)}; we send {wanted}"
    headers = {h for carrier in config.carriers.outbound_sms if (h := config.carriers.sending(carrier).header or config.sms.dlt_header)}
    if registered.header and headers and not headers & set(re.split(r"[\s,;|]+", registered.header)):
        yield f"{where}: registered for the sender {registered.header}; we send as {', '.join(sorted(headers))}"
    if registered.status.lower() not in ACTIVE:
        yield f"{where}: its status is “{registered.status}”"


def _plain(content: str) -> str:
    """Bengali in one form, one space between words, every variable the same."""
    return " ".join(_TAG.sub(_ANY, unicodedata.normalize("NFC", content)).split())


def _first_difference(ours: str, theirs: str) -> str:
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "equal":
            before = ours[max(0, a - 20) : a]
            return f"after “{before}” we send “{ours[a:b][:40]}”, registered is “{theirs[c:d][:40]}”"
    return ""


def fits(content: str, text: str) -> bool:
    """Whether an operator lets `text` pass under a registered `content`: word for word, each variable at most 30 characters."""
    fixed = [re.escape(part) for part in _plain(content).split(_ANY)]
    return re.fullmatch(f".{{0,{MAX_VALUE}}}".join(fixed), " ".join(unicodedata.normalize("NFC", text).split()), re.S) is not None
