"""citizens rung from the complaint's page

Revision: 0019, after 0018
"""

from alembic import op
import sqlalchemy as sa

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'dials',
        sa.Column('id', _id(), autoincrement=False, nullable=False),
        sa.Column('complaint_id', _id(), nullable=False),
        sa.Column('user_id', _id(), nullable=False),
        sa.Column('number', sa.String(length=64), nullable=False),
        sa.Column('by', sa.String(length=10), nullable=False),
        sa.Column('was', sa.String(length=10), nullable=True),
        sa.Column('state', sa.String(length=10), nullable=False),
        sa.Column('outcome', sa.String(length=10), nullable=True),
        sa.Column('sid', sa.String(length=64), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_dials_complaint_id')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_dials_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_dials')),
    )
    op.create_index('ix_dials_live', 'dials', ['user_id'], unique=False, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
    op.create_index('ix_dials_sid', 'dials', ['sid'], unique=False, sqlite_where=sa.text('sid IS NOT NULL'), postgresql_where=sa.text('sid IS NOT NULL'))


def downgrade() -> None:
    op.drop_table('dials')
