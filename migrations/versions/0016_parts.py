"""long messages in parts

Revision: 0016, after 0015
"""

from alembic import op
import sqlalchemy as sa

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'parts',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('key', sa.String(length=120), nullable=False),
        sa.Column('series', sa.String(length=120), nullable=False),
        sa.Column('number', sa.String(length=64), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('total', sa.Integer(), nullable=False),
        sa.Column('cut', sa.Boolean(), nullable=False),
        sa.Column('begins', sa.Boolean(), nullable=False),
        sa.Column('effect', sa.String(length=10), nullable=False),
        sa.Column('complaint_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_parts')),
        sa.UniqueConstraint('key', name=op.f('uq_parts_key')),
    )
    op.create_index('ix_parts_number', 'parts', ['number', 'at'])


def downgrade() -> None:
    op.drop_table('parts')
