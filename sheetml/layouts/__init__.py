"""Workbooks that sheetml knows by their layout: it builds them from data and recognises them in any file."""
