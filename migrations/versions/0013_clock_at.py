"""clock_at

Revision: 0013, after 0012
"""

from alembic import op
import sqlalchemy as sa

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

MOMENTS = ('warn_at', 'escalate_at', 'news_at')


def upgrade() -> None:
    op.add_column('complaints', sa.Column('clock_at', sa.DateTime(timezone=True), nullable=True))
    for moment in MOMENTS:
        op.execute(f"UPDATE complaints SET clock_at = {moment} WHERE {moment} IS NOT NULL AND (clock_at IS NULL OR {moment} < clock_at)")
        op.drop_index(f'ix_complaints_{moment}', 'complaints')
    op.create_index('ix_complaints_clock_at', 'complaints', ['clock_at'], sqlite_where=sa.text('clock_at IS NOT NULL'), postgresql_where=sa.text('clock_at IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('ix_complaints_clock_at', 'complaints')
    for moment in MOMENTS:
        present = sa.text(f'{moment} IS NOT NULL')
        op.create_index(f'ix_complaints_{moment}', 'complaints', [moment], sqlite_where=present, postgresql_where=present)
    op.drop_column('complaints', 'clock_at')
