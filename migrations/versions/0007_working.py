"""working a complaint

Revision: 0007, after 0006
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('bulk_runs',
    sa.Column('token', sa.String(length=40), nullable=False),
    sa.Column('user_id', _id(), nullable=False),
    sa.Column('action', sa.String(length=30), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('results', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_bulk_runs_user_id')),
    sa.PrimaryKeyConstraint('token', name=op.f('pk_bulk_runs'))
    )
    op.create_table('reply_templates',
    sa.Column('id', _id(), nullable=False),
    sa.Column('field', sa.String(length=12), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('title', sa.String(length=80), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('by_id', _id(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['users.id'], name=op.f('fk_reply_templates_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reply_templates'))
    )
    op.create_table('attachments',
    sa.Column('id', _id(), nullable=False),
    sa.Column('complaint_id', _id(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('purpose', sa.String(length=10), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('content_type', sa.String(length=40), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('path', sa.String(length=200), nullable=False),
    sa.Column('thumbnail', sa.String(length=200), nullable=True),
    sa.Column('by_id', _id(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['users.id'], name=op.f('fk_attachments_by_id')),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_attachments_complaint_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attachments'))
    )
    op.create_index('ix_attachments_complaint_id', 'attachments', ['complaint_id'], unique=False)
    op.create_index('ix_attachments_sha256', 'attachments', ['sha256'], unique=False)
    op.create_table('closing_texts',
    sa.Column('complaint_id', _id(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('text_hash', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('office_code', sa.String(length=80), nullable=True),
    sa.Column('by_id', _id(), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['users.id'], name=op.f('fk_closing_texts_by_id')),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_closing_texts_complaint_id')),
    sa.PrimaryKeyConstraint('complaint_id', 'seq', name=op.f('pk_closing_texts'))
    )
    op.create_index('ix_closing_texts_text_hash', 'closing_texts', ['text_hash', 'at'], unique=False)
    op.create_table('presence',
    sa.Column('complaint_id', _id(), nullable=False),
    sa.Column('user_id', _id(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('doing', sa.String(length=20), nullable=False),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_presence_complaint_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_presence_user_id')),
    sa.PrimaryKeyConstraint('complaint_id', 'user_id', name=op.f('pk_presence'))
    )
    op.create_table('subtasks',
    sa.Column('id', _id(), nullable=False),
    sa.Column('complaint_id', _id(), nullable=False),
    sa.Column('office_code', sa.String(length=80), nullable=False),
    sa.Column('what', sa.Text(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('asked_by_id', _id(), nullable=True),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('report', sa.Text(), nullable=False),
    sa.Column('answered_by_id', _id(), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['answered_by_id'], ['users.id'], name=op.f('fk_subtasks_answered_by_id')),
    sa.ForeignKeyConstraint(['asked_by_id'], ['users.id'], name=op.f('fk_subtasks_asked_by_id')),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_subtasks_complaint_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subtasks'))
    )
    op.create_index('ix_subtasks_complaint_id', 'subtasks', ['complaint_id'], unique=False)
    op.create_index('ix_subtasks_office_code', 'subtasks', ['office_code', 'due_at'], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_table('work_codes',
    sa.Column('user_id', _id(), nullable=False),
    sa.Column('code', sa.String(length=5), nullable=False),
    sa.Column('complaint_id', _id(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_work_codes_complaint_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_work_codes_user_id')),
    sa.PrimaryKeyConstraint('user_id', 'code', name=op.f('pk_work_codes')),
    sa.UniqueConstraint('user_id', 'complaint_id', name=op.f('uq_work_codes_user_id_complaint_id'))
    )
    op.add_column('complaints', sa.Column('urgency', sa.String(length=24), nullable=False, server_default=''))
    _fill_urgency()
    op.create_index('ix_complaints_urgency', 'complaints', ['urgency', 'id'], unique=False, sqlite_where=sa.text("state NOT IN ('closed', 'rejected', 'duplicate')"), postgresql_where=sa.text("state NOT IN ('closed', 'rejected', 'duplicate')"))


def _fill_urgency() -> None:
    """The day of harm, the priority's rank, the due time: as helpline.effects.urgency writes it."""
    sqlite = op.get_bind().dialect.name == 'sqlite'
    harm = "strftime('%Y%m%d', harm_at)" if sqlite else "to_char(harm_at AT TIME ZONE 'UTC', 'YYYYMMDD')"
    due = "strftime('%Y%m%d%H%M', due_at)" if sqlite else "to_char(due_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MI')"
    rank = "CASE priority WHEN 'urgent' THEN '0' WHEN 'high' THEN '1' WHEN 'normal' THEN '2' WHEN 'low' THEN '3' ELSE '9' END"
    op.execute(f"UPDATE complaints SET urgency = coalesce({harm}, '99999999') || {rank} || coalesce({due}, '999999999999')")


def downgrade() -> None:
    op.drop_index('ix_complaints_urgency', table_name='complaints', sqlite_where=sa.text("state NOT IN ('closed', 'rejected', 'duplicate')"), postgresql_where=sa.text("state NOT IN ('closed', 'rejected', 'duplicate')"))
    op.drop_column('complaints', 'urgency')
    op.drop_table('work_codes')
    op.drop_index('ix_subtasks_office_code', table_name='subtasks', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.drop_index('ix_subtasks_complaint_id', table_name='subtasks')
    op.drop_table('subtasks')
    op.drop_table('presence')
    op.drop_index('ix_closing_texts_text_hash', table_name='closing_texts')
    op.drop_table('closing_texts')
    op.drop_index('ix_attachments_sha256', table_name='attachments')
    op.drop_index('ix_attachments_complaint_id', table_name='attachments')
    op.drop_table('attachments')
    op.drop_table('reply_templates')
    op.drop_table('bulk_runs')
