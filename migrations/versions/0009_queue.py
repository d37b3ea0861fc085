"""queue

Revision: 0009, after 0008
"""

from alembic import op
import sqlalchemy as sa


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('attendance',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('languages', sa.String(length=20), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_attendance_user_id')),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_attendance'))
    )
    op.create_table('waiting',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('call_sid', sa.String(length=64), nullable=False),
    sa.Column('number', sa.String(length=64), nullable=False),
    sa.Column('called', sa.String(length=64), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('complaint_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('agent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('offers', sa.Integer(), nullable=False),
    sa.Column('offered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('on_hold', sa.Boolean(), nullable=False),
    sa.Column('in_room', sa.Boolean(), nullable=False),
    sa.Column('held', sa.Boolean(), nullable=False),
    sa.Column('read_back', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['agent_id'], ['users.id'], name=op.f('fk_waiting_agent_id')),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_waiting_complaint_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_waiting')),
    sa.UniqueConstraint('call_sid', name=op.f('uq_waiting_call_sid'))
    )
    with op.batch_alter_table('waiting', schema=None) as batch_op:
        batch_op.create_index('ix_waiting_ended_at', ['ended_at'], unique=False)
        batch_op.create_index('ix_waiting_open', ['since'], unique=False, sqlite_where=sa.text("state IN ('waiting', 'ringing', 'talking')"), postgresql_where=sa.text("state IN ('waiting', 'ringing', 'talking')"))
        batch_op.create_index('ix_waiting_since', ['since'], unique=False)

    op.create_table('legs',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('waiting_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('purpose', sa.String(length=10), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('sid', sa.String(length=64), nullable=True),
    sa.Column('leaving', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_legs_user_id')),
    sa.ForeignKeyConstraint(['waiting_id'], ['waiting.id'], name=op.f('fk_legs_waiting_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_legs'))
    )
    with op.batch_alter_table('legs', schema=None) as batch_op:
        batch_op.create_index('ix_legs_live', ['user_id', 'state'], unique=False, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.create_index('ix_legs_waiting_id', ['waiting_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('legs', schema=None) as batch_op:
        batch_op.drop_index('ix_legs_waiting_id')
        batch_op.drop_index('ix_legs_live', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.drop_table('legs')
    with op.batch_alter_table('waiting', schema=None) as batch_op:
        batch_op.drop_index('ix_waiting_since')
        batch_op.drop_index('ix_waiting_open', sqlite_where=sa.text("state IN ('waiting', 'ringing', 'talking')"), postgresql_where=sa.text("state IN ('waiting', 'ringing', 'talking')"))
        batch_op.drop_index('ix_waiting_ended_at')

    op.drop_table('waiting')
    op.drop_table('attendance')
