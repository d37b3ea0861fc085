"""times taken, by category and by level

Revision: 0020, after 0019
"""

from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None

TIMES = [(name, figure) for name in ('category', 'level') for figure in ('responded', 'resolved')]


def upgrade() -> None:
    for name, figure in TIMES:
        op.create_index(f'ix_counted_complaints_{name}_{figure}', 'counted_complaints', [name, figure, f'{figure}_hours'])


def downgrade() -> None:
    for name, figure in TIMES:
        op.drop_index(f'ix_counted_complaints_{name}_{figure}', 'counted_complaints')
