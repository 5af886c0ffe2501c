"""The proof: the same requests to a Flask original and to its counterpart, and what differs."""
