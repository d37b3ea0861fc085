"""figures

Revision: 0005, after 0004
"""

from alembic import op
import sqlalchemy as sa

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

DAYS = ('registered', 'open', 'judged', 'kept', 'closed', 'confirmed', 'unconfirmed', 'rejected', 'reopened', 'responded', 'resolved')


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('counted_complaints',
    sa.Column('complaint_id', key, autoincrement=False, nullable=False),
    sa.Column('department', sa.String(length=20), nullable=False),
    sa.Column('district', sa.String(length=8), nullable=False),
    sa.Column('category', sa.String(length=40), nullable=False),
    sa.Column('level', sa.String(length=2), nullable=False),
    sa.Column('office', sa.String(length=80), nullable=False),
    sa.Column('subcategory', sa.String(length=40), nullable=False),
    sa.Column('local_body', sa.String(length=60), nullable=False),
    *(sa.Column(name, sa.Date(), nullable=True) for name in DAYS),
    sa.Column('responded_hours', sa.Integer(), nullable=True),
    sa.Column('resolved_hours', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_counted_complaints_complaint_id')),
    sa.PrimaryKeyConstraint('complaint_id', name=op.f('pk_counted_complaints'))
    )
    op.create_index('ix_counted_complaints_department', 'counted_complaints', ['department', 'district'])
    op.create_index('ix_counted_complaints_district', 'counted_complaints', ['district'])
    op.create_index('ix_counted_complaints_registered', 'counted_complaints', ['registered', 'subcategory', 'district', 'local_body'])
    op.create_table('daily_counts',
    sa.Column('slice', sa.String(length=30), nullable=False),
    sa.Column('figure', sa.String(length=20), nullable=False),
    sa.Column('code', sa.String(length=80), nullable=False),
    sa.Column('second', sa.String(length=40), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('hours', sa.Integer(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('slice', 'figure', 'code', 'second', 'day', 'hours', name=op.f('pk_daily_counts'))
    )
    op.create_index('ix_daily_counts_day', 'daily_counts', ['slice', 'figure', 'day', 'code', 'second', 'count'])
    op.create_index('ix_daily_counts_second', 'daily_counts', ['slice', 'figure', 'second', 'day', 'code', 'count'])
    for name in ('response_minutes', 'resolution_minutes'):
        op.add_column('complaints', sa.Column(name, sa.Integer(), nullable=True))
    op.add_column('complaints', sa.Column('reopened_at', sa.DateTime(timezone=True), nullable=True))
    # Whatever is there is taken in anew by the worker, which counts it.
    op.execute("UPDATE complaints SET indexed_seq = 0 WHERE indexed_seq <> 0")


def downgrade() -> None:
    with op.batch_alter_table('complaints') as batch_op:
        for name in ('reopened_at', 'resolution_minutes', 'response_minutes'):
            batch_op.drop_column(name)
    op.drop_table('daily_counts')
    op.drop_table('counted_complaints')
