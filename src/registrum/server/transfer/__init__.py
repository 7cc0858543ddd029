"""Byte routes: uploads, downloads, ranges."""
