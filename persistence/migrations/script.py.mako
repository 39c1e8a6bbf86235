"""${message}"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the schema forward."""
    ${upgrades if upgrades else ""}


def downgrade() -> None:
    """Move the schema back."""
    ${downgrades if downgrades else ""}
