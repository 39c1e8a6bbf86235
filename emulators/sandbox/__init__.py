"""A small HTTP provider that plays every channel but e-mail, and misbehaves on request."""
