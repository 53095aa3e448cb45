"""Pacts: what a group's deposits are promised, and whether a contract keeps it."""
