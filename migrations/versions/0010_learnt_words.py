"""what the classifier learns from corrections

Revision: 0010, after 0009
"""

from alembic import op
import sqlalchemy as sa

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('learnt_words',
    sa.Column('complaint_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('word', sa.String(length=40), nullable=False),
    sa.Column('category_code', sa.String(length=40), nullable=False),
    sa.Column('weight', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaints.id'], name=op.f('fk_learnt_words_complaint_id')),
    sa.PrimaryKeyConstraint('complaint_id', 'word', name=op.f('pk_learnt_words'))
    )


def downgrade() -> None:
    op.drop_table('learnt_words')
