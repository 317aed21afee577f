"""A bounded open-loop load generator for the one-machine environment. It sends to loopback addresses only."""

from deploy.local.load.driver import drive
from deploy.local.load.summary import Summary

__all__ = ["Summary", "drive"]
