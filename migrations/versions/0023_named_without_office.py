"""somebody without an office, or of the grievance cell, named in a complaint

Revision: 0023, after 0022
"""

from alembic import op
import sqlalchemy as sa

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('barred') as batch_op:
        batch_op.alter_column('office_code', existing_type=sa.String(length=80), nullable=True)
    op.execute("UPDATE barred SET office_code = NULL WHERE office_code = 'cmo'")  # all offices are below it


def downgrade() -> None:
    op.execute("UPDATE barred SET office_code = '' WHERE office_code IS NULL")
    with op.batch_alter_table('barred') as batch_op:
        batch_op.alter_column('office_code', existing_type=sa.String(length=80), nullable=False)
