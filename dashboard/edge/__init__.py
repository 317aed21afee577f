"""What stands between the network and Streamlit: who may come in, by which messages, how often, and how many at a time.

Streamlit trusts its visitors: any of them may empty its caches, start threads without bound and fetch any export. So
`entrance.py` looks at each request, `visits.py` at each connection and its messages. Who may do what is decided
elsewhere: nothing here knows of releases.
"""
