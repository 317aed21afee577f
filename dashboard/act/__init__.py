"""Guarded actions: the only code that changes a cluster.

`plan.py` lists the steps in their one order, `steps/` holds one class a step, `executor.py` runs them, `desk.py` is
what a page talks to. Nothing here imports queries: an action is handed the function that judges.
"""
