"""Alembic's entry: migrates the connection that `migrations.upgrade` opened."""

from alembic import context

from registrum.server.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
