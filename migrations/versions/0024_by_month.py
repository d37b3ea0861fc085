"""sums by month; times taken by level among the sums

Revision: 0024, after 0023
"""

from alembic import op
import sqlalchemy as sa

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None

MEASURES = ('responded', 'resolved')
MONTH = {'sqlite': "date(day, 'start of month')", 'postgresql': "date_trunc('month', day::timestamp)::date"}


def upgrade() -> None:
    op.create_table('monthly_counts',
    sa.Column('slice', sa.String(length=30), nullable=False),
    sa.Column('figure', sa.String(length=20), nullable=False),
    sa.Column('code', sa.String(length=80), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('second', sa.String(length=40), nullable=False),
    sa.Column('hours', sa.Integer(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('slice', 'figure', 'code', 'day', 'second', 'hours', name=op.f('pk_monthly_counts'))
    )
    op.create_index('ix_monthly_counts_second', 'monthly_counts', ['slice', 'figure', 'second', 'day'])
    for figure in MEASURES:
        op.drop_index(f'ix_counted_complaints_level_{figure}', 'counted_complaints')
        op.execute(f"""INSERT INTO daily_counts (slice, figure, code, second, day, hours, count)
            SELECT 'level', '{figure}', level, '', {figure}, {figure}_hours, count(*) FROM counted_complaints
            WHERE {figure} IS NOT NULL AND {figure}_hours IS NOT NULL GROUP BY level, {figure}, {figure}_hours""")
    month = MONTH[op.get_bind().dialect.name]
    op.execute(f"""INSERT INTO monthly_counts (slice, figure, code, second, day, hours, count)
        SELECT slice, figure, code, second, {month}, hours, sum(count) FROM daily_counts
        WHERE figure <> 'held' GROUP BY slice, figure, code, second, {month}, hours HAVING sum(count) <> 0
        ORDER BY slice, figure, code, {month}""")


def downgrade() -> None:
    op.drop_table('monthly_counts')
    op.execute("DELETE FROM daily_counts WHERE slice = 'level' AND figure IN ('responded', 'resolved')")
    for figure in MEASURES:
        op.create_index(f'ix_counted_complaints_level_{figure}', 'counted_complaints', ['level', figure, f'{figure}_hours'])
