"""Alembic runs this file; the connection and its transaction are the caller's."""

from alembic import context

from app.core.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
