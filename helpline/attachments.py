"""Photos and documents of a complaint: proof of an action taken, and what agents add for a caller.

Nothing is believed of a file but its content. A photo is decoded and written anew, which leaves out what its camera noted (the
place above all); a PDF must have a PDF's structure, and is only ever handed out as a download.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import IO, Any

import structlog
from sqlalchemy import Connection, insert, select

from helpline import files
from helpline.doing import CannotAct
from helpline.events import Actor
from helpline.runtime import Runtime
from models import Attachment, new_id

log = structlog.get_logger()
PHOTO, PDF = "image/jpeg", "application/pdf"
_MAGIC = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"RIFF", "WEBP"))
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")  # single photos, as iPhones take them
_ACTIVE = re.compile(rb"/(JavaScript|JS|Launch|EmbeddedFile)\b")  # a report has no use for these
_SUFFIX = {PHOTO: "jpg", PDF: "pdf"}


class Refused(CannotAct):
    """A file that is not taken: `file_too_large`, `file_too_many`, `file_unknown` or `file_broken`; `file_unkept` when there is no room for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "files")


@dataclass(frozen=True)
class Checked:
    """A file as it will be kept."""

    name: str
    content_type: str
    content: bytes
    thumbnail: bytes | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def check(runtime: Runtime, given: list[tuple[str, bytes]]) -> list[Checked]:
    """(name, content) as they came → as they are kept. Raises Refused."""
    rules = runtime.config.attachments
    if len(given) > rules.max_files:
        raise Refused("file_too_many")
    return [_checked(runtime, name, content) for name, content in given]


def _checked(runtime: Runtime, name: str, content: bytes) -> Checked:
    if len(content) > runtime.config.attachments.max_bytes:
        raise Refused("file_too_large")
    if content.startswith(b"%PDF-"):
        _check_pdf(content)
        return Checked(_shown_name(name), PDF, content, None)
    if kind := _kind(content):
        return Checked(_shown_name(name), PHOTO, *_photo(runtime, content, kind))
    raise Refused("file_unknown")


def _kind(content: bytes) -> str:
    """Pillow's name of a photo's format, by how the file begins; empty for what is none we take."""
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS:
        return "HEIF"
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), "")


def _shown_name(name: str) -> str:
    return re.sub(r"[^\w .()\-\u0900-\u09ff]", "_", PurePath(name.replace("\\", "/")).name)[-120:] or "file"


def _check_pdf(content: bytes) -> None:
    if not re.match(rb"%PDF-[12]\.\d", content) or b"startxref" not in content[-4096:] or b"%%EOF" not in content[-2048:]:
        raise Refused("file_broken")
    if _ACTIVE.search(content):
        raise Refused("file_unknown")


def _photo(runtime: Runtime, content: bytes, kind: str) -> tuple[bytes, bytes]:
    """(photo, thumbnail), both JPEG, upright, without anything but the picture."""
    from PIL import Image, ImageOps  # only where a photo comes in: the webhooks' processes start without it

    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    rules = runtime.config.attachments
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            if image.width * image.height > rules.max_pixels:
                raise Refused("file_too_large")
            upright = ImageOps.exif_transpose(image) or image
            plain = _on_white(upright)
    except (OSError, ValueError, SyntaxError, RuntimeError, EOFError, Image.DecompressionBombError) as error:
        raise Refused("file_broken") from error
    plain.thumbnail((rules.photo_side, rules.photo_side))
    photo = _jpeg(plain)
    plain.thumbnail((rules.thumbnail_side, rules.thumbnail_side))
    return photo, _jpeg(plain)


def _on_white(image: Any) -> Any:
    """Pixels alone, in RGB: what is transparent becomes white."""
    from PIL import Image

    full = image.convert("RGBA")
    plain = Image.new("RGB", full.size, "white")
    plain.paste(full, mask=full.getchannel("A"))
    return plain


def _jpeg(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85, optimize=True)
    return file.getvalue()


# ── keeping and handing out ─────────────────────────────────────────────────────────────────────────────────────────


def store(runtime: Runtime, given: list[Checked], complaint_id: int, purpose: str, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """Write the files; their rows are for `keep`, in the transaction of the action they come with. Raises Refused: all or none is kept."""
    rows = [_row(file, complaint_id, purpose, actor, now) for file in given]
    store_, written = runtime.config.storage.attachments, []
    try:
        for row, file in zip(rows, given, strict=True):
            for path, content in ((row["path"], file.content), (row["thumbnail"], file.thumbnail)):
                if path and content:
                    files.write(store_, path, content)
                    written.append(path)
    except files.Unkept as error:
        log.error("attachment.not_kept", complaint=complaint_id, error=str(error))
        for path in written:
            files.remove(store_, path)
        raise Refused("file_unkept") from error
    return rows


def _row(file: Checked, complaint_id: int, purpose: str, actor: Actor, now: datetime) -> dict[str, Any]:
    key = new_id(now)
    path = f"{now:%Y/%m/%d}/{key}.{_SUFFIX[file.content_type]}"
    thumbnail = f"{now:%Y/%m/%d}/{key}.small.jpg" if file.thumbnail else None
    return {"id": key, "complaint_id": complaint_id, "purpose": purpose, "name": file.name, "content_type": file.content_type,
            "size": len(file.content), "sha256": file.sha256, "path": path, "thumbnail": thumbnail, "by_id": actor.user_id, "at": now}  # fmt: skip


def keep(db: Connection, rows: list[dict[str, Any]], seq: int) -> str:
    """The rows of stored files, with the event they come with; their hashes, which the event keeps. What is kept already comes with no second event."""
    here = set(db.scalars(select(Attachment.id).where(Attachment.id.in_([row["id"] for row in rows])))) if rows else set()
    rows = [row for row in rows if row["id"] not in here]
    if rows:
        db.execute(insert(Attachment), [row | {"seq": seq} for row in rows])
    return " ".join(row["sha256"] for row in rows)


def of(db: Any, complaint_id: int) -> list[Any]:
    return list(db.execute(select(Attachment.__table__).where(Attachment.complaint_id == complaint_id).order_by(Attachment.id)))


def open_file(runtime: Runtime, path: str) -> IO[bytes]:
    """The file of a row's `path` or `thumbnail`. Raises FileNotFoundError."""
    return files.read(runtime.config.storage.attachments, path)
