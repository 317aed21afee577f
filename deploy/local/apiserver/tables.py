"""Rows for people: what `kubectl get` prints."""

from .present import Presenter


class TablePresenter(Presenter):
    def __init__(self, resource, include_object):
        super().__init__(resource)
