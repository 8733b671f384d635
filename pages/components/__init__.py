"""Pieces that the pages share: theme, session, viewer, result panel, downloads."""
