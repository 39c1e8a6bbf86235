"""PostgreSQL behind the ports: schema, statements, migrations."""
