"""casework

Revision: 0002, after 0001
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('amendments',
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('code', sa.String(length=120), nullable=False),
    sa.Column('row', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), 'postgresql'), nullable=True),
    sa.Column('version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['users.id'], name=op.f('fk_amendments_by_id')),
    sa.PrimaryKeyConstraint('kind', 'code', name=op.f('pk_amendments')),
    sa.UniqueConstraint('version', name=op.f('uq_amendments_version'))
    )
    op.create_table('alerts',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('complaint_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('office_code', sa.String(length=80), nullable=True),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seen_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_alerts_complaint_id')),
    sa.ForeignKeyConstraint(['seen_by_id'], ['users.id'], name=op.f('fk_alerts_seen_by_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_alerts_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alerts')),
    sa.UniqueConstraint('complaint_id', 'kind', 'at', 'office_code', 'user_id', name=op.f('uq_alerts_complaint_id_kind_at_office_code_user_id'))
    )
    with op.batch_alter_table('alerts', schema=None) as batch_op:
        batch_op.create_index('ix_alerts_office_code', ['office_code', 'at'], unique=False, sqlite_where=sa.text('seen_at IS NULL'), postgresql_where=sa.text('seen_at IS NULL'))
        batch_op.create_index('ix_alerts_user_id', ['user_id', 'at'], unique=False, sqlite_where=sa.text('seen_at IS NULL'), postgresql_where=sa.text('seen_at IS NULL'))

    op.create_table('barred',
    sa.Column('complaint_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('office_code', sa.String(length=80), nullable=False),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_barred_complaint_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_barred_user_id')),
    sa.PrimaryKeyConstraint('complaint_id', 'user_id', name=op.f('pk_barred'))
    )
    op.create_table('findings',
    sa.Column('complaint_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_findings_complaint_id')),
    sa.PrimaryKeyConstraint('complaint_id', 'kind', name=op.f('pk_findings'))
    )
    op.create_table('holdings',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('complaint_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('office_code', sa.String(length=80), nullable=False),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('working_minutes', sa.Integer(), nullable=False),
    sa.Column('ended_by', sa.String(length=30), nullable=False),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_holdings_complaint_id')),
    sa.ForeignKeyConstraint(['owner_id'], ['users.id'], name=op.f('fk_holdings_owner_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_holdings'))
    )
    with op.batch_alter_table('holdings', schema=None) as batch_op:
        batch_op.create_index('ix_holdings_complaint_id', ['complaint_id'], unique=False)
        batch_op.create_index('ix_holdings_office_code', ['office_code', 'until'], unique=False)

    with op.batch_alter_table('complaints', schema=None) as batch_op:
        batch_op.add_column(sa.Column('local_body_code', sa.String(length=60), nullable=True))
        batch_op.add_column(sa.Column('office_code', sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column('held_since', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('held_paused_minutes', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('transfers', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('response_due_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('responded_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('warn_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('escalated_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('asked_seq', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('clock_stopped_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('paused_minutes', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('news_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('harm_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('email', sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column('told_by', sa.String(length=5), nullable=False, server_default='sms'))
        batch_op.add_column(sa.Column('joined', sa.Integer(), nullable=False, server_default='0'))
        batch_op.drop_index(batch_op.f('ix_complaints_department_code_state'), sqlite_where=sa.text('department_code IS NOT NULL'))
        batch_op.create_index('ix_complaints_duplicate_of_id', ['duplicate_of_id'], unique=False, sqlite_where=sa.text('duplicate_of_id IS NOT NULL'), postgresql_where=sa.text('duplicate_of_id IS NOT NULL'))
        batch_op.create_index('ix_complaints_news_at', ['news_at'], unique=False, sqlite_where=sa.text('news_at IS NOT NULL'), postgresql_where=sa.text('news_at IS NOT NULL'))
        batch_op.create_index('ix_complaints_office_code_state', ['office_code', 'state', 'due_at'], unique=False, sqlite_where=sa.text('office_code IS NOT NULL'), postgresql_where=sa.text('office_code IS NOT NULL'))
        batch_op.create_index('ix_complaints_warn_at', ['warn_at'], unique=False, sqlite_where=sa.text('warn_at IS NOT NULL'), postgresql_where=sa.text('warn_at IS NOT NULL'))

    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('office_code', sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column('phone', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('deputy_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('absent_from', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('absent_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint(batch_op.f('fk_users_department_code'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('fk_users_district_code'), type_='foreignkey')
        batch_op.create_foreign_key(batch_op.f('fk_users_deputy_id'), 'users', ['deputy_id'], ['id'])

    op.drop_table('categories')
    op.drop_table('districts')
    op.drop_table('departments')
    # What is open is its department's head office's until somebody forwards it; an officer works in the head office.
    op.execute("UPDATE complaints SET office_code = COALESCE(department_code, 'cmo'), held_since = COALESCE(registered_at, created_at)")
    op.execute("UPDATE complaints SET warn_at = due_at, news_at = due_at WHERE state IN "
               "('registered', 'under_review', 'forwarded', 'in_progress', 'action_required', 'reopened')")
    op.execute("UPDATE users SET office_code = department_code, department_code = NULL WHERE role = 'officer'")


def downgrade() -> None:
    op.create_table('departments',
    sa.Column('code', sa.VARCHAR(length=20), nullable=False),
    sa.Column('name_en', sa.VARCHAR(length=200), nullable=False),
    sa.Column('name_bn', sa.VARCHAR(length=200), nullable=False),
    sa.Column('active', sa.BOOLEAN(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_departments'))
    )
    op.create_table('districts',
    sa.Column('code', sa.VARCHAR(length=8), nullable=False),
    sa.Column('name_en', sa.VARCHAR(length=100), nullable=False),
    sa.Column('name_bn', sa.VARCHAR(length=100), nullable=False),
    sa.Column('name_hi', sa.VARCHAR(length=100), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_districts'))
    )
    op.create_table('categories',
    sa.Column('code', sa.VARCHAR(length=40), nullable=False),
    sa.Column('parent_code', sa.VARCHAR(length=40), nullable=True),
    sa.Column('name_en', sa.VARCHAR(length=200), nullable=False),
    sa.Column('name_bn', sa.VARCHAR(length=200), nullable=False),
    sa.Column('name_hi', sa.VARCHAR(length=200), nullable=False),
    sa.Column('department_code', sa.VARCHAR(length=20), nullable=False),
    sa.Column('priority', sa.VARCHAR(length=10), nullable=False),
    sa.Column('sla_days', sa.INTEGER(), nullable=False),
    sa.ForeignKeyConstraint(['department_code'], ['departments.code'], name=op.f('fk_categories_department_code')),
    sa.ForeignKeyConstraint(['parent_code'], ['categories.code'], name=op.f('fk_categories_parent_code')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_categories'))
    )
    op.execute("UPDATE users SET department_code = NULL, district_code = NULL")
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_users_deputy_id'), type_='foreignkey')
        batch_op.create_foreign_key(batch_op.f('fk_users_district_code'), 'districts', ['district_code'], ['code'])
        batch_op.create_foreign_key(batch_op.f('fk_users_department_code'), 'departments', ['department_code'], ['code'])
        batch_op.drop_column('absent_until')
        batch_op.drop_column('absent_from')
        batch_op.drop_column('deputy_id')
        batch_op.drop_column('phone')
        batch_op.drop_column('office_code')

    with op.batch_alter_table('complaints', schema=None) as batch_op:
        batch_op.drop_index('ix_complaints_warn_at', sqlite_where=sa.text('warn_at IS NOT NULL'), postgresql_where=sa.text('warn_at IS NOT NULL'))
        batch_op.drop_index('ix_complaints_office_code_state', sqlite_where=sa.text('office_code IS NOT NULL'), postgresql_where=sa.text('office_code IS NOT NULL'))
        batch_op.drop_index('ix_complaints_news_at', sqlite_where=sa.text('news_at IS NOT NULL'), postgresql_where=sa.text('news_at IS NOT NULL'))
        batch_op.drop_index('ix_complaints_duplicate_of_id', sqlite_where=sa.text('duplicate_of_id IS NOT NULL'), postgresql_where=sa.text('duplicate_of_id IS NOT NULL'))
        batch_op.create_index(batch_op.f('ix_complaints_department_code_state'), ['department_code', 'state', 'due_at'], unique=False, sqlite_where=sa.text('department_code IS NOT NULL'))
        batch_op.drop_column('joined')
        batch_op.drop_column('told_by')
        batch_op.drop_column('email')
        batch_op.drop_column('harm_at')
        batch_op.drop_column('news_at')
        batch_op.drop_column('paused_minutes')
        batch_op.drop_column('clock_stopped_at')
        batch_op.drop_column('asked_seq')
        batch_op.drop_column('escalated_at')
        batch_op.drop_column('warn_at')
        batch_op.drop_column('responded_at')
        batch_op.drop_column('response_due_at')
        batch_op.drop_column('transfers')
        batch_op.drop_column('held_paused_minutes')
        batch_op.drop_column('held_since')
        batch_op.drop_column('office_code')
        batch_op.drop_column('local_body_code')

    with op.batch_alter_table('holdings', schema=None) as batch_op:
        batch_op.drop_index('ix_holdings_office_code')
        batch_op.drop_index('ix_holdings_complaint_id')

    op.drop_table('holdings')
    op.drop_table('findings')
    op.drop_table('barred')
    with op.batch_alter_table('alerts', schema=None) as batch_op:
        batch_op.drop_index('ix_alerts_user_id', sqlite_where=sa.text('seen_at IS NULL'), postgresql_where=sa.text('seen_at IS NULL'))
        batch_op.drop_index('ix_alerts_office_code', sqlite_where=sa.text('seen_at IS NULL'), postgresql_where=sa.text('seen_at IS NULL'))

    op.drop_table('alerts')
    op.drop_table('amendments')
