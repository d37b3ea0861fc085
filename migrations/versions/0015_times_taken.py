"""times taken

Revision: 0015, after 0014
"""

from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

TIMES = [(name, figure) for name in ('department', 'district') for figure in ('responded', 'resolved')]


def upgrade() -> None:
    for name, figure in TIMES:
        op.create_index(f'ix_counted_complaints_{name}_{figure}', 'counted_complaints', [name, figure, f'{figure}_hours'])
    op.drop_index('ix_counted_complaints_district', 'counted_complaints')


def downgrade() -> None:
    op.create_index('ix_counted_complaints_district', 'counted_complaints', ['district'])
    for name, figure in TIMES:
        op.drop_index(f'ix_counted_complaints_{name}_{figure}', 'counted_complaints')
