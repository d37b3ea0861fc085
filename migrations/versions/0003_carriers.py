"""carriers

Revision: 0003, after 0002
"""

from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('carrier_states',
    sa.Column('carrier', sa.String(length=20), nullable=False),
    sa.Column('free_at', sa.BigInteger(), nullable=False),
    sa.Column('resting_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('carrier', name=op.f('pk_carrier_states'))
    )
    op.add_column('outbox', sa.Column('asked', sa.Boolean(), nullable=False, server_default=sa.false()))
    # A claim with no carrier was handed to nobody; until now that was Twilio, or what speaks like it.
    op.execute("UPDATE outbox SET carrier = 'twilio' WHERE state = 'claimed' AND carrier IS NULL")


def downgrade() -> None:
    with op.batch_alter_table('outbox') as batch_op:
        batch_op.drop_column('asked')
    op.drop_table('carrier_states')
