"""Senders against real SMTP and real HTTP on this machine."""
