"""The log store: the part of Elasticsearch's API that the deck and its collector use, on tantivy.

What it does not know it refuses in Elasticsearch's error form; no clause is ignored.
"""
