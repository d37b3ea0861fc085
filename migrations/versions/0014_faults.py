"""faults

Revision: 0014, after 0013
"""

from alembic import op
import sqlalchemy as sa

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('carrier_states', sa.Column('closed_until', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_closing_texts_at', 'closing_texts', ['at', 'text_hash', 'complaint_id'])


def downgrade() -> None:
    op.drop_index('ix_closing_texts_at', 'closing_texts')
    op.drop_column('carrier_states', 'closed_until')
