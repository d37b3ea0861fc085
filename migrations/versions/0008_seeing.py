"""suspicions, the night's last run, and the audit sealed

Revision: 0008, after 0007
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "sqlite": [
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    ],
}
FREE = {
    "sqlite": ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"],
    "postgresql": ["DROP TRIGGER audit_append_only ON audit", "DROP FUNCTION audit_refuse()"],
}


def _id() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('last_runs',
    sa.Column('name', sa.String(length=30), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_last_runs'))
    )
    op.create_table('suspicions',
    sa.Column('complaint_id', _id(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('office_code', sa.String(length=80), nullable=False),
    sa.Column('actor_id', _id(), nullable=True),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by_id', _id(), nullable=True),
    sa.Column('data', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_suspicions_complaint_id')),
    sa.ForeignKeyConstraint(['actor_id'], ['users.id'], name=op.f('fk_suspicions_actor_id')),
    sa.ForeignKeyConstraint(['settled_by_id'], ['users.id'], name=op.f('fk_suspicions_settled_by_id')),
    sa.PrimaryKeyConstraint('complaint_id', 'seq', 'kind', name=op.f('pk_suspicions'))
    )
    op.create_index('ix_suspicions_at', 'suspicions', ['at'])
    op.create_table('audit_seals',
    sa.Column('first_id', _id(), autoincrement=False, nullable=False),
    sa.Column('last_id', _id(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('first_id', name=op.f('pk_audit_seals'))
    )
    op.create_index('ix_audit_user_id', 'audit', ['user_id', 'at'])
    op.create_index('ix_audit_complaint_id', 'audit', ['complaint_id', 'at'])
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for statement in FREE[op.get_bind().dialect.name]:
        op.execute(statement)
    op.drop_index('ix_audit_complaint_id', 'audit')
    op.drop_index('ix_audit_user_id', 'audit')
    op.drop_table('audit_seals')
    op.drop_table('suspicions')
    op.drop_table('last_runs')
