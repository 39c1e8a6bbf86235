"""The words for what is decided and what happens, the same wherever it is shown."""
