"""One class a step. Their order stands in `plan.py`."""
