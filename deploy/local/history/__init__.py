"""The past that an environment is given: metrics of up to 14 days, logs and traces of the last, all of one recipe."""
