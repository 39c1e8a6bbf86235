"""Providers behind the `MessageSender` port, one file each."""
