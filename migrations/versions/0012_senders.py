"""numbers that send or call a great deal, and abuse

Revision: 0012, after 0011
"""

from alembic import op
import sqlalchemy as sa

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'senders',
        sa.Column('id', _id(), autoincrement=False, nullable=False),
        sa.Column('number', sa.String(length=64), nullable=False),
        sa.Column('noticed_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('over', sa.String(length=12), nullable=True),
        sa.Column('over_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('abuse_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('withheld', sa.Integer(), nullable=False),
        sa.Column('withheld_since', sa.DateTime(timezone=True), nullable=True),
        sa.Column('summary_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('language', sa.String(length=2), nullable=True),
        sa.Column('decision', sa.String(length=8), nullable=True),
        sa.Column('until', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_senders')),
        sa.UniqueConstraint('number', name=op.f('uq_senders_number')),
    )
    op.create_index('ix_senders_summary_at', 'senders', ['summary_at'], unique=False, sqlite_where=sa.text('summary_at IS NOT NULL'), postgresql_where=sa.text('summary_at IS NOT NULL'))
    op.create_table(
        'sender_decisions',
        sa.Column('id', _id(), autoincrement=False, nullable=False),
        sa.Column('sender_id', _id(), nullable=False),
        sa.Column('decision', sa.String(length=8), nullable=False),
        sa.Column('reason', sa.String(length=300), nullable=False),
        sa.Column('until', sa.DateTime(timezone=True), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('by_id', _id(), nullable=False),
        sa.ForeignKeyConstraint(['sender_id'], ['senders.id'], name=op.f('fk_sender_decisions_sender_id')),
        sa.ForeignKeyConstraint(['by_id'], ['users.id'], name=op.f('fk_sender_decisions_by_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sender_decisions')),
    )
    op.create_index('ix_sender_decisions_sender_id', 'sender_decisions', ['sender_id', 'at'], unique=False)
    op.create_table(
        'abuse_marks',
        sa.Column('id', _id(), autoincrement=False, nullable=False),
        sa.Column('sender_id', _id(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('kind', sa.String(length=10), nullable=False),
        sa.Column('channel', sa.String(length=10), nullable=False),
        sa.Column('word', sa.String(length=60), nullable=False),
        sa.Column('text', sa.String(length=400), nullable=False),
        sa.Column('complaint_id', _id(), nullable=True),
        sa.ForeignKeyConstraint(['sender_id'], ['senders.id'], name=op.f('fk_abuse_marks_sender_id')),
        sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_abuse_marks_complaint_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_abuse_marks')),
    )
    op.create_index('ix_abuse_marks_sender_id', 'abuse_marks', ['sender_id', 'at'], unique=False)
    op.add_column('waiting', sa.Column('turn_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('waiting', schema=None) as batch_op:
        batch_op.drop_column('turn_at')
    op.drop_table('abuse_marks')
    op.drop_table('sender_decisions')
    op.drop_table('senders')
