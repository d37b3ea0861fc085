"""ringing back whoever asked for it by SMS

Revision: 0022, after 0020
"""

from alembic import op
import sqlalchemy as sa

revision = '0022'
down_revision = '0020'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('callbacks') as batch_op:
        batch_op.alter_column('call_id', existing_type=KEY, nullable=True)


def downgrade() -> None:
    op.execute('DELETE FROM callbacks WHERE call_id IS NULL')  # without a call there was no ledger entry before
    with op.batch_alter_table('callbacks') as batch_op:
        batch_op.alter_column('call_id', existing_type=KEY, nullable=False)
