"""telling and asking the citizen

Revision: 0004, after 0003
"""

from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('outbox', sa.Column('check_code', sa.String(length=9), nullable=True))
    op.add_column('outbox', sa.Column('address', sa.String(length=120), nullable=True))
    op.create_index('ix_outbox_check_code', 'outbox', ['check_code'], unique=False, sqlite_where=sa.text('check_code IS NOT NULL'), postgresql_where=sa.text('check_code IS NOT NULL'))
    op.create_table('tries',
    sa.Column('id', _id(), nullable=False),
    sa.Column('outbox_id', _id(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('outcome', sa.String(length=20), nullable=True),
    sa.Column('code', sa.String(length=20), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('by_id', _id(), nullable=True),
    sa.ForeignKeyConstraint(['outbox_id'], ['outbox.id'], name=op.f('fk_tries_outbox_id')),
    sa.ForeignKeyConstraint(['by_id'], ['users.id'], name=op.f('fk_tries_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tries'))
    )
    op.create_index('ix_tries_outbox_id', 'tries', ['outbox_id'], unique=False)
    op.create_index('ix_tries_kind_at', 'tries', ['kind', 'at'], unique=False)
    op.create_table('feedback',
    sa.Column('complaint_id', _id(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('asked_by', sa.String(length=5), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('solved', sa.Boolean(), nullable=True),
    sa.Column('rating', sa.Integer(), nullable=True),
    sa.Column('conduct', sa.Boolean(), nullable=True),
    sa.Column('channel', sa.String(length=10), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('from_number', sa.String(length=64), nullable=True),
    sa.Column('from_staff', sa.Boolean(), nullable=False),
    sa.Column('claimed_by_id', _id(), nullable=True),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(length=20), nullable=True),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_feedback_complaint_id')),
    sa.ForeignKeyConstraint(['claimed_by_id'], ['users.id'], name=op.f('fk_feedback_claimed_by_id')),
    sa.PrimaryKeyConstraint('complaint_id', 'round', name=op.f('pk_feedback'))
    )
    op.create_index('ix_feedback_next_at', 'feedback', ['next_at'], unique=False, sqlite_where=sa.text('next_at IS NOT NULL'), postgresql_where=sa.text('next_at IS NOT NULL'))
    op.create_index('ix_feedback_answered_at', 'feedback', ['answered_at'], unique=False)
    # What is resolved and waits for its answer was asked once, when it was resolved.
    op.execute("INSERT INTO feedback (complaint_id, round, asked_at, asked_by, tries, next_at, from_staff) "
               "SELECT id, reopen_count, resolved_at, 'sms', 1, resolved_at, false FROM complaints WHERE state = 'resolved' AND resolved_at IS NOT NULL")


def downgrade() -> None:
    op.drop_table('feedback')
    op.drop_table('tries')
    op.drop_index('ix_outbox_check_code', table_name='outbox')
    with op.batch_alter_table('outbox') as batch_op:
        batch_op.drop_column('address')
        batch_op.drop_column('check_code')
