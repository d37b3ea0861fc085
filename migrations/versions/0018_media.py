"""pictures that citizens send

Revision: 0018, after 0017
"""

from alembic import op
import sqlalchemy as sa

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'media',
        sa.Column('id', _id(), autoincrement=False, nullable=False),
        sa.Column('key', sa.String(length=120), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('number', sa.String(length=64), nullable=False),
        sa.Column('url', sa.Text(), nullable=False),
        sa.Column('declared_type', sa.String(length=80), nullable=False),
        sa.Column('complaint_id', _id(), nullable=True),
        sa.Column('attachment_id', _id(), nullable=True),
        sa.Column('state', sa.String(length=10), nullable=False),
        sa.Column('reason', sa.String(length=20), nullable=True),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_media_complaint_id')),
        sa.ForeignKeyConstraint(['attachment_id'], ['attachments.id'], name=op.f('fk_media_attachment_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_media')),
        sa.UniqueConstraint('key', 'position', name=op.f('uq_media_key_position')),
    )
    op.create_index('ix_media_due', 'media', ['next_at'], sqlite_where=sa.text("state = 'pending'"), postgresql_where=sa.text("state = 'pending'"))
    op.create_index('ix_media_complaint_id', 'media', ['complaint_id'], sqlite_where=sa.text('complaint_id IS NOT NULL'), postgresql_where=sa.text('complaint_id IS NOT NULL'))


def downgrade() -> None:
    op.drop_table('media')
