"""The controllers of the one-machine environment: ordinary clients of an API server, whichever that is."""
