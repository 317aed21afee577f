"""A small, generic Kubernetes API server for one machine: stores, lists, watches and patches any kind by the same code.

It is for trying, developing and testing, never for production. What it does not do it refuses in the API's own error
form. One process, one writer: every change passes `store.Store.commit`, which makes it durable before it is visible.
"""
