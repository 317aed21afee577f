"""Measurements and pictures of the deck. Not part of the product."""
