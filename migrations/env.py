"""Alembic's environment: the store of the configuration, or the connection given by whoever migrates."""

from alembic import context

from helpline.config import load
from models import Base, make_engine
from models.base import UtcDateTime

config = context.config


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Migrations name plain types, so that they do not change when our own types do."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


OPTIONS = {"target_metadata": Base.metadata, "render_as_batch": True, "compare_type": True, "render_item": render_item}


def migrate(connection: object) -> None:
    context.configure(connection=connection, **OPTIONS)  # type: ignore[arg-type]
    with context.begin_transaction():
        context.run_migrations()


given = config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with make_engine(load().database.url).connect() as own:
        migrate(own)
        own.commit()
